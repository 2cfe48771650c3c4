//! The one moment at which something becomes visible. The image is pushed by digest, its publication is recorded once, and only then
//! does its tag move: a worker that dies in between leaves either nothing or the rest to be done.

use std::path::Path;

use artifact::{Digest, ImageRef};
use bus::{Outbox, bucket::Claim};
use events::{
    Event as _,
    fact::{BuildFinished, BuildInput, BuildJob, Finding, ImageReplaced, Outcome},
};
use source::Checkout;
use time::OffsetDateTime;
use tracing::info;
use verdict::{
    Decision, Door, Verdict,
    order::{Name, Project},
};

use super::{
    attest,
    excuse::{Excused, excused, judged},
    failure::Failure,
    pipeline::Pipeline,
};

/// The entry that records a build's publication.
fn key(build: &str) -> String {
    format!("publication.{build}")
}

/// A build that is ready to be published.
pub(super) struct Made<'a> {
    pub(super) job: &'a BuildJob,
    pub(super) project: &'a Project,
    pub(super) checkout: &'a Checkout,
    pub(super) story: Told<'a>,
    pub(super) layout: &'a Path,
    pub(super) began: OffsetDateTime,
}

/// What is told of it.
pub(super) struct Told<'a> {
    pub(super) inputs: &'a [BuildInput],
    pub(super) diff: &'a str,
    pub(super) notes: &'a [String],
    pub(super) findings: &'a [Finding],
}

/// A publication, as it is recorded: the fact that will be told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Published(BuildFinished);

impl Published {
    /// Reads a record; one that was withdrawn or cannot be read counts as none, and the build is done again.
    fn read(value: &[u8]) -> Option<Self> {
        BuildFinished::decode(value).ok().filter(|fact| fact.digest.is_some()).map(Self)
    }

    fn digest(&self) -> Option<&Digest> {
        self.0.digest.as_ref()
    }

    /// The same, where `newer` stands under the tag: an older build never tells of a tag that it does not have.
    fn superseded(self, project: &Project, newer: &Digest) -> Self {
        let message = format!("built, but {} belongs to a newer build, {newer}", project.image);
        Self(BuildFinished { outcome: Outcome::Superseded, message, ..self.0 })
    }
}

/// Pushes by digest, attests, records, and moves the tag.
pub(super) async fn publish(pipeline: &Pipeline, made: &Made<'_>) -> Result<Published, Failure> {
    let repository = made.project.image.repository();
    // A base in the same registry need not be sent again.
    let mut near: Vec<_> = made.story.inputs.iter().map(|input| input.used.repository().clone()).collect();
    near.retain(|base| base.host() == repository.host() && base != repository);
    near.dedup();
    let digest = pipeline.registry.push_layout(made.layout, repository, &near).await;
    let digest = digest.map_err(Failure::registry(format!("pushing to {repository}"), repository.host()))?;
    attest::attach(pipeline, made, &digest).await?;
    let published = Published(fact(made, digest));
    let published = record(pipeline, published).await?;
    make_visible(pipeline, made.project, published).await
}

/// The publication that is recorded for a build.
pub(super) async fn recorded(pipeline: &Pipeline, build: &str) -> Result<Option<Published>, Failure> {
    let entry = pipeline.published.get(&key(build)).await?;
    Ok(entry.and_then(|(value, _)| Published::read(&value)))
}

/// Records a publication; yields the one that another worker recorded, if that was first with this build: its image is the one.
async fn record(pipeline: &Pipeline, published: Published) -> Result<Published, Failure> {
    let key = key(&published.0.build);
    loop {
        let value = published.0.clone().encode();
        let claim = match pipeline.published.get(&key).await? {
            Some((first, revision)) => match Published::read(&first) {
                Some(first) => return Ok(first),
                None => pipeline.published.update(&key, value, revision).await?,
            },
            None => pipeline.published.create(&key, value).await?,
        };
        if let Claim::Won(_) = claim {
            return Ok(published);
        }
    }
}

/// Takes a publication back, so that the build is done anew, and leaves the tag to whoever else has an image for it.
async fn withdraw(pipeline: &Pipeline, project: &Project, published: &Published) -> Result<(), Failure> {
    let key = key(&published.0.build);
    if let Some((value, revision)) = pipeline.published.get(&key).await?
        && Published::read(&value).as_ref() == Some(published)
    {
        // Lost to another worker, it is that one's to judge.
        pipeline.published.update(&key, Vec::new(), revision).await?;
    }
    if let (Some(held), Some(revision)) = claimed(pipeline, project).await?
        && Some(&held.digest) == published.digest()
    {
        pipeline.published.update(&tag_key(project), Vec::new(), revision).await?;
    }
    Ok(())
}

/// What a team is told of an image that a verdict keeps from being published.
pub(super) fn refusal(verdict: &Verdict) -> String {
    format!("the image that was built may not be published: {verdict}")
}

/// Moves the tag to what was recorded, unless a newer build has moved it; yields what became of it. Where a ban covers it by now, the
/// publication is withdrawn. Idempotent.
pub(super) async fn make_visible(
    pipeline: &Pipeline,
    project: &Project,
    published: Published,
) -> Result<Published, Failure> {
    let (Some(digest), Some(tag)) = (published.digest(), project.image.tag()) else { return Ok(published) };
    let repository = project.image.repository();
    let image = repository.at_digest(digest.clone());
    if let Some(verdict) = banned_since(pipeline, &project.name, &image, &published.0.inputs).await? {
        withdraw(pipeline, project, &published).await?;
        return Err(Failure::Overtaken(refusal(&verdict)));
    }
    // After the judging, which may have waited for a registry. What is recorded is made visible by the next attempt.
    pipeline.freshness.check()?;
    let newest = claim(pipeline, project, &published.0, digest).await?;
    if newest != *digest {
        // It is put under the tag by its own build, which has judged it, and which comes again if it dies before.
        return Ok(published.superseded(project, &newest));
    }
    let tagged = pipeline.registry.tag(repository, digest, tag).await;
    tagged.map_err(Failure::registry(format!("moving the tag {}", project.image), repository.host()))?;
    // A newer build may have claimed the tag in between and moved it before we did; then its image is what must stand there.
    let (Some(after), _) = claimed(pipeline, project).await? else { return Ok(published) };
    if after.digest != *digest {
        let tagged = pipeline.registry.tag(repository, &after.digest, tag).await;
        tagged.map_err(Failure::registry(format!("moving the tag {}", project.image), repository.host()))?;
        return Ok(published.superseded(project, &after.digest));
    }
    info!(image = %project.image, %digest, "Published.");
    Ok(published)
}

/// Everything that went in and the result, judged once more: it was allowed when it was built, but a ban may have come since.
async fn banned_since(
    pipeline: &Pipeline,
    project: &Name,
    image: &ImageRef,
    inputs: &[BuildInput],
) -> Result<Option<Verdict>, Failure> {
    let mut past = Excused::new();
    for image in inputs.iter().map(|input| &input.used).chain([image]) {
        let host = image.repository().host();
        let described = pipeline.registry.describe(image);
        let described = pipeline.ask_registry(host, format!("reading {image}"), described).await?;
        let now = OffsetDateTime::now_utc();
        let verdict = pipeline.orders.with(|snapshot| {
            let instances: Vec<_> =
                described.instances.iter().map(|instance| instance.facts(&described)).collect();
            past.extend(excused(snapshot, project, image, &instances, now));
            judged(snapshot, &instances, Door::Push, &past, now)
        });
        if let Some(verdict) = verdict.filter(|verdict| verdict.decision == Decision::Refuse) {
            return Ok(Some(verdict));
        }
    }
    Ok(None)
}

/// Which build a tag belongs to.
#[derive(Debug, PartialEq)]
struct Claimed {
    rank: Rank,
    digest: Digest,
}

/// How new a build is. A tag never goes back to an earlier push, however late that is built again; of one push, the build that was released
/// last is the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// The push's place in its stream.
    pushed: u64,
    /// The place of the build's intent, which grows from release to release.
    released: u64,
}

impl Claimed {
    /// `PUSHED.RELEASED DIGEST`. Without the first part it was written before pushes counted; an empty one belongs to nobody.
    fn read(value: &[u8]) -> Option<Self> {
        let (rank, digest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        let (pushed, released) = rank.split_once('.').unwrap_or(("0", rank));
        let rank = Rank { pushed: pushed.parse().ok()?, released: released.parse().ok()? };
        Some(Self { rank, digest: digest.parse().ok()? })
    }

    fn write(&self) -> Vec<u8> {
        let Self { rank: Rank { pushed, released }, digest } = self;
        format!("{pushed}.{released} {digest}").into_bytes()
    }
}

/// Claims the tag for this build, unless a newer one has; yields what is to stand under it.
async fn claim(
    pipeline: &Pipeline,
    project: &Project,
    build: &BuildFinished,
    digest: &Digest,
) -> Result<Digest, Failure> {
    let intent = pipeline.published.get(&format!("build.{}", build.build)).await?;
    let rank = Rank { pushed: build.pushed, released: intent.map_or(0, |(_, revision)| revision) };
    let key = tag_key(project);
    loop {
        let value = Claimed { rank, digest: digest.clone() }.write();
        let won = match claimed(pipeline, project).await? {
            (Some(newer), _) if newer.rank > rank => return Ok(newer.digest),
            (_, Some(revision)) => pipeline.published.update(&key, value, revision).await?,
            (_, None) => pipeline.published.create(&key, value).await?,
        };
        if let Claim::Won(_) = won {
            return Ok(digest.clone());
        }
    }
}

/// Whose the tag is, if anybody's, and the revision of the entry that says so.
async fn claimed(pipeline: &Pipeline, project: &Project) -> Result<(Option<Claimed>, Option<u64>), Failure> {
    let entry = pipeline.published.get(&tag_key(project)).await?;
    Ok(entry.map_or((None, None), |(value, revision)| (Claimed::read(&value), Some(revision))))
}

fn tag_key(project: &Project) -> String {
    format!("tag.{}", project.name)
}

/// The facts of a publication.
pub(super) fn tell(facts: &mut Outbox, job: &BuildJob, project: &Project, published: Published) {
    let Published(finished) = published;
    // Recorded by whichever attempt came first; told by the one that ends now.
    let finished = BuildFinished { attempt: job.attempt, waits_since: job.waits_since, ..finished };
    if let (Outcome::Published, Some(ban), Some(digest), Some(tag)) =
        (finished.outcome, job.ban, &finished.digest, project.image.tag())
    {
        facts.push(ImageReplaced {
            repository: project.image.repository().clone(),
            tag: tag.clone(),
            digest: digest.clone(),
            ban,
            project: project.name.clone(),
            build: job.build.clone(),
        });
    }
    facts.push(finished);
}

fn fact(made: &Made<'_>, digest: Digest) -> BuildFinished {
    let Made { job, project, checkout: _, story, layout: _, began: _ } = made;
    let image: ImageRef = project.image.clone();
    let message = match story.notes {
        [] => format!("published as {image}"),
        notes => format!("published as {image}; {}", notes.join("; ")),
    };
    BuildFinished {
        build: job.build.clone(),
        project: job.project.clone(),
        commit: job.commit.clone(),
        ban: job.ban,
        outcome: Outcome::Published,
        image: Some(image),
        digest: Some(digest),
        inputs: story.inputs.to_vec(),
        diff: story.diff.to_owned(),
        definition: project.definition.clone(),
        message,
        findings: story.findings.to_vec(),
        pushed: job.pushed,
        attempt: job.attempt,
        class: None,
        retry_at: None,
        waits_since: job.waits_since,
        waits_for: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<(u64, u64)>) {
        let read = Claimed::read(value.as_bytes());
        let ranks = read.as_ref().map(|Claimed { rank: Rank { pushed, released }, .. }| (*pushed, *released));
        assert_eq!(ranks, expected, "{value}");
        if let Some(claimed) = read {
            assert_eq!(Claimed::read(&claimed.write()), Some(claimed));
        }
    }

    #[test]
    fn an_entry_says_whose_the_tag_is() {
        let digest = Digest::of(b"image");
        check(&format!("7.12 {digest}"), Some((7, 12)));
        check(&format!("12 {digest}"), Some((0, 12)));
        check("", None);
        check("7.12 sha256:1", None);
        check(&format!("seven {digest}"), None);
    }

    #[test]
    fn a_later_push_is_newer_whenever_it_was_released() {
        let rank = |pushed, released| Rank { pushed, released };
        assert!(rank(8, 1) > rank(7, 100) && rank(7, 100) > rank(7, 99) && rank(1, 1) > rank(0, 500));
    }
}
