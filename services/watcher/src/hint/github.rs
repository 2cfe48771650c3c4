//! GitHub's push. Other events of its, `ping` among them, are no news here.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::{About, Hint, branch, delivery, event, gitea::Addresses, is_absent};

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    repository: Addresses,
}

pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Hint>, serde_json::Error> {
    if event(headers, "X-GitHub-Event") != "push" {
        return Ok(Vec::new());
    }
    let id = delivery(headers, "X-GitHub-Delivery", body);
    let Push { reference, after, repository } = serde_json::from_slice(body)?;
    let branch = branch(&reference).filter(|_| !is_absent(&after));
    let about = branch.map(|branch| About::Branch { places: repository.places(), branch: branch.to_owned() });
    Ok(about.map(|about| Hint { id, about }).into_iter().collect())
}
