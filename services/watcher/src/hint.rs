//! What a webhook hints at, whoever sent it. A hint is a reason to look, and never a fact: the registry's or git host's own answer is.
//!
//! One file a kind of sender; each is a pure function from the raw body to hints. What is no news of an image or branch is no hint,
//! and what a sender adds to its format is not looked at.

mod distribution;
mod gitea;
mod github;
mod gitlab;
mod place;

use artifact::{Digest, ImageRef, Repository, Tag};
use axum::http::HeaderMap;

use crate::config::{Kind, Source};

pub(crate) use place::Place;

/// Something to look at, and the sender's own id for it: a redelivery carries the same one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hint {
    pub(crate) id: String,
    pub(crate) about: About,
}

/// What may have happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum About {
    /// An image was pushed.
    Pushed { repository: Repository, tag: Option<Tag>, digest: Digest },
    /// A manifest was deleted. Or a blob: some senders do not say which.
    Deleted { repository: Repository, digest: Digest },
    /// A tag was deleted.
    Untagged(ImageRef),
    /// A branch of a repository moved; all the addresses under which the host knows the repository.
    Branch { places: Vec<Place>, branch: String },
}

/// Why a body is no webhook of its kind.
#[derive(Debug, thiserror::Error)]
#[error("the body is no {kind} webhook; check which kind this source is configured as")]
pub(crate) struct Unreadable {
    kind: &'static str,
    #[source]
    source: serde_json::Error,
}

/// Reads a webhook of `source`.
pub(crate) fn read(source: &Source, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Hint>, Unreadable> {
    let (kind, hints) = match source.kind {
        Kind::Distribution => ("distribution", distribution::read(source.registry.as_deref(), body)),
        Kind::Gitea => ("Gitea", gitea::read(headers, body)),
        Kind::Github => ("GitHub", github::read(headers, body)),
        Kind::Gitlab => ("GitLab", gitlab::read(headers, body)),
    };
    hints.map_err(|source| Unreadable { kind, source })
}

/// The repository `path` at `host`; none where the two together mean another one.
pub(crate) fn repository(host: &str, path: &str) -> Option<Repository> {
    let repository = format!("{host}/{path}").parse::<Repository>().ok()?;
    // A host without a dot or port would be read as a path of Docker Hub's.
    repository.host().eq_ignore_ascii_case(host).then_some(repository)
}

/// The branch of `refs/heads/…`; tags and notes are none.
fn branch(reference: &str) -> Option<&str> {
    reference.strip_prefix("refs/heads/")
}

/// The commit id that stands for none: the branch is gone.
fn is_absent(commit: &str) -> bool {
    commit.bytes().all(|digit| digit == b'0')
}

/// A header's text, else a hash of the body, which a redelivery repeats as well.
fn delivery(headers: &HeaderMap, name: &str, body: &[u8]) -> String {
    let given = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    given.map_or_else(|| Digest::of(body).to_string(), ToOwned::to_owned)
}

fn event<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
