//! What a build is given beside its file. Not the file.

use std::collections::BTreeMap;

use artifact::Platform;

/// What the images of a file depend on and its text does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The build arguments (`--build-arg name=value`).
    pub arguments: BTreeMap<String, String>,
    /// The platform that the build runs on and for; where it is none, what depends on it is unresolved.
    pub platform: Option<Platform>,
    /// The named contexts (`--build-context name=value`), by name. Only images (`docker-image://…`) can be judged.
    pub contexts: BTreeMap<String, String>,
    /// The ONBUILD triggers in the configurations of the images that stages stand on, by the stage's number.
    pub triggers: BTreeMap<usize, Vec<String>>,
}

impl Inputs {
    /// The image or other thing that a build takes for `name`, if a named context has that name.
    ///
    /// As BuildKit compares them: without `docker.io/library/` and without `:latest`.
    pub(crate) fn context(&self, name: &str) -> Option<&str> {
        if self.contexts.is_empty() {
            return None;
        }
        let wanted = familiar(name);
        // BuildKit prefers a context for one platform (`name::linux/amd64`); either takes the name's place.
        let own = |key: &str| familiar(key.split("::").next().unwrap_or_default()) == wanted;
        self.contexts.iter().find(|(key, _)| own(key)).map(|(_, value)| value.as_str())
    }
}

fn familiar(name: &str) -> &str {
    let name =
        ["docker.io/", "index.docker.io/"].iter().find_map(|host| name.strip_prefix(host)).unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    name.strip_suffix(":latest").unwrap_or(name)
}
