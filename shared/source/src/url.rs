//! The address of a git repository, in a grammar of our own that is narrower than git's. Not where it may lead: see `Config`.
//!
//! ```text
//! address  := remote "://" [ user [ ":" password ] "@" ] host [ ":" port ] path  |  "file://" path
//! remote   := "https" | "http" | "ssh" | "git"
//! host     := label *( "." label )         label := letters, digits and inner "-"
//! path     := "/" *( letter | digit | one of "/._~-+@%:,=" ), without ".." and "." components
//! ```
//!
//! What git would also take is refused: `ext::` and other helpers (they run commands), `host:path`, plain paths, options.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The way a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// Secure shell.
    Ssh,
    /// HTTP in the clear.
    Http,
    /// Git's own protocol: neither secret nor authenticated.
    Git,
    /// A directory of this machine.
    File,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::Https, Self::Ssh, Self::Http, Self::Git, Self::File];

    /// The word before `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Ssh => "ssh",
            Self::Http => "http",
            Self::Git => "git",
            Self::File => "file",
        }
    }
}

/// A repository's address. `Display` and `Debug` leave out who asks, and the password above all.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct GitUrl {
    scheme: Scheme,
    /// The whole address without who asks.
    shown: String,
    asker: Option<Box<Asker>>,
}

/// Who asks, as the address says it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asker {
    user: String,
    password: Option<String>,
}

/// User and password. Not shown by anything.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
}

/// Why a text is no address. The text itself is not repeated, since it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the repository's address is refused: {0}")]
pub struct InvalidUrl(pub &'static str);

impl GitUrl {
    /// The way it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host with its port where one is written; empty for a directory of this machine.
    pub fn host(&self) -> &str {
        let after = self.shown.split_once("://").map_or(self.shown.as_str(), |(_, after)| after);
        after.split_once('/').map_or(after, |(host, _)| host)
    }

    /// What git is given on its command line: for ssh with the user, never with a password.
    pub(super) fn argument(&self) -> String {
        match (&self.asker, self.shown.strip_prefix("ssh://")) {
            (Some(asker), Some(place)) => format!("ssh://{}@{place}", asker.user),
            _ => self.shown.clone(),
        }
    }

    /// User and password for HTTP, percent-decoded, if the address has any.
    pub(super) fn credential(&self) -> Option<Credential> {
        let asker = self.asker.as_ref().filter(|_| self.scheme != Scheme::Ssh)?;
        let password = decode(asker.password.as_deref().unwrap_or_default());
        Some(Credential { user: decode(&asker.user), password })
    }

    /// Host with port, and path, of an address that has a host.
    pub(super) fn place(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.shown.split_once("://")?;
        Some(rest.split_at(rest.find('/')?))
    }
}

impl FromStr for GitUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > 1024 {
            return Err(InvalidUrl("it is longer than 1024 bytes"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidUrl("it holds a space, a control character or one beyond ASCII"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(InvalidUrl("write it as scheme://host/path, such as https://host/team/app"))?;
        let scheme = Scheme::ALL
            .into_iter()
            .find(|known| known.as_str() == scheme)
            .ok_or(InvalidUrl("its scheme is none of https, ssh, http, git, file"))?;
        let slash = rest.find('/').ok_or(InvalidUrl("it has no path"))?;
        let (authority, path) = rest.split_at(slash);
        check_path(path)?;
        let (asker, host) = match authority.rsplit_once('@') {
            Some((asker, host)) => (Some(asker), host),
            None => (None, authority),
        };
        match (scheme, host) {
            (Scheme::File, "") => {}
            (Scheme::File, _) => return Err(InvalidUrl("a file's address has no host: write file:///path")),
            (_, host) => check_host(host)?,
        }
        let asker = asker.map(|asker| check_asker(scheme, asker)).transpose()?;
        let shown = format!("{}://{}{path}", scheme.as_str(), host.to_ascii_lowercase());
        Ok(Self { scheme, shown, asker: asker.map(Box::new) })
    }
}

fn check_path(path: &str) -> Result<(), InvalidUrl> {
    if !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._~-+@%:,=".contains(&byte)) {
        return Err(InvalidUrl("its path holds a character other than letters, digits and /._~-+@%:,="));
    }
    if path.split('/').any(|component| component == ".." || component == ".") {
        return Err(InvalidUrl("its path holds a component . or .."));
    }
    // git hands the path to programs on the other side.
    if path.trim_matches('/').is_empty() || path.starts_with("/-") {
        return Err(InvalidUrl("its path is empty or starts with a dash"));
    }
    Ok(())
}

fn check_host(host: &str) -> Result<(), InvalidUrl> {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if name.split('.').all(label) && port {
        Ok(())
    } else {
        Err(InvalidUrl("its host is not a host name with an optional port"))
    }
}

fn check_asker(scheme: Scheme, text: &str) -> Result<Asker, InvalidUrl> {
    let word =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-+%=".contains(&byte));
    let (user, password) =
        text.split_once(':').map_or((text, None), |(user, password)| (user, Some(password)));
    if user.is_empty() || user.starts_with('-') || !word(user) || !password.is_none_or(word) {
        return Err(InvalidUrl(
            "its user or password is empty or holds characters that must be percent-encoded",
        ));
    }
    match (scheme, password) {
        (Scheme::Ssh, Some(_)) => Err(InvalidUrl("ssh takes no password: use a key")),
        (Scheme::Git | Scheme::File, _) => Err(InvalidUrl("its scheme knows no users")),
        (Scheme::Https | Scheme::Http | Scheme::Ssh, _) => {
            Ok(Asker { user: user.to_owned(), password: password.map(ToOwned::to_owned) })
        }
    }
}

/// Percent-decoding (RFC 3986 §2.1); what is no escape stays as it is.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| first == b'%').and_then(|digits| hex::decode(digits).ok());
        match escape {
            Some(bytes) => {
                decoded.extend(bytes);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    decoded
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: Option<&str>) {
        let parsed = text.parse::<GitUrl>();
        assert_eq!(parsed.as_ref().ok().map(GitUrl::to_string).as_deref(), shown, "{text}: {parsed:?}");
    }

    #[test]
    fn addresses_are_taken_and_shown_without_their_user() {
        check("https://git.example/team/app.git", Some("https://git.example/team/app.git"));
        check("https://Git.Example:8443/a", Some("https://git.example:8443/a"));
        check("https://bot:s3cret%40x@git.example/a", Some("https://git.example/a"));
        check("ssh://git@git.example:22/team/app", Some("ssh://git.example:22/team/app"));
        check("git://127.0.0.1:9418/app", Some("git://127.0.0.1:9418/app"));
        check("file:///srv/git/app.git", Some("file:///srv/git/app.git"));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "ext::sh -c touch% /tmp/x",
            "ext::sh",
            "ext://sh/x",
            "fd::17/x",
            "-u/x",
            "--upload-pack=touch /tmp/x",
            "git@git.example:team/app",
            "/srv/git/app.git",
            "../app",
            "file://host/srv/app",
            "file:///srv/../etc",
            "file://",
            "HTTPS://git.example/a",
            "https://git.example",
            "https://git.example/",
            "https:///a",
            "https://-oProxyCommand=x/a",
            "ssh://-oProxyCommand=x/a",
            "ssh://-oProxyCommand=x@git.example/a",
            "ssh://git:password@git.example/a",
            "ssh://git.example/-x",
            "https://git.example/a b",
            "https://git.example/a\nb",
            "https://git.example/a\rb",
            "https://git.example/a\0",
            "https://git.example/a?b",
            "https://git.example/a#b",
            "https://git.example/a;touch x",
            "https://git.example/$(id)",
            "https://git.example:0/a",
            "https://git.example:99999/a",
            "https://git.example./a",
            "https://us er@git.example/a",
            "https://@git.example/a",
            "git://user@git.example/a",
            "https://gît.example/a",
        ] {
            check(text, None);
        }
        check(&format!("https://git.example/{}", "a".repeat(1024)), None);
    }

    #[test]
    fn credentials_stay_inside() {
        let url: GitUrl = "https://bot:s3cret%40x@git.example/a".parse().unwrap();
        assert!(!format!("{url} {url:?} {}", url.argument()).contains("s3cret"));
        let credential = Credential { user: b"bot".to_vec(), password: b"s3cret@x".to_vec() };
        assert_eq!(url.credential(), Some(credential));
        let error = "https://bot:s3cret x@git.example/a".parse::<GitUrl>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        let ssh: GitUrl = "ssh://git@git.example/a".parse().unwrap();
        assert_eq!((ssh.argument().as_str(), ssh.credential()), ("ssh://git@git.example/a", None));
    }
}
