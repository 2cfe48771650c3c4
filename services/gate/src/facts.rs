//! What is known of an image that somebody names. A tag is asked for anew each time: remembering what it pointed at, across a verdict,
//! would judge one image and start another.

use std::time::Duration;

use artifact::{Digest, ImageFacts, ImageRef};
use containers::{Image, Runtime};
use registry::Client;
use tracing::debug;

use crate::memory::Memory;

/// How long the registry may take before memory answers for it.
const REGISTRY: Duration = Duration::from_secs(3);

/// How long the runtime may take before the registry is asked.
const RUNTIME: Duration = Duration::from_secs(3);

/// Where facts come from; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) memory: Memory,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) registry: Client,
}

/// An image, as far as it could be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Every instance; at least one, if only of a name.
    pub(crate) instances: Vec<ImageFacts>,
    /// The digest that was judged.
    pub(crate) digest: Option<Digest>,
    /// What to start so that it is what was judged: by digest, or by the id that the runtime gave it. Empty where nothing is known.
    pub(crate) pinned: String,
}

impl Sources {
    /// What is known of `image`: here on the node, else in its registry, else in memory, else nothing but the name.
    pub(crate) async fn find(&self, image: &str) -> Result<Known, artifact::InvalidReference> {
        if let Some(known) = self.local(image).await {
            return Ok(known);
        }
        let reference: ImageRef = image.parse()?;
        if let Some(known) = self.remembered_digest(&reference) {
            return Ok(known);
        }
        match tokio::time::timeout(REGISTRY, self.registry.describe(&reference)).await {
            Ok(Ok(description)) => {
                let pinned = reference.repository().at_digest(description.digest.clone()).to_string();
                let instances =
                    description.instances.iter().map(|instance| instance.facts(&description)).collect();
                return Ok(Known { instances, digest: Some(description.digest), pinned });
            }
            Ok(Err(error)) => debug!(%error, %reference, "The registry does not say what this is."),
            Err(_) => debug!(%reference, "The registry does not answer in time."),
        }
        Ok(self.last_known(reference))
    }

    async fn local(&self, image: &str) -> Option<Known> {
        let runtime = self.runtime.as_ref()?;
        let found = match tokio::time::timeout(RUNTIME, runtime.image(image)).await {
            Ok(Ok(found)) => found?,
            Ok(Err(error)) => {
                debug!(%error, image, "The runtime does not say what this is.");
                return None;
            }
            Err(_) => {
                debug!(image, "The runtime does not answer in time.");
                return None;
            }
        };
        let digest = found.facts.references.iter().find_map(|reference| reference.digest().cloned());
        Some(Known { pinned: pinned(&found, image), instances: vec![found.facts], digest })
    }

    fn remembered_digest(&self, reference: &ImageRef) -> Option<Known> {
        let digest = reference.digest()?;
        let instances = self.memory.image(digest)?.as_ref().clone();
        Some(Known {
            instances: named(instances, reference),
            digest: Some(digest.clone()),
            pinned: reference.to_string(),
        })
    }

    fn last_known(&self, reference: ImageRef) -> Known {
        let digest = self.memory.last_known(&reference);
        let instances = digest.as_ref().and_then(|digest| self.memory.image(digest));
        match (digest, instances) {
            (Some(digest), Some(instances)) => {
                let pinned = reference.repository().at_digest(digest.clone()).to_string();
                Known {
                    instances: named(instances.as_ref().clone(), &reference),
                    digest: Some(digest),
                    pinned,
                }
            }
            _ => Known {
                instances: vec![ImageFacts { references: vec![reference.clone()], ..ImageFacts::default() }],
                digest: reference.digest().cloned(),
                pinned: String::new(),
            },
        }
    }
}

/// The name under which the runtime starts this image and no other: its tags may move. One by digest in the repository that was asked for
/// tells people most, an id least.
fn pinned(image: &Image, asked: &str) -> String {
    let asked = asked.parse::<ImageRef>().ok();
    let is_asked = |reference: &&ImageRef| {
        asked.as_ref().is_some_and(|asked| asked.repository() == reference.repository())
    };
    let by_digest = || image.facts.references.iter().filter(|reference| reference.digest().is_some());
    let best = by_digest().find(is_asked).or_else(|| by_digest().next());
    best.map_or_else(|| image.id.to_string(), ToString::to_string)
}

/// The same instances under the name by which they were asked for.
fn named(instances: Vec<ImageFacts>, reference: &ImageRef) -> Vec<ImageFacts> {
    instances.into_iter().map(|facts| ImageFacts { references: vec![reference.clone()], ..facts }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    const MANIFEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

    #[track_caller]
    fn check(names: &[&str], expected: &str) {
        let references = names.iter().map(|name| name.parse().unwrap()).collect();
        let facts = ImageFacts { references, ..ImageFacts::default() };
        assert_eq!(pinned(&Image { id: ID.parse().unwrap(), facts }, "reg.test/app:1"), expected);
    }

    #[test]
    fn what_is_started_is_named_so_that_no_tag_can_move_it() {
        check(&["reg.test/app:1"], ID);
        check(&[], ID);
        let by_digest = format!("reg.test/app@{MANIFEST}");
        check(&["reg.test/app:1", &by_digest], &by_digest);
        check(&[&by_digest, "reg.test/app:1"], &by_digest);
        let elsewhere = format!("reg.test/other@{MANIFEST}");
        check(&[&elsewhere, "reg.test/app:1"], &elsewhere);
        check(&[&elsewhere, &by_digest], &by_digest);
    }
}
