//! Who asks over HTTP: users and passwords by host and path prefix, from a file in the format of git-credential-store(1). Not ssh: it has keys.
//!
//! ```text
//! line := ( "https" | "http" ) "://" [ user ] [ ":" password ] "@" host [ ":" port ] [ path ]  |  "#" comment  |  ""
//! ```
//!
//! User and password are percent-encoded. Of the lines for one scheme, host and port the one with the longest path counts that the repository's path is or lies below.

use std::path::Path;

use tokio::fs;

use super::Error;
use super::url::{Credential, GitUrl, decode};

/// More is no list of credentials.
const MOST_BYTES: usize = 1 << 20;

/// The credential for `url`, if the file has one.
pub(super) async fn find(file: &Path, url: &GitUrl) -> Result<Option<Credential>, Error> {
    let local = |source| Error::Local { doing: "reading the file of credentials", source };
    let text = fs::read(file).await.map_err(local)?;
    if text.len() > MOST_BYTES {
        return Err(local(std::io::ErrorKind::FileTooLarge.into()));
    }
    choose(&String::from_utf8_lossy(&text), url).map_err(|(line, reason)| Error::Credentials {
        file: file.to_owned(),
        line,
        reason,
    })
}

/// An error says which line is none, and why.
fn choose(text: &str, url: &GitUrl) -> Result<Option<Credential>, (usize, &'static str)> {
    let mut best: Option<(usize, Credential)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = Entry::parse(line).map_err(|reason| (number, reason))?;
        let Some(length) = entry.matches(url) else { continue };
        // The first of two that are equal, as git takes it.
        if best.as_ref().is_none_or(|(known, _)| *known < length) {
            best = Some((length, entry.credential));
        }
    }
    Ok(best.map(|(_, credential)| credential))
}

struct Entry<'t> {
    scheme: &'t str,
    host: String,
    path: &'t str,
    credential: Credential,
}

impl<'t> Entry<'t> {
    fn parse(line: &'t str) -> Result<Self, &'static str> {
        let (scheme, rest) = line.split_once("://").ok_or("there is no scheme")?;
        if !matches!(scheme, "https" | "http") {
            return Err("its scheme is neither https nor http; ssh has keys");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (asker, host) = authority.rsplit_once('@').ok_or("there is no user or password")?;
        let (user, password) = asker.split_once(':').unwrap_or((asker, ""));
        if asker.trim_matches(':').is_empty() {
            return Err("user and password are empty");
        }
        if host.is_empty() {
            return Err("there is no host");
        }
        let credential = Credential { user: decode(user), password: decode(password) };
        Ok(Self { scheme, host: host.to_ascii_lowercase(), path: path.trim_end_matches('/'), credential })
    }

    /// How long its path is, where it is meant for `url`.
    fn matches(&self, url: &GitUrl) -> Option<usize> {
        let (host, path) = url.place()?;
        let port = |host: &str| match (host.rsplit_once(':'), self.scheme) {
            (Some((name, "443")), "https") | (Some((name, "80")), "http") => name.to_owned(),
            _ => host.to_owned(),
        };
        let below = path.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let same = self.scheme == url.scheme().as_str() && port(&self.host) == port(host);
        (same && below).then_some(self.path.len())
    }
}

#[cfg(test)]
mod tests;
