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
    fact::{Finding, ScanFinished},
    rpc::{KnownDefinition, ScanReply},
    topology::{Bucket, StreamName},
};
use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lint::rules::elsewhere::UNSCANNED;
use service::Context;
use tracing::{info, warn};
use verdict::snapshot::Rulebook;

use self::known::{Due, Known};
use crate::memory::Memory;

/// Between two tries while a bucket is not there yet.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a quiet scanner looks for projects that it left alone.
const LOOK: Duration = Duration::from_secs(5);

/// Definitions that are scanned at once: one that takes its time holds up none of the others, and builds are still answered.
const AT_ONCE: usize = 4;

/// How long a scan may take: longer than whoever builds waits for one.
const LONGEST_SCAN: Duration = Duration::from_secs(30);

/// Scans again until the context's stop. Begins when the orders have been read.
pub(crate) async fn run(context: Context, memory: Memory) {
    let stop = context.stop.clone();
    stop.run_until_cancelled(go_on(context, memory)).await;
}

async fn go_on(context: Context, memory: Memory) {
    let changed = Arc::clone(&memory.changed);
    let mut feed = Feed::open(&context.connection, &[(StreamName::Builds, 0)], &context.tasks, &context.stop);
    let rescanner = Rescanner {
        name: context.connection.unique_name(),
        connection: context.connection.clone(),
        definitions: bind(&context.connection).await,
        memory,
    };
    // Scanners that begin at different places seldom do the same work.
    let mut known = Known::beginning_at(usize::try_from(process::id()).unwrap_or_default());
    let mut working = FuturesUnordered::new();
    let mut caught_up = false;
    loop {
        // Everything that is here already is heard before anything is decided: another scanner may have been faster.
        let heard = match feed.next().now_or_never() {
            Some(heard) => heard,
            None => {
                if caught_up
                    && working.len() < AT_ONCE
                    && let Some(due) = rescanner.due(&known)
                {
                    known.begun(&due);
                    working.push(rescanner.scan(due));
                    continue;
                }
                tokio::select! {
                    biased;
                    heard = feed.next() => heard,
                    Some((due, ended)) = working.next() => {
                        tell(&mut known, &due, ended);
                        continue;
                    }
                    () = changed.notified() => continue,
                    () = tokio::time::sleep(LOOK) => continue,
                }
            }
        };
        match heard {
            Some(Heard::Record(record)) => known.hear(&record),
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

/// What became of one definition that was due.
enum Ended {
    /// A fact stands behind its last one, this scanner's or another's; until it is heard the project is left alone.
    Placed,
    /// Another scanner has it.
    Claimed,
    /// Nothing is stored of it.
    Nothing,
    /// It could not be scanned.
    Failed(String),
    /// Its scan did not end in time.
    Late,
    /// The broker did not do its part.
    Interrupted(bus::Error),
}

impl From<bus::Error> for Ended {
    fn from(error: bus::Error) -> Self {
        if error.is_retryable() {
            Self::Interrupted(error)
        } else {
            Self::Failed(telemetry::Chain(&error).to_string())
        }
    }
}

fn tell(known: &mut Known, due: &Due, ended: Ended) {
    match ended {
        Ended::Placed => known.placed(due),
        Ended::Claimed => known.claimed(due),
        Ended::Nothing => known.nothing_to_scan(due),
        Ended::Failed(error) => {
            warn!(project = %due.project, error, "A definition cannot be scanned, and is tried again later.");
            known.failed(due);
        }
        Ended::Late => {
            warn!(project = %due.project, "A scan did not end within {} s, and is tried again later.", LONGEST_SCAN.as_secs());
            known.late(due);
        }
        Ended::Interrupted(error) => {
            warn!(project = %due.project, error = %telemetry::Chain(&error), "A definition is scanned again later.");
            known.interrupted(due);
        }
    }
}

struct Rescanner {
    connection: Connection,
    definitions: Entries,
    memory: Memory,
    /// Nobody else has it.
    name: String,
}

impl Rescanner {
    fn due(&self, known: &Known) -> Option<Due> {
        let snapshot = self.memory.snapshot();
        // Whoever cannot read all orders has no rules to tell anybody of.
        if snapshot.behind() {
            return None;
        }
        known.due(snapshot.projects().map(|project| &project.name), snapshot.rulebook())
    }

    async fn scan(&self, due: Due) -> (Due, Ended) {
        let ended = self.rescan(&due).await.unwrap_or_else(|ended| ended);
        (due, ended)
    }

    async fn rescan(&self, due: &Due) -> Result<Ended, Ended> {
        let Some((value, _)) = self.definitions.get(due.project.as_str()).await? else {
            return Ok(Ended::Nothing);
        };
        let known = match KnownDefinition::decode(&value) {
            Ok(known) => known,
            // Its next build stores it anew.
            Err(error) => {
                warn!(project = %due.project, %error, "A definition that was stored cannot be read.");
                return Ok(Ended::Nothing);
            }
        };
        if !self.claim(due).await? {
            return Ok(Ended::Claimed);
        }
        let KnownDefinition { commit, request, pushed: _ } = known;
        let definition = Digest::of(request.definition.as_bytes());
        let scanned = tokio::time::timeout(LONGEST_SCAN, self.memory.scan(*request)).await;
        let reply = match scanned {
            Ok(Ok(reply)) => reply,
            Ok(Err(why)) if due.is_last_try => unscanned(due, &why),
            Ok(Err(why)) => return Err(Ended::Failed(why)),
            Err(_) => return Err(Ended::Late),
        };
        let fact = fact(due, commit, definition, reply);
        let (project, refused, became) = (fact.project.clone(), fact.refused, fact.became_refused);
        let rulebook = Rulebook { catalog: fact.catalog_revision, policies: fact.policy_revision };
        let cause = format!("{} under {}/{}", fact.definition_digest, rulebook.catalog, rulebook.policies);
        match self.connection.publish_behind(fact, &cause, due.after).await? {
            Placed::Stored(_) => {
                info!(%project, refused, became, catalog = rulebook.catalog, policies = rulebook.policies, "Scanned again.");
            }
            Placed::Overtaken => {}
        }
        Ok(Ended::Placed)
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

/// What is told of a definition that was tried to the last: nobody knows what would have been found, so it counts as refused.
fn unscanned(due: &Due, why: &str) -> ScanReply {
    let finding = Finding {
        line: 1,
        code: UNSCANNED.code.to_owned(),
        level: UNSCANNED.level.as_str().to_owned(),
        message: format!("it could not be scanned when the rules changed: {why}"),
    };
    ScanReply {
        refused: true,
        findings: vec![finding],
        uses: Vec::new(),
        as_of: 0,
        definition_digest: None,
        catalog_revision: due.rulebook.catalog,
        policy_revision: due.rulebook.policies,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_to_the_last_is_a_refusal_that_says_why() {
        let rulebook = Rulebook { catalog: 10, policies: 5 };
        let project = "shop".parse().unwrap();
        let due = Known::default().due([&project].into_iter(), rulebook).unwrap();
        let reply = unscanned(&due, "no process can be started");
        let fact = fact(&due, "c".to_owned(), Digest::of(b"FROM a"), reply);
        assert!(fact.refused && fact.became_refused);
        // Under these rules it is done with.
        assert_eq!((fact.catalog_revision, fact.policy_revision), (10, 5));
        let [finding] = fact.findings.as_slice() else { panic!("{:?}", fact.findings) };
        assert!(finding.code == "PL4003" && finding.message.contains("no process can be started"));
    }
}
