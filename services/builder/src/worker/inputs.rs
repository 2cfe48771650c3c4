//! The images that a build stands on: read, judged by their layers, and laid down for a child that has no network.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use artifact::{Digest, ImageRef, Platform};
use events::fact::BuildJob;
use time::OffsetDateTime;
use tokio::task::JoinSet;

use verdict::{Decision, Door};

use super::{
    definition::AllowedUse,
    excuse::{Excused, excused, judged},
    failure::Failure,
    pipeline::Pipeline,
};

/// An image that a build stands on.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// What was read and judged, by digest.
    pub(super) pinned: ImageRef,
    /// An OCI layout with it.
    pub(super) layout: PathBuf,
    /// The bans past which it may be built on.
    pub(super) excused: Excused,
    /// The ONBUILD triggers that it has for any platform, each once.
    pub(super) triggers: Vec<String>,
    /// The platforms that it is for; empty where one of its instances does not say.
    pub(super) platforms: Vec<Platform>,
}

/// Reads and judges every image that `inputs` does not have yet, each once, and lays it down below `folder`.
pub(super) async fn gather(
    pipeline: &Pipeline,
    job: &BuildJob,
    uses: &[AllowedUse],
    folder: &Path,
    inputs: &mut BTreeMap<ImageRef, Input>,
) -> Result<(), Failure> {
    let mut gathering = JoinSet::new();
    let mut wanted: Vec<&AllowedUse> =
        uses.iter().filter(|allowed| !inputs.contains_key(&allowed.used)).collect();
    wanted.sort_by_key(|allowed| &allowed.used);
    wanted.dedup_by_key(|allowed| &allowed.used);
    for (number, allowed) in (inputs.len()..).zip(wanted) {
        let (pipeline, job, allowed) = (pipeline.clone(), job.clone(), allowed.clone());
        let layout = folder.join(format!("base-{number}"));
        gathering.spawn(async move {
            let input = one(&pipeline, &job, &allowed, layout).await?;
            Ok::<_, Failure>((allowed.used, input))
        });
    }
    while let Some(gathered) = gathering.join_next().await {
        let (used, input) =
            gathered.map_err(|error| Failure::Disk { doing: "reading a base", source: error.into() })??;
        inputs.insert(used, input);
    }
    Ok(())
}

async fn one(
    pipeline: &Pipeline,
    job: &BuildJob,
    allowed: &AllowedUse,
    layout: PathBuf,
) -> Result<Input, Failure> {
    let AllowedUse { used, line, as_of, .. } = allowed;
    let host = used.repository().host();
    let description = pipeline.registry.describe(used);
    let description = pipeline.ask_registry(host, format!("reading {used}"), description).await?;
    if description.instances.is_empty() {
        return Err(Failure::Refused(format!(
            "line {line}: {used} is no image; name one that can be built on"
        )));
    }
    // The name was judged by the scan; now its layers are known.
    let (excused, verdict) = pipeline.orders.with(|snapshot| {
        let now = OffsetDateTime::now_utc();
        let instances: Vec<_> =
            description.instances.iter().map(|instance| instance.facts(&description)).collect();
        let excused = excused(snapshot, &job.project, used, &instances, now);
        let verdict = judged(snapshot, &instances, Door::From, &excused, now);
        (excused, verdict)
    });
    // Built anew for that very ban, it would be what it is already.
    if let Some(excuse) = job.ban.and_then(|ban| excused.get(&ban)) {
        return Err(Failure::Refused(format!("line {line}: {used} is not replaced: {excuse}")));
    }
    if let Some(verdict) = verdict.filter(|verdict| verdict.decision == Decision::Refuse) {
        return Err(Failure::verdict(format!("line {line}: {verdict}"), &verdict, *as_of));
    }
    // A ban that is known holds; that there is none holds only as long as it is fresh.
    pipeline.freshness.check()?;
    let pinned = used.pinned(description.digest.clone());
    pipeline
        .registry
        .pull_layout(&pinned, &layout)
        .await
        .map_err(Failure::registry(format!("fetching {pinned}"), host))?;
    let mut triggers: Vec<String> = Vec::new();
    for trigger in description.instances.iter().flat_map(|instance| &instance.triggers) {
        if !triggers.contains(trigger) {
            triggers.push(trigger.clone());
        }
    }
    let platforms: Option<BTreeSet<_>> =
        description.instances.iter().map(|instance| instance.platform.clone()).collect();
    Ok(Input {
        pinned,
        layout,
        excused,
        triggers,
        platforms: platforms.unwrap_or_default().into_iter().collect(),
    })
}

impl Input {
    /// The digest that was judged.
    pub(super) fn digest(&self) -> Option<&Digest> {
        self.pinned.digest()
    }
}
