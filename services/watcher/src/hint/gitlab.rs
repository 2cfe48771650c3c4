//! GitLab's push hook. Other events of its are no news here.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::{About, Hint, Place, branch, delivery, event, is_absent};

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    project: Addresses,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    git_http_url: String,
    git_ssh_url: String,
    web_url: String,
}

pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Hint>, serde_json::Error> {
    if event(headers, "X-Gitlab-Event") != "Push Hook" {
        return Ok(Vec::new());
    }
    let id = delivery(headers, "X-Gitlab-Event-UUID", body);
    let Push { reference, after, project } = serde_json::from_slice(body)?;
    let Addresses { git_http_url, git_ssh_url, web_url } = &project;
    let places = [git_http_url, git_ssh_url, web_url].into_iter().filter_map(|url| Place::of(url)).collect();
    let branch = branch(&reference).filter(|_| !is_absent(&after));
    let about = branch.map(|branch| About::Branch { places, branch: branch.to_owned() });
    Ok(about.map(|about| Hint { id, about }).into_iter().collect())
}
