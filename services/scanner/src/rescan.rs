//! The known definitions scanned again whenever the catalog or the policies change, by any number of scanners, each definition once under each rulebook:
//! a fact is stored only behind the very fact that its scanner knew as the project's last, so that of two scanners one is too late. Who claims a definition
//! first scans it, so that this is rare.

mod known;

use std::{process, sync::Arc, time::Duration};

use artifact::Digest;
use bus::{
    Connection, Entries, Feed, Heard,
    bucket::{Claim, Placed},
};
use events::{
    Body as _,
    fact::ScanFinished,
    rpc::{KnownDefinition, ScanReply},
    topology::{Bucket, StreamName},
};
use futures::FutureExt as _;
use service::Context;
use tracing::{info, warn};
use verdict::snapshot::Rulebook;

use self::known::{Due, Known};
use crate::memory::Memory;

/// Between two tries while the broker is away, or while a bucket is not there yet.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a quiet scanner looks for projects that it left alone.
const LOOK: Duration = Duration::from_secs(5);

/// Scans again until the context's stop. Begins when the orders have been read.
pub(crate) async fn run(context: Context, memory: Memory) {
    let stop = context.stop.clone();
    stop.run_until_cancelled(go_on(context, memory)).await;
}

async fn go_on(context: Context, memory: Memory) {
    let changed = Arc::clone(&memory.changed);
    let mut feed = Feed::open(&context.connection, &[(StreamName::Builds, 0)], &context.tasks, &context.stop);
    let definitions = bind(&context.connection).await;
    // Scanners that begin at different places seldom do the same work.
    let known = Known::beginning_at(usize::try_from(process::id()).unwrap_or_default());
    let mut rescanner = Rescanner {
        name: context.connection.unique_name(),
        connection: context.connection.clone(),
        definitions,
        memory,
        known,
    };
    let mut caught_up = false;
    loop {
        // Everything that is here already is heard before anything is decided: another scanner may have been faster.
        let heard = match feed.next().now_or_never() {
            Some(heard) => heard,
            None if caught_up && rescanner.step().await => continue,
            None => tokio::select! {
                biased;
                heard = feed.next() => heard,
                () = changed.notified() => continue,
                () = tokio::time::sleep(LOOK) => continue,
            },
        };
        match heard {
            Some(Heard::Record(record)) => rescanner.known.hear(&record),
            Some(Heard::CaughtUp) => caught_up = true,
            None => return,
        }
    }
}

async fn bind(connection: &Connection) -> Entries {
    loop {
        match connection.entries(Bucket::Definitions).await {
            Ok(entries) => return entries,
            Err(error) => {
                warn!(error = %telemetry::Chain(&error), "The definitions' bucket is not there yet.")
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Rescanner {
    connection: Connection,
    definitions: Entries,
    memory: Memory,
    known: Known,
    /// Nobody else has it.
    name: String,
}

impl Rescanner {
    /// Scans one definition that is due; false where none is.
    async fn step(&mut self) -> bool {
        let snapshot = self.memory.snapshot();
        let projects = snapshot.projects().map(|project| &project.name);
        let Some(due) = self.known.due(projects, snapshot.rulebook()) else { return false };
        match self.rescan(&due).await {
            Ok(()) => {}
            Err(error) => {
                warn!(project = %due.project, error, "A definition is scanned again later.");
                tokio::time::sleep(PAUSE).await;
            }
        }
        true
    }

    async fn rescan(&mut self, due: &Due) -> Result<(), String> {
        let failed = |error: bus::Error| telemetry::Chain(&error).to_string();
        let Some((value, _)) = self.definitions.get(due.project.as_str()).await.map_err(failed)? else {
            self.known.nothing_to_scan(due);
            return Ok(());
        };
        let known = match KnownDefinition::decode(&value) {
            Ok(known) => known,
            // Its next build stores it anew.
            Err(error) => {
                warn!(project = %due.project, %error, "A definition that was stored cannot be read.");
                self.known.nothing_to_scan(due);
                return Ok(());
            }
        };
        if !self.claim(due).await.map_err(failed)? {
            self.known.claimed(due);
            return Ok(());
        }
        let KnownDefinition { commit, request } = known;
        let definition = Digest::of(request.definition.as_bytes());
        let reply = self.memory.scan(*request).await?;
        let fact = fact(due, commit, definition, reply);
        let (project, refused, became) = (fact.project.clone(), fact.refused, fact.became_refused);
        let rulebook = Rulebook { catalog: fact.catalog_revision, policies: fact.policy_revision };
        let cause = format!("{} under {}/{}", fact.definition_digest, rulebook.catalog, rulebook.policies);
        match self.connection.publish_behind(fact, &cause, due.after).await.map_err(failed)? {
            Placed::Stored(_) => {
                info!(%project, refused, became, catalog = rulebook.catalog, policies = rulebook.policies, "Scanned again.");
            }
            Placed::Overtaken => {}
        }
        // Its own fact, or the other's, is on the way; until then the project is left alone.
        self.known.placed(due);
        Ok(())
    }
}

impl Rescanner {
    /// Whether this scanner is the one to do it. A claim saves work and keeps listeners from hearing what is then not stored; it is no lock: whoever holds
    /// one and does nothing is passed over, and the stream takes one fact all the same.
    async fn claim(&self, due: &Due) -> Result<bool, bus::Error> {
        let key = format!("claim.{}", due.project);
        let Rulebook { catalog, policies } = due.rulebook;
        let work = format!("{} {catalog}/{policies} ", due.after);
        let own = format!("{work}{}", self.name).into_bytes();
        let claimed = match self.definitions.get(&key).await? {
            None => self.definitions.create(&key, own).await?,
            Some((value, _)) if value == own => return Ok(true),
            Some((value, _)) if value.starts_with(work.as_bytes()) && !due.is_abandoned => return Ok(false),
            Some((_, revision)) => self.definitions.update(&key, own, revision).await?,
        };
        Ok(matches!(claimed, Claim::Won(_)))
    }
}

fn fact(due: &Due, commit: String, definition_digest: Digest, reply: ScanReply) -> ScanFinished {
    let ScanReply { refused, findings, catalog_revision, policy_revision, .. } = reply;
    ScanFinished {
        build: String::new(),
        project: due.project.clone(),
        commit,
        became_refused: refused && !due.was_refused(&definition_digest),
        definition_digest,
        refused,
        findings,
        catalog_revision,
        policy_revision,
    }
}
