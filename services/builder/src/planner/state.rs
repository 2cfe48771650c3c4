//! What the planner knows: a fold of streams and of nothing else, so that a planner that starts anew knows the same.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Digest, ImageRef, Repository, Tag};
use bus::Record;
use events::{
    Event as _, Malformed,
    fact::{
        BuildFinished, BuildQueued, CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed,
        FailureClass, ImageInvalidated, ImageRestored, ImageUnattributed, Outcome, SourcePushed,
    },
    fold,
    order::{self, Stored},
    topology::StreamName,
};
use time::OffsetDateTime;
use verdict::{Order, OrderRecord, Sequence, Snapshot, order::Name};

/// Everything the planner decides from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) snapshot: Snapshot,
    /// What was pushed to each project last.
    pub(crate) sources: BTreeMap<Name, Pushed>,
    /// Builds that were released, and the last attempt at each.
    pub(crate) released: BTreeMap<String, Released>,
    /// When a person last asked for a build of a project.
    pub(crate) requests: BTreeMap<Name, OffsetDateTime>,
    /// When the order about a project last changed.
    pub(crate) changes: BTreeMap<Name, OffsetDateTime>,
    /// When a host that builds waited for last answered one of them.
    pub(crate) answered: BTreeMap<String, OffsetDateTime>,
    /// Builds that have not ended or will be tried again, by project.
    pub(crate) under_way: BTreeMap<Name, BTreeSet<String>>,
    /// How builds ended.
    pub(crate) finished: BTreeMap<String, Ending>,
    /// What each project published last.
    pub(crate) published: BTreeMap<Name, Publication>,
    /// Every digest that some build published: images with a source.
    pub(crate) attributed: BTreeSet<(Repository, Digest)>,
    /// What each ban covers.
    pub(crate) invalidated: BTreeMap<Sequence, BTreeMap<(Repository, Digest), Invalidated>>,
    /// Images that were named as having no source, by ban.
    pub(crate) unattributed: BTreeMap<Sequence, BTreeSet<(Repository, Digest)>>,
    /// Campaigns, by ban.
    pub(crate) campaigns: BTreeMap<Sequence, Campaign>,
    /// When the last message was stored: the planner's clock.
    pub(crate) now: Option<OffsetDateTime>,
}

/// A commit as it was pushed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pushed {
    pub(crate) commit: String,
    /// The push's place in its stream; 0 where it is not known.
    pub(crate) place: u64,
}

/// The last attempt at a build that was handed out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Released {
    pub(crate) attempt: u32,
    pub(crate) at: OffsetDateTime,
}

/// How the last attempt at a build ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
    pub(crate) class: Option<FailureClass>,
    pub(crate) attempt: u32,
    pub(crate) at: OffsetDateTime,
    pub(crate) retry_at: Option<OffsetDateTime>,
    pub(crate) waits_since: Option<OffsetDateTime>,
    pub(crate) waits_for: String,
    pub(crate) pushed: u64,
}

impl Ending {
    /// Whether the build is tried again by itself.
    pub(crate) fn is_retried(&self) -> bool {
        self.class.is_some_and(FailureClass::is_retried)
    }
}

/// What a project published last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Publication {
    pub(crate) repository: Repository,
    pub(crate) digest: Digest,
    /// What it was built from.
    pub(crate) source: Pushed,
    /// Repositories of what went in.
    pub(crate) stands_on: BTreeSet<Repository>,
}

/// An image that a ban covers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invalidated {
    pub(crate) tags: Vec<Tag>,
    /// Whether it is the banned image itself.
    pub(crate) is_target: bool,
}

/// What has been said of a campaign.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Campaign {
    pub(crate) opened: Option<CampaignOpened>,
    pub(crate) planned: Option<BTreeSet<Name>>,
    pub(crate) progressed: BTreeMap<Name, String>,
    pub(crate) closed: bool,
}

impl State {
    /// Folds one message. A message that cannot be read changes nothing, and is the caller's to report.
    pub(crate) fn hear(&mut self, record: &Record) -> Result<(), Malformed> {
        self.now = self.now.max(Some(record.at));
        self.order(record);
        let body = &record.body;
        match record.subject.split_kind().map(|(kind, _)| kind) {
            Some(SourcePushed::KIND) => {
                let SourcePushed { project, commit, branch: _ } = SourcePushed::decode(body)?;
                self.pushed(project, Pushed { commit, place: record.sequence });
            }
            Some(BuildQueued::KIND) => {
                let BuildQueued { build, project, attempt, commit: _, ban: _ } = BuildQueued::decode(body)?;
                self.released(project, build, attempt, record.at);
            }
            Some(BuildFinished::KIND) => self.build_finished(BuildFinished::decode(body)?, record.at),
            Some(ImageInvalidated::KIND) => self.image_invalidated(ImageInvalidated::decode(body)?),
            Some(ImageRestored::KIND) => {
                let ImageRestored { repository, digest, ban } = ImageRestored::decode(body)?;
                self.invalidated.entry(ban).or_default().remove(&(repository, digest));
            }
            Some(ImageUnattributed::KIND) => {
                let ImageUnattributed { repository, digest, tags: _, ban } = ImageUnattributed::decode(body)?;
                self.unattributed.entry(ban).or_default().insert((repository, digest));
            }
            Some(CampaignOpened::KIND) => {
                let opened = CampaignOpened::decode(body)?;
                let ban = opened.ban;
                self.campaigns.entry(ban).or_default().opened = Some(opened);
            }
            Some(CampaignPlanned::KIND) => {
                let CampaignPlanned { ban, projects, unattributed: _ } = CampaignPlanned::decode(body)?;
                self.campaigns.entry(ban).or_default().planned.get_or_insert_default().extend(projects);
            }
            Some(CampaignProgressed::KIND) => {
                let CampaignProgressed { ban, project, state, done: _, total: _ } =
                    CampaignProgressed::decode(body)?;
                self.campaigns.entry(ban).or_default().progressed.insert(project, state);
            }
            Some(CampaignClosed::KIND) => {
                self.campaigns.entry(CampaignClosed::decode(body)?.ban).or_default().closed = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Folds an order, and notes where a project is not what it was.
    fn order(&mut self, record: &Record) {
        let Record { stream, subject, sequence, at, body, .. } = record;
        let name = match order::decode(subject, Sequence(*sequence), *at, body) {
            Ok(Stored { record: OrderRecord { order: Order::Project(project), .. }, .. })
                if *stream == StreamName::Orders =>
            {
                Some(project.name)
            }
            _ => None,
        };
        let before = name.as_ref().and_then(|name| self.snapshot.project(name).cloned());
        fold(&mut self.snapshot, *stream, subject, *sequence, *at, body);
        if let Some(name) = name.filter(|name| self.snapshot.project(name) != before.as_ref()) {
            self.changes.insert(name, *at);
        }
    }

    pub(crate) fn pushed(&mut self, project: Name, pushed: Pushed) {
        // What would have been tried again is superseded.
        if let Some(under_way) = self.under_way.get_mut(&project) {
            under_way.retain(|build| !self.finished.get(build).is_some_and(Ending::is_retried));
        }
        self.sources.insert(project, pushed);
    }

    /// An attempt at a build was handed out.
    pub(crate) fn released(&mut self, project: Name, build: String, attempt: u32, at: OffsetDateTime) {
        let attempt = attempt.max(1);
        let has_ended = |ending: &Ending| ending.attempt >= attempt && !ending.is_retried();
        if !self.finished.get(&build).is_some_and(has_ended) {
            self.under_way.entry(project).or_default().insert(build.clone());
        }
        if self.released.get(&build).is_none_or(|released| released.attempt <= attempt) {
            self.released.insert(build, Released { attempt, at });
        }
    }

    /// Whether a build of `project` is yet to end.
    pub(crate) fn is_under_way(&self, project: &Name) -> bool {
        self.under_way.get(project).is_some_and(|builds| !builds.is_empty())
    }

    pub(crate) fn build_finished(&mut self, build: BuildFinished, at: OffsetDateTime) {
        let BuildFinished {
            build,
            project,
            commit,
            ban: _,
            outcome,
            image,
            digest,
            inputs,
            diff: _,
            definition: _,
            message,
            findings: _,
            pushed,
            attempt,
            class,
            retry_at,
            waits_since,
            waits_for,
        } = build;
        if let (Some(image), Some(digest)) = (image, digest) {
            let repository = image.repository().clone();
            self.attributed.insert((repository.clone(), digest.clone()));
            // An earlier push's build may tell of its publication after a later one's: two workers, one stream.
            let is_last = self.published.get(&project).is_none_or(|last| last.source.place <= pushed);
            if outcome == Outcome::Published && is_last {
                let stands_on = inputs.iter().map(|input| input.used.repository().clone()).collect();
                let source = Pushed { commit, place: pushed };
                self.published.insert(project.clone(), Publication { repository, digest, source, stands_on });
            }
        }
        let attempt = attempt.max(1);
        let ending =
            Ending { outcome, message, class, attempt, at, retry_at, waits_since, waits_for, pushed };
        if let Some(before) = self.finished.get(&build) {
            if !before.waits_for.is_empty() && before.waits_for != ending.waits_for {
                self.answered.insert(before.waits_for.clone(), at);
            }
            // A job that was given out twice may end twice: an image stays, and so does the end of a later attempt.
            let stays = before.outcome == Outcome::Published || before.attempt > attempt;
            if stays && ending.outcome != Outcome::Published {
                return;
            }
        }
        if !ending.is_retried()
            && let Some(under_way) = self.under_way.get_mut(&project)
        {
            under_way.remove(&build);
        }
        self.finished.insert(build, ending);
    }

    fn image_invalidated(&mut self, fact: ImageInvalidated) {
        let ImageInvalidated { repository, digest, tags, ban, role: _, evidence, target: _ } = fact;
        // The word of `lineage::Evidence::Same`: it is the banned image, and nobody's to rebuild.
        let invalidated = Invalidated { tags, is_target: evidence == "same image" };
        self.invalidated.entry(ban).or_default().insert((repository, digest), invalidated);
    }

    /// The images that `ban` covers.
    pub(crate) fn covered(&self, ban: Sequence) -> &BTreeMap<(Repository, Digest), Invalidated> {
        static NONE: BTreeMap<(Repository, Digest), Invalidated> = BTreeMap::new();
        self.invalidated.get(&ban).unwrap_or(&NONE)
    }

    /// Whether what `project` published last is covered by `ban`.
    pub(crate) fn is_affected(&self, project: &Name, ban: Sequence) -> bool {
        self.published.get(project).is_some_and(|publication| {
            let image = (publication.repository.clone(), publication.digest.clone());
            self.invalidated.get(&ban).is_some_and(|covered| covered.contains_key(&image))
        })
    }
}

/// An image by its names for people.
pub(crate) fn names(repository: &Repository, digest: &Digest, tags: &[Tag]) -> Vec<ImageRef> {
    match tags {
        [] => vec![repository.at_digest(digest.clone())],
        tags => tags.iter().map(|tag| repository.at_tag(tag.clone())).collect(),
    }
}
