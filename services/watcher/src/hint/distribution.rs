//! CNCF Distribution's notifications (docker-registry 2 and 3). Not how they are signed: they are not, see `signature`.
//!
//! An envelope holds several unrelated events. Pushes of layers are among them, and so are pulls and mounts. A deletion says only a
//! digest, or only a tag. `request.host` is the registry's name as the client used it; there is no other in the event.

use artifact::{Digest, Tag};
use serde::Deserialize;
use tracing::warn;

use super::{About, Hint, repository};

/// What a manifest is called; everything else that is pushed is a part of one.
const MANIFESTS: [&str; 5] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

#[derive(Deserialize)]
struct Envelope {
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Event {
    id: String,
    action: String,
    target: Target,
    request: Request,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    media_type: String,
    digest: String,
    repository: String,
    tag: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    host: String,
}

pub(super) fn read(host: Option<&str>, body: &[u8]) -> Result<Vec<Hint>, serde_json::Error> {
    let Envelope { events } = serde_json::from_slice(body)?;
    let named = events.into_iter().enumerate().map(|(place, mut event)| {
        if event.id.is_empty() {
            event.id = format!("{}/{place}", Digest::of(body));
        }
        event
    });
    Ok(named.filter_map(|event| hint(host, event)).collect())
}

fn hint(host: Option<&str>, event: Event) -> Option<Hint> {
    let Event { id, action, target, request } = event;
    let news = match action.as_str() {
        "push" => MANIFESTS.contains(&target.media_type.as_str()),
        "delete" => true,
        _ => false,
    };
    if !news {
        return None;
    }
    let about = about(&action, host.unwrap_or(&request.host), &target);
    if about.is_none() {
        // The others of the envelope are good, and a registry repeats what it is refused until the end of days.
        warn!(%id, host = %request.host, repository = %target.repository, "An event names no image and is ignored; set `registry` of its source where the host is wrong.");
    }
    about.map(|about| Hint { id, about })
}

fn about(action: &str, host: &str, target: &Target) -> Option<About> {
    let repository = repository(host, &target.repository)?;
    let tag = target.tag.parse::<Tag>().ok();
    match (action, target.digest.parse::<Digest>().ok(), tag) {
        ("push", Some(digest), tag) => Some(About::Pushed { repository, tag, digest }),
        ("push", None, _) => None,
        (_, _, Some(tag)) => Some(About::Untagged(repository.at_tag(tag))),
        (_, Some(digest), None) => Some(About::Deleted { repository, digest }),
        (_, None, None) => None,
    }
}
