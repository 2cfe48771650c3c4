//! The images that a build stands on: read, judged by their layers, and laid down for a child that has no network.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use artifact::{Digest, ImageRef};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use verdict::{Decision, Door, decide};

use super::{definition::AllowedUse, failure::Failure, pipeline::Pipeline};

/// An image that a build stands on.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// What was read and judged, by digest.
    pub(super) pinned: ImageRef,
    /// An OCI layout with it.
    pub(super) layout: PathBuf,
}

/// Reads and judges every image, each once, and lays it down below `folder`.
pub(super) async fn gather(
    pipeline: &Pipeline,
    uses: &[AllowedUse],
    folder: &Path,
) -> Result<BTreeMap<ImageRef, Input>, Failure> {
    let mut gathering = JoinSet::new();
    let mut wanted: Vec<&AllowedUse> = uses.iter().collect();
    wanted.sort_by_key(|allowed| &allowed.used);
    wanted.dedup_by_key(|allowed| &allowed.used);
    for (number, allowed) in wanted.into_iter().enumerate() {
        let (pipeline, allowed) = (pipeline.clone(), allowed.clone());
        let layout = folder.join(format!("base-{number}"));
        gathering.spawn(async move {
            let input = one(&pipeline, &allowed, layout).await?;
            Ok::<_, Failure>((allowed.used, input))
        });
    }
    let mut inputs = BTreeMap::new();
    while let Some(gathered) = gathering.join_next().await {
        let (used, input) =
            gathered.map_err(|error| Failure::Disk { doing: "reading a base", source: error.into() })??;
        inputs.insert(used, input);
    }
    Ok(inputs)
}

async fn one(pipeline: &Pipeline, allowed: &AllowedUse, layout: PathBuf) -> Result<Input, Failure> {
    let AllowedUse { used, line, .. } = allowed;
    let description = pipeline.registry.describe(used).await;
    let description = description.map_err(Failure::registry(format!("reading {used}")))?;
    if description.instances.is_empty() {
        return Err(Failure::Refused(format!(
            "line {line}: {used} is no image; name one that can be built on"
        )));
    }
    // The name was judged by the scan; now its layers are known.
    let verdict = pipeline.orders.with(|snapshot| {
        let now = OffsetDateTime::now_utc();
        let verdicts = description
            .instances
            .iter()
            .map(|instance| decide(snapshot, &instance.facts(&description), Door::From, now));
        verdicts.max_by_key(|verdict| verdict.strict)
    });
    if let Some(verdict) = verdict.filter(|verdict| verdict.decision == Decision::Refuse) {
        return Err(Failure::Refused(format!("line {line}: {verdict}")));
    }
    let pinned = used.pinned(description.digest.clone());
    pipeline
        .registry
        .pull_layout(&pinned, &layout)
        .await
        .map_err(Failure::registry(format!("fetching {pinned}")))?;
    Ok(Input { pinned, layout })
}

impl Input {
    /// The digest that was judged.
    pub(super) fn digest(&self) -> Option<&Digest> {
        self.pinned.digest()
    }
}
