//! Image references under Docker's normalisation rules. Not resolution: a reference says nothing of what a registry holds.
//!
//! Grammar (distribution/reference): `reference := name [":" tag] ["@" digest]`, `name := [domain "/"] path`,
//! `path-component := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*`, `tag := [\w][\w.-]{0,127}`.

use std::{fmt, str::FromStr};

use crate::digest::Digest;

/// The longest name, as every implementation has it (`NameTotalLengthMax`; the newest count the path alone).
const LONGEST_NAME: usize = 255;
/// Docker Hub's other names.
const HUB: [&str; 3] = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A repository: registry host and path, always written out in full (`docker.io/library/alpine`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    host: String,
    path: String,
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// A normalised image reference: `host/path[:tag][@digest]`. Without tag and digest the tag is `latest`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageRef {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {reason}")]
pub struct InvalidReference {
    /// What was given, cut at 300 characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Repository {
    /// The registry's host, with its port where one was given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path below the host, without a leading slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// This repository at `tag`.
    pub fn at_tag(&self, tag: Tag) -> ImageRef {
        ImageRef { repository: self.clone(), tag: Some(tag), digest: None }
    }

    /// This repository at `digest`.
    pub fn at_digest(&self, digest: Digest) -> ImageRef {
        ImageRef { repository: self.clone(), tag: None, digest: Some(digest) }
    }

    /// A key of 16 hex digits that stands for this repository where `/` and `.` may not stand (subjects, store keys).
    pub fn key(&self) -> String {
        Digest::of(self.to_string().as_bytes()).hex().chars().take(16).collect()
    }
}

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ImageRef {
    /// Host and path.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if the reference has one; `latest` was filled in when it had neither tag nor digest.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if the reference is pinned.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same reference pinned to `digest`; the tag stays.
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// What a registry is asked for: the digest where there is one, else the tag.
    pub fn version(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag.as_str(),
            (None, None) => "latest",
        }
    }
}

impl FromStr for ImageRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |reason| InvalidReference { text: text.chars().take(300).collect(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|_| invalid("the part after @ is not a digest"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        // A colon after the last slash starts a tag; one before it belongs to the host's port.
        let name_end = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.get(name_end..).and_then(|last| last.split_once(':')) {
            Some((last, tag)) => {
                let tag = tag.parse().map_err(|()| invalid("the part after : is not a tag"))?;
                (rest.get(..name_end + last.len()).unwrap_or_default(), Some(tag))
            }
            None => (rest, None),
        };
        let repository = name.parse::<Repository>().map_err(|error| invalid(error.reason))?;
        let tag = match (&tag, &digest) {
            (None, None) => Some(Tag("latest".to_owned())),
            _ => tag,
        };
        Ok(Self { repository, tag, digest })
    }
}

impl FromStr for Repository {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |reason| InvalidReference { text: text.chars().take(300).collect(), reason };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        let (host, path) = match text.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => ("docker.io", text),
        };
        if !is_valid_host(host) {
            return Err(invalid("the registry's host is not a host name with an optional port"));
        }
        let host = match one_case(host) {
            host if HUB.contains(&host.as_str()) => "docker.io".to_owned(),
            host => host,
        };
        let path = match (host.as_str(), path.contains('/')) {
            ("docker.io", false) => format!("library/{path}"),
            _ => path.to_owned(),
        };
        if path.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid("repository names are lower case"));
        }
        if !path.split('/').all(is_path_component) {
            return Err(invalid("a path component is lower-case letters and digits, joined by . _ __ or -"));
        }
        // Written out in full, so that every text of a repository is one.
        if host.len() + 1 + path.len() > LONGEST_NAME {
            return Err(invalid("it is longer than 255 characters, its registry included"));
        }
        Ok(Self { host, path })
    }
}

impl FromStr for Tag {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let first = text.bytes().next().is_some_and(word);
        let rest = text.bytes().all(|b| word(b) || b == b'.' || b == b'-');
        if first && rest && text.len() <= 128 { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// A host in the one case that it is told in: names of hosts are the same in any (RFC 4343).
///
/// Lower, unless only its capitals tell it from a component of a path: then upper.
fn one_case(host: &str) -> String {
    let lower = host.to_ascii_lowercase();
    if is_host(&lower) { lower } else { host.to_ascii_uppercase() }
}

/// Docker's rule for telling a host from the first path component.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_valid_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, after)) => {
            let inner = inside.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') && inside.contains(':');
            if !inner {
                return false;
            }
            return after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())
}

fn is_path_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends =
        bytes.first().copied().is_some_and(alphanumeric) && bytes.last().copied().is_some_and(alphanumeric);
    // Between two alphanumerics only one `.`, one `_`, two `_`, or any run of `-`.
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators
        .filter(|run| !run.is_empty())
        .all(|run| matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
