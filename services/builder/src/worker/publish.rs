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
use verdict::order::Project;

use super::{attest, failure::Failure, pipeline::Pipeline};

/// The entry that records a build's publication.
pub(super) fn key(build: &str) -> String {
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
    /// Reads a record; one that cannot be read counts as none, and the build is done again.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        BuildFinished::decode(value).ok().filter(|fact| fact.digest.is_some()).map(Self)
    }

    fn digest(&self) -> Option<&Digest> {
        self.0.digest.as_ref()
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
    let digest = digest.map_err(Failure::registry(format!("pushing to {repository}")))?;
    attest::attach(pipeline, made, &digest).await?;
    let published = Published(fact(made, digest));
    let record = published.0.clone().encode();
    let published = match pipeline.published.create(&key(&made.job.build), record).await? {
        Claim::Won(_) => published,
        // Another worker was first with this build: its image is the one.
        Claim::Lost => {
            let recorded = pipeline.published.get(&key(&made.job.build)).await?;
            recorded.and_then(|(value, _)| Published::read(&value)).unwrap_or(published)
        }
    };
    make_visible(pipeline, made.project, &published).await?;
    Ok(published)
}

/// Moves the tag to what was recorded. Idempotent.
pub(super) async fn make_visible(
    pipeline: &Pipeline,
    project: &Project,
    published: &Published,
) -> Result<(), Failure> {
    let (Some(digest), Some(tag)) = (published.digest(), project.image.tag()) else { return Ok(()) };
    let repository = project.image.repository();
    let tagged = pipeline.registry.tag(repository, digest, tag).await;
    tagged.map_err(Failure::registry(format!("moving the tag {}", project.image)))?;
    info!(image = %project.image, %digest, "Published.");
    Ok(())
}

/// The facts of a publication.
pub(super) fn tell(facts: &mut Outbox, job: &BuildJob, project: &Project, published: Published) {
    let Published(finished) = published;
    if let (Some(ban), Some(digest), Some(tag)) = (job.ban, &finished.digest, project.image.tag()) {
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
    }
}
