//! The loop: hear, decide, act. A planner that starts anew decides the same, and what was said is not said again.

use bus::{Entries, Feed, Heard, Outbox, Record};
use events::{
    fact::{BuildJob, BuildQueued},
    topology::{Bucket, StreamName},
};
use serde::Deserialize;
use service::{Context, Fault};
use tracing::{Instrument as _, Span, error, info};

use super::{
    campaign::{Action, due},
    state::State,
};

/// The `[planner]` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// Runs until the context's stop.
pub async fn plan(Config {}: Config, context: Context) -> Result<(), Fault> {
    let streams = [
        StreamName::Orders,
        StreamName::Resolutions,
        StreamName::Sources,
        StreamName::Images,
        StreamName::Builds,
        StreamName::Campaigns,
    ]
    .map(|stream| (stream, 0));
    let mut feed = Feed::open(&context.connection, &streams, &context.tasks, &context.stop);
    let intents = context.connection.entries(Bucket::Intents).await?;
    // Listed for as long as this is held.
    let _listed = context.connection.list("planner", "Decides what is built, and when.").await?;
    let mut planner = Planner { state: State::default(), intents, caught_up: false, put_off: None, context };
    loop {
        let heard = tokio::select! {
            biased;
            () = planner.context.stop.cancelled() => return Ok(()),
            heard = feed.next() => heard,
            // Nothing more is there to be heard at this moment.
            () = std::future::ready(()), if planner.put_off.is_some() => {
                planner.decide().await?;
                continue;
            }
        };
        match heard {
            Some(Heard::Record(record)) => planner.hear(&record).await?,
            Some(Heard::CaughtUp) => planner.catch_up().await?,
            None => return Ok(()),
        }
    }
}

struct Planner {
    state: State,
    intents: Entries,
    caught_up: bool,
    /// A decision that waits until all that is there has been heard, in the trace of what asked for it last.
    put_off: Option<Span>,
    context: Context,
}

impl Planner {
    async fn hear(&mut self, record: &Record) -> Result<(), Fault> {
        let span = record.span();
        async {
            if let Err(error) = self.state.hear(record) {
                error!(%error, subject = %record.subject, "A fact cannot be read and is left out of the plan.");
            }
            match record.stream {
                _ if !self.caught_up => Ok(()),
                // Facts about images come in storms, and one decision is enough for as many as there are.
                StreamName::Images => {
                    self.put_off = Some(Span::current());
                    Ok(())
                }
                _ => self.act().await,
            }
        }
        .instrument(span)
        .await
    }

    async fn decide(&mut self) -> Result<(), Fault> {
        match self.put_off.take() {
            Some(span) => self.act().instrument(span).await,
            None => Ok(()),
        }
    }

    async fn catch_up(&mut self) -> Result<(), Fault> {
        self.caught_up = true;
        self.act().await?;
        self.context.readiness.is_ready();
        Ok(())
    }

    async fn act(&mut self) -> Result<(), Fault> {
        for action in due(&self.state) {
            self.perform(action).await?;
        }
        Ok(())
    }

    /// Causes name what is said, not what made us say it: two planners, or one that starts anew, say it once.
    async fn perform(&mut self, action: Action) -> Result<(), Fault> {
        let connection = &self.context.connection;
        match action {
            Action::Release(job) => self.release(job).await?,
            Action::Unattributed(ban, portion) => {
                let mut facts = Outbox::default();
                for fact in portion {
                    let image = (fact.repository.clone(), fact.digest.clone());
                    self.state.unattributed.entry(ban).or_default().insert(image);
                    facts.push(fact);
                }
                connection.publish_together(facts, &format!("campaign {ban}")).await?;
            }
            Action::Planned(fact) => {
                let campaign = self.state.campaigns.entry(fact.ban).or_default();
                campaign.planned.get_or_insert_default().extend(fact.projects.iter().cloned());
                let cause = format!("campaign {}", fact.ban);
                connection.publish(fact, &cause).await?;
            }
            Action::Progressed(fact) => {
                let campaign = self.state.campaigns.entry(fact.ban).or_default();
                campaign.progressed.insert(fact.project.clone(), fact.state.clone());
                let cause = format!("campaign {}", fact.ban);
                connection.publish(fact, &cause).await?;
            }
            Action::Closed(fact) => {
                self.state.campaigns.entry(fact.ban).or_default().closed = true;
                info!(ban = %fact.ban, replaced = fact.replaced, stragglers = fact.stragglers.len(), "A campaign is closed.");
                let cause = format!("campaign {}", fact.ban);
                connection.publish(fact, &cause).await?;
            }
        }
        Ok(())
    }

    /// Records the intent, hands out the work, and then says so. A planner that dies in between does it again, and the queue and the
    /// worker both know the build by its name.
    async fn release(&mut self, job: BuildJob) -> Result<(), Fault> {
        let BuildJob { build, project, commit, ban, pushed: _ } = job.clone();
        self.intents.create(&format!("build.{build}"), commit.clone().into_bytes()).await?;
        let connection = &self.context.connection;
        connection.publish(job, &build).await?;
        let queued = BuildQueued { build: build.clone(), project: project.clone(), commit, ban };
        connection.publish(queued, &build).await?;
        info!(build, "A build is released.");
        self.state.released(project, build);
        Ok(())
    }
}
