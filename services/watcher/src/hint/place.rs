//! Where a git repository is, however its address is written: one repository is reached by https, by ssh and in the browser.

/// Host and path of a repository, without scheme, user and `.git`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place(String);

/// The ports that mean the same written or not.
const DEFAULT_PORTS: [(&str, &str); 4] =
    [("https", ":443"), ("http", ":80"), ("ssh", ":22"), ("git", ":9418")];

impl Place {
    /// The place of `scheme://[user@]host[:port]/path` or `[user@]host:path`; none for what is neither.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let address = address.trim();
        let (scheme, authority, path) = match address.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/')?;
                (scheme, authority, path)
            }
            None => {
                let (authority, path) = address.split_once(':')?;
                ("ssh", authority, path)
            }
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
        let port = DEFAULT_PORTS.iter().find(|(known, _)| *known == scheme).map_or("", |(_, port)| port);
        let host = host.strip_suffix(port).unwrap_or(&host);
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if path.is_empty() || (host.is_empty() && scheme != "file") {
            return None;
        }
        Some(Self(format!("{host}/{path}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, place: Option<&str>) {
        assert_eq!(Place::of(address).map(|place| place.0).as_deref(), place, "{address}");
    }

    #[test]
    fn one_repository_has_one_place() {
        for address in [
            "https://git.example/acme/app.git",
            "https://git.example/acme/app",
            "https://git.example/acme/app/",
            "https://bot:secret@Git.Example:443/acme/app.git",
            "http://git.example:80/acme/app",
            "ssh://git@git.example:22/acme/app.git",
            "git@git.example:acme/app.git",
            "git://git.example/acme/app",
        ] {
            check(address, Some("git.example/acme/app"));
        }
    }

    #[test]
    fn others_have_others() {
        check("https://git.example:8443/acme/app", Some("git.example:8443/acme/app"));
        check("https://git.example:22/acme/app", Some("git.example:22/acme/app"));
        check("git://127.0.0.1:40000/app.git", Some("127.0.0.1:40000/app"));
        check("file:///srv/git/app.git", Some("/srv/git/app"));
        for address in ["", "app", "https://git.example", "https://git.example/", "https:///app"] {
            check(address, None);
        }
    }
}
