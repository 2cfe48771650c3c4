//! The steps in their order: commit, scan, resolve, rewrite, build, prove, attest, publish. Each may come again after a crash.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use artifact::{Digest, ImageFacts, ImageRef};
use bus::{Connection, Entries, Outbox};
use dockerfile::{Dockerfile, Inputs, unified_diff};
use events::{
    fact::{BuildFinished, BuildInput, BuildJob, BuildStarted, Finding, Outcome, ScanFinished, retry_pause},
    rpc::{ScanReply, ScanRequest},
};
use source::{Checkout, Fetcher};
use telemetry::Chain;
use time::OffsetDateTime;
use tokio::fs;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, info_span, warn};
use verdict::{Decision, Door, decide_unless, order::Project, snapshot::ActiveBan};

use super::{
    definition::{self, AllowedUse},
    failure::Failure,
    freshness::Freshness,
    hosts::Hosts,
    inputs::{self, Input},
    known, labels,
    publish::{self, Published},
    run::Orders,
    slots::Slots,
    stood_on,
};
use crate::{
    driver::{self, Base, Driver, Request},
    isolation::Limits,
    layout::Built,
};

/// How long the scanner may take.
const SCAN: Duration = Duration::from_secs(20);
/// A definition is not longer.
const LONGEST_DEFINITION: u64 = 1 << 20;
/// What the team is shown of a failed build: its end, where the reason stands.
const LOG_END: usize = 2_000;

/// Everything that the steps need; cheap to clone.
#[derive(Clone)]
pub(super) struct Pipeline {
    pub(super) fetcher: Fetcher,
    pub(super) registry: registry::Client,
    pub(super) driver: Driver,
    pub(super) limits: Limits,
    pub(super) folder: PathBuf,
    pub(super) published: Entries,
    pub(super) definitions: Entries,
    pub(super) connection: Connection,
    pub(super) orders: Orders,
    pub(super) freshness: Freshness,
    pub(super) hosts: Hosts,
    pub(super) slots: Slots,
    pub(super) stop: CancellationToken,
}

/// What is known of a build while it lasts, for the fact at its end.
#[derive(Default)]
struct Story {
    findings: Vec<Finding>,
    inputs: Vec<BuildInput>,
    diff: String,
    notes: Vec<String>,
}

impl Pipeline {
    /// Removes what a predecessor that died left in the folder.
    pub(super) async fn sweep(&self) -> Result<(), std::io::Error> {
        let jobs = self.folder.join("jobs");
        match fs::remove_dir_all(&jobs).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&jobs).await
    }

    /// Carries out one job. Every failure is a fact, which says whether and when there is another attempt; only what lacks a moment goes back to the
    /// queue, from which it came for the `delivery`th time.
    pub(super) async fn run(&self, job: BuildJob, delivery: u64) -> Result<Outbox, Failure> {
        let project = self.orders.with(|snapshot| snapshot.project(&job.project).cloned());
        let project = project.ok_or_else(|| Failure::UnknownProject(job.project.to_string()))?;
        let mut story = Story::default();
        let ended = match publish::recorded(self, &job.build).await? {
            Some(published) => publish::make_visible(self, &project, published).await,
            None => self.build(&job, &project, &mut story).await,
        };
        let mut facts = Outbox::default();
        match ended {
            Ok(published) => publish::tell(&mut facts, &job, &project, published),
            Err(failure) if failure.goes_back(delivery).is_some() => return Err(failure),
            Err(failure) => {
                info!(build = job.build, error = %Chain(&failure), "A build ended without an image.");
                facts.push(not_published(&job, &project, story, &failure));
            }
        }
        Ok(facts)
    }

    async fn build(
        &self,
        job: &BuildJob,
        project: &Project,
        story: &mut Story,
    ) -> Result<Published, Failure> {
        let BuildJob { build, project: name, commit, ban, pushed: _, attempt: _, lane: _, waits_since: _ } =
            job.clone();
        let started = BuildStarted { build, project: name, commit, ban };
        self.connection.publish(started, &cause(job)).await?;
        let folder = tempfile::Builder::new().prefix("job-").tempdir_in(self.folder.join("jobs"));
        let folder = folder.map_err(Failure::disk("making the build's folder"))?;
        let began = OffsetDateTime::now_utc();
        let checkout = self.fetch(job, project, folder.path()).instrument(info_span!("fetch")).await?;
        let text = read_definition(&checkout.tree, &project.definition).await?;
        let scan = self.scan(job, &text, story).instrument(info_span!("scan")).await?;
        let uses = definition::allowed_uses(&scan)?;
        let given = given();
        let parsed = Dockerfile::parse(&text).map_err(|error| Failure::Refused(error.to_string()))?;
        // What this builder would read otherwise than whoever judged it is not built.
        if let Some(dispute) = parsed.disputes().first() {
            return Err(Failure::Refused(dispute.to_string()));
        }
        let diff = |changed: &Dockerfile| unified_diff(parsed.text(), changed.text(), &project.definition);
        story.diff = diff(&definition::changed(&parsed, &given, &uses, &BTreeMap::new())?);
        story.notes = definition::replacements(&uses);
        let mut inputs = BTreeMap::new();
        let gathered = inputs::gather(self, job, &uses, folder.path(), &mut inputs);
        gathered.instrument(info_span!("gather")).await?;
        let brought =
            stood_on::gather(self, job, &text, &uses, folder.path(), &mut inputs, &mut story.findings);
        let brought = brought.instrument(info_span!("triggers")).await?;
        story.inputs = told(uses.iter().chain(&brought), &inputs);
        let pins = inputs.iter().map(|(used, input)| (used.clone(), input.pinned.clone())).collect();
        let changed = definition::changed(&parsed, &given, &uses, &pins)?;
        story.diff = diff(&changed);
        let request = Request {
            context: checkout.tree.clone(),
            definition: definition::pinned(&parsed, &changed, &given, &uses, &pins)?,
            arguments: BTreeMap::new(),
            bases: bases(&inputs, &brought),
            labels: labels::labels(job, project, &uses, &inputs),
            annotations: labels::annotations(&uses, &inputs),
            timestamp: checkout.committed_at,
            limits: self.limits.clone(),
            output: folder.path().join("image"),
        };
        // Until here and from here on it waits for hosts and disks; only the steps themselves take the machine.
        let built = {
            let _slot = self.slots.take(job.lane).instrument(info_span!("wait")).await;
            self.drive(&request).instrument(info_span!("build")).await?
        };
        self.prove(project, &inputs, &built, scan.as_of)?;
        let made = publish::Made {
            job,
            project,
            checkout: &checkout,
            story: publish::Told {
                inputs: &story.inputs,
                diff: &story.diff,
                notes: &story.notes,
                findings: &story.findings,
            },
            layout: &request.output,
            began,
        };
        publish::publish(self, &made).instrument(info_span!("publish")).await
    }

    async fn fetch(&self, job: &BuildJob, project: &Project, folder: &Path) -> Result<Checkout, Failure> {
        let refused = |error: &dyn std::error::Error| {
            Failure::Configuration(format!("the project's source cannot be used: {error}"))
        };
        let url = project.source.parse::<source::GitUrl>().map_err(|error| refused(&error))?;
        let commit = job.commit.parse::<source::Commit>().map_err(|error| refused(&error))?;
        let into = folder.join("source");
        fs::create_dir(&into).await.map_err(Failure::disk("making the source's folder"))?;
        let fetched = self.fetcher.fetch(&url, &commit, &into, &self.stop);
        let fetched = self.hosts.through(url.host(), source::Error::is_silence, fetched).await?;
        fetched.map_err(|source| Failure::Source { host: url.host().to_owned(), source })
    }

    /// Asks a registry, unless it does not answer.
    pub(super) async fn ask_registry<T>(
        &self,
        host: &str,
        doing: impl Into<String>,
        exchange: impl Future<Output = registry::Result<T>>,
    ) -> Result<T, Failure> {
        let answer = self.hosts.through(host, registry::Error::is_silence, exchange).await?;
        answer.map_err(Failure::registry(doing, host))
    }

    async fn scan(&self, job: &BuildJob, text: &str, story: &mut Story) -> Result<ScanReply, Failure> {
        let question = question(job, text);
        let reply = self.ask(question.clone()).await?;
        known::keep(self, job, question).await?;
        story.findings.clone_from(&reply.findings);
        self.tell_scanned(job, text, &reply).await?;
        passed(reply)
    }

    /// Says what a scan found. Said again with what the bases' triggers add, the later fact is the definition's.
    pub(super) async fn tell_scanned(
        &self,
        job: &BuildJob,
        text: &str,
        reply: &ScanReply,
    ) -> Result<(), Failure> {
        let finished = ScanFinished {
            build: job.build.clone(),
            project: job.project.clone(),
            commit: job.commit.clone(),
            definition_digest: Digest::of(text.as_bytes()),
            refused: reply.refused,
            findings: reply.findings.clone(),
            catalog_revision: reply.catalog_revision,
            policy_revision: reply.policy_revision,
            became_refused: false,
        };
        self.connection.publish(finished, &cause(job)).await?;
        Ok(())
    }

    /// Asks the scanner; a definition that it cannot take is the team's to mend.
    pub(super) async fn ask(&self, question: ScanRequest) -> Result<ScanReply, Failure> {
        let built = Digest::of(question.definition.as_bytes());
        definition::about(self.connection.ask(question, SCAN).await.map_err(Failure::scan)?, built)
    }

    async fn drive(&self, request: &Request) -> Result<Built, Failure> {
        let report = self.driver.build(request, &self.stop).await;
        report.result.map_err(|error| match error {
            crate::driver::Error::Failed { code } => {
                let end: String =
                    report.log.chars().rev().take(LOG_END).collect::<Vec<_>>().into_iter().rev().collect();
                Failure::Failed { message: format!("the build ended with exit code {code}:\n{}", end.trim()) }
            }
            error => error.into(),
        })
    }

    /// Nothing leaves that a ban covers, whatever it was built from.
    fn prove(
        &self,
        project: &Project,
        inputs: &BTreeMap<ImageRef, Input>,
        built: &Built,
        as_of: u64,
    ) -> Result<(), Failure> {
        let facts = ImageFacts {
            references: vec![project.image.clone()],
            digests: [built.digest.clone(), built.config_digest.clone()].into(),
            layers: built.layers.clone(),
            ..ImageFacts::default()
        };
        let past =
            |ban: &ActiveBan| inputs.values().any(|input| input.excused.contains_key(&ban.record.sequence));
        let verdict = self
            .orders
            .with(|snapshot| decide_unless(snapshot, &facts, Door::Push, OffsetDateTime::now_utc(), past));
        match verdict.strict {
            Decision::Refuse => Err(Failure::verdict(publish::refusal(&verdict), &verdict, as_of)),
            Decision::Warn => {
                warn!(%verdict, "An image is published with a warning.");
                Ok(())
            }
            Decision::Allow => Ok(()),
        }
    }
}

/// What a build is given beside its file: nothing but the machine it runs on. No project can declare arguments or named contexts.
fn given() -> Inputs {
    Inputs { platform: driver::platform(), ..Inputs::default() }
}

/// The scan of a definition as it is built here.
pub(super) fn question(job: &BuildJob, text: &str) -> ScanRequest {
    ScanRequest {
        definition: text.to_owned(),
        project: Some(job.project.clone()),
        platform: given().platform,
        ..ScanRequest::default()
    }
}

/// The reply, if the build may go on.
pub(super) fn passed(reply: ScanReply) -> Result<ScanReply, Failure> {
    if !reply.refused {
        return Ok(reply);
    }
    let told = |finding: &Finding| format!("line {} {}: {}", finding.line, finding.code, finding.message);
    let errors: Vec<String> = reply.findings.iter().map(told).collect();
    Err(Failure::Refused(errors.join("\n")))
}

/// The images under the names that the build has for them: the pinned ones of the definition, and those that triggers have, which nobody
/// can rewrite.
fn bases(inputs: &BTreeMap<ImageRef, Input>, brought: &[AllowedUse]) -> Vec<Base> {
    let pinned = inputs.values().map(|input| (input.pinned.to_string(), &input.layout));
    let named = brought
        .iter()
        .filter_map(|allowed| Some((allowed.written.clone(), &inputs.get(&allowed.used)?.layout)));
    let bases: BTreeMap<String, &PathBuf> = pinned.chain(named).collect();
    bases.into_iter().map(|(reference, layout)| Base { reference, layout: layout.clone() }).collect()
}

/// What facts about a job are said for: another attempt says them again.
fn cause(job: &BuildJob) -> String {
    format!("{} attempt {}", job.build, job.attempt)
}

/// Reads the definition. A link could lead out of the tree, and a path with `..` too: neither is followed.
async fn read_definition(tree: &Path, definition: &str) -> Result<String, Failure> {
    let inside = Path::new(definition).components().all(|part| matches!(part, Component::Normal(_)));
    let path = tree.join(definition);
    let missing = || {
        Failure::Refused(format!(
            "the source has no definition at {definition}; add it, or apply the project with its path"
        ))
    };
    let metadata = fs::symlink_metadata(&path).await.map_err(|_| missing())?;
    if !inside || !metadata.is_file() {
        return Err(missing());
    }
    if metadata.len() > LONGEST_DEFINITION {
        return Err(Failure::Refused(format!("{definition} is longer than 1 MiB, which no definition is")));
    }
    let bytes = fs::read(&path).await.map_err(Failure::disk("reading the definition"))?;
    String::from_utf8(bytes).map_err(|_| Failure::Refused(format!("{definition} is not UTF-8 text")))
}

fn told<'a>(
    uses: impl Iterator<Item = &'a AllowedUse>,
    inputs: &BTreeMap<ImageRef, Input>,
) -> Vec<BuildInput> {
    let input = |allowed: &AllowedUse| inputs.get(&allowed.used).map(|input| input.pinned.clone());
    uses.filter_map(|allowed| {
        Some(BuildInput {
            role: allowed.role,
            line: allowed.line,
            written: match &allowed.trigger {
                Some(trigger) => format!("ONBUILD {trigger}"),
                None => allowed.written.clone(),
            },
            used: input(allowed)?,
        })
    })
    .collect()
}

fn not_published(job: &BuildJob, project: &Project, story: Story, failure: &Failure) -> BuildFinished {
    let Story { findings, inputs, diff, notes: _ } = story;
    let now = OffsetDateTime::now_utc();
    let class = failure.class();
    let (waits_for, pause) = failure.waits_for().unwrap_or_default();
    let pause = pause.max(retry_pause(&job.build, job.attempt));
    BuildFinished {
        build: job.build.clone(),
        project: job.project.clone(),
        commit: job.commit.clone(),
        ban: job.ban,
        outcome: if failure.is_refusal() { Outcome::Refused } else { Outcome::Failed },
        image: None,
        digest: None,
        inputs,
        diff,
        definition: project.definition.clone(),
        message: Chain(failure).to_string(),
        findings,
        pushed: job.pushed,
        attempt: job.attempt,
        class: Some(class),
        retry_at: class.is_retried().then(|| now + pause),
        waits_since: class.is_retried().then(|| job.waits_since.unwrap_or(now)),
        waits_for: waits_for.to_owned(),
    }
}
