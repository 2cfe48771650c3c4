//! One end of a build, told to its team: first the branch, then the webhook, which names the branch. Each is noted when it is done, so
//! that a repetition does only what is left; a crash between the two repeats a push that changes nothing, or one webhook.

use std::path::PathBuf;

use bus::{Delivery, Entries, Handler, Outbox, bucket::Claim};
use events::{
    Event as _,
    fact::{BuildFinished, ScanFinished},
};
use serde::{Deserialize, Serialize};
use source::{Change, Commit, Fetcher, GitUrl, Pushed};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use verdict::order::Project;

use crate::{
    error::{Error, Undelivered},
    notice::{self, Branch, Channel, Notice},
    projects::Projects,
    turns::Turns,
    webhook::Sender,
};

/// So often the branch is tried before the team hears without it; it goes on being tried.
const ATTEMPTS_BEFORE_WEBHOOK: u64 = 4;

/// Tells teams.
pub(crate) struct Teller {
    pub(crate) projects: Projects,
    pub(crate) entries: Entries,
    pub(crate) fetcher: Fetcher,
    pub(crate) sender: Sender,
    pub(crate) folder: PathBuf,
    pub(crate) turns: Turns,
    pub(crate) stop: CancellationToken,
}

/// What is noted of a notice that was delivered.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// The build, or the scan, for whoever reads the bucket.
    build: String,
    /// The branch that was pushed.
    branch: Option<String>,
    /// Why none was.
    withheld: Option<String>,
}

impl Handler for Teller {
    type Error = Undelivered;

    async fn handle(&self, delivery: Delivery) -> Result<Outbox, Undelivered> {
        let attempt = delivery.attempt;
        let told = match delivery.subject.split_kind() {
            Some((ScanFinished::KIND, _)) => self.tell_of_scan(&delivery).await,
            _ => self.tell(&delivery).await,
        };
        told.map_err(|why| Undelivered { attempt, why })?;
        Ok(Outbox::default())
    }
}

impl Teller {
    /// Of all scans, those are told that refuse what was not refused before; a build's own are told with its end.
    async fn tell_of_scan(&self, delivery: &Delivery) -> Result<(), Error> {
        let scan: ScanFinished = delivery.decode()?;
        if !scan.became_refused {
            return Ok(());
        }
        let name = &scan.project;
        let project = self.projects.get(name).ok_or_else(|| Error::UnknownProject(name.clone()))?;
        let about = notice::scan(&scan);
        self.webhook(&about, &project, notice::of_scan(scan)).await
    }

    async fn tell(&self, delivery: &Delivery) -> Result<(), Error> {
        let build: BuildFinished = delivery.decode()?;
        let waits = notice::key(&notice::waits(&build), &build.project, Channel::Webhook);
        let knows = self.noted(&waits).await?.is_some();
        if !notice::is_news(&build, knows, OffsetDateTime::now_utc()) {
            return Ok(());
        }
        let name = &build.project;
        let project = self.projects.get(name).ok_or_else(|| Error::UnknownProject(name.clone()))?;
        let (branch, failed) = match self.branch(&build, &project).await {
            Ok(branch) => (branch, None),
            Err(error) if error.is_retryable() && delivery.attempt < ATTEMPTS_BEFORE_WEBHOOK => {
                return Err(error);
            }
            Err(error) => (Branch::Withheld(telemetry::Chain(&error).to_string()), Some(error)),
        };
        let about = notice::topic(&build);
        self.webhook(&about, &project, Notice::of(build, branch)).await?;
        failed.map_or(Ok(()), Err)
    }

    async fn branch(&self, build: &BuildFinished, project: &Project) -> Result<Branch, Error> {
        if !notice::is_rewritten(build) {
            return Ok(Branch::Needless);
        }
        let key = notice::key(&build.build, &build.project, Channel::Branch);
        if let Some(note) = self.noted(&key).await? {
            return Ok(match (note.branch, note.withheld) {
                (Some(branch), _) => Branch::Offered(branch),
                (None, why) => Branch::Withheld(why.unwrap_or_default()),
            });
        }
        let branch = self.push(build, project).await?;
        let (pushed, withheld) = match &branch {
            Branch::Offered(name) => (Some(name.clone()), None),
            Branch::Withheld(why) => (None, Some(why.clone())),
            Branch::Needless => (None, None),
        };
        self.note(&key, Note { build: build.build.clone(), branch: pushed, withheld }).await?;
        Ok(branch)
    }

    async fn push(&self, build: &BuildFinished, project: &Project) -> Result<Branch, Error> {
        let name = notice::branch(build);
        let (Ok(url), Ok(base), Ok(branch)) = (
            project.source.parse::<GitUrl>(),
            build.commit.parse::<Commit>(),
            name.parse::<source::Branch>(),
        ) else {
            return Ok(Branch::Withheld(
                "its source, commit or branch has a name that git does not take.".to_owned(),
            ));
        };
        let folder = tempfile::tempdir_in(&self.folder).map_err(Error::Folder)?;
        let message = notice::commit_message(build);
        let change = Change { base: &base, branch: &branch, diff: &build.diff, message: &message };
        match self.fetcher.push_branch(&url, &change, folder.path(), &self.stop).await? {
            Pushed::Offered(commit) => {
                info!(project = %build.project, branch = name, %commit, "A change was offered as a branch.");
                Ok(Branch::Offered(name))
            }
            Pushed::Taken(commit) => {
                debug!(project = %build.project, branch = name, %commit, "The branch is somebody's and stays as it is.");
                Ok(Branch::Withheld(format!("{name} exists already, with other commits.")))
            }
            Pushed::Unfit(said) => {
                warn!(project = %build.project, branch = name, said, "A change does not apply to its own commit.");
                Ok(Branch::Withheld(format!("it does not apply to {base}: {said}.")))
            }
        }
    }

    /// Sends a notice about a build or a scan, once.
    async fn webhook(&self, about: &str, project: &Project, notice: Notice) -> Result<(), Error> {
        let Some(address) = &project.webhook else { return Ok(()) };
        let key = notice::key(about, &project.name, Channel::Webhook);
        let _turn = self.turns.take(&key).await;
        if self.noted(&key).await?.is_some() {
            return Ok(());
        }
        self.sender.send(address, &notice).await?;
        info!(project = %project.name, about, "The team was told.");
        self.note(&key, Note { build: about.to_owned(), branch: None, withheld: None }).await
    }

    async fn noted(&self, key: &str) -> Result<Option<Note>, Error> {
        let entry = self.entries.get(key).await?;
        // One that cannot be read was written all the same.
        let unread = || Note { build: String::new(), branch: None, withheld: None };
        Ok(entry.map(|(value, _)| serde_json::from_slice(&value).unwrap_or_else(|_| unread())))
    }

    async fn note(&self, key: &str, note: Note) -> Result<(), Error> {
        let value = serde_json::to_vec(&note).unwrap_or_default();
        match self.entries.create(key, value).await? {
            // Told twice at the worst, which the team can live with.
            Claim::Won(_) | Claim::Lost => Ok(()),
        }
    }
}
