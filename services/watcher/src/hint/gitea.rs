//! Gitea's and Forgejo's push. Other events of theirs are no news here.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::{About, Hint, Place, branch, delivery, event, is_absent};

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    repository: Addresses,
}

/// GitHub uses the same names.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Addresses {
    clone_url: String,
    ssh_url: String,
    html_url: String,
}

impl Addresses {
    pub(super) fn places(&self) -> Vec<Place> {
        [&self.clone_url, &self.ssh_url, &self.html_url]
            .into_iter()
            .filter_map(|url| Place::of(url))
            .collect()
    }
}

pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Hint>, serde_json::Error> {
    if event(headers, "X-Gitea-Event") != "push" {
        return Ok(Vec::new());
    }
    let id = delivery(headers, "X-Gitea-Delivery", body);
    let Push { reference, after, repository } = serde_json::from_slice(body)?;
    let branch = branch(&reference).filter(|_| !is_absent(&after));
    let about = branch.map(|branch| About::Branch { places: repository.places(), branch: branch.to_owned() });
    Ok(about.map(|about| Hint { id, about }).into_iter().collect())
}
