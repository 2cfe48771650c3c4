//! The loop: hear, decide, act. A planner that starts anew decides the same, and what was said is not said again.

use std::time::Duration;

use bus::{Entries, Feed, Heard, Outbox, Record, rpc::Listed};
use events::{
    fact::{BuildJob, BuildQueued},
    rpc::{BuildReply, BuildRequest, WaitingBuild, WaitingReply, WaitingRequest},
    topology::{Bucket, StreamName},
};
use serde::Deserialize;
use service::{Context, Fault};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument as _, Span, error, info};

use super::{
    campaign::{Action, due},
    request,
    state::State,
};

/// Requests that wait for the planner; people do not ask faster than it answers.
const REQUESTS: usize = 16;

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
    let listed = context.connection.list("planner", "Decides what is built, and when.").await?;
    let (asks, mut asked) = mpsc::channel(REQUESTS);
    let mut planner = Planner {
        state: State::default(),
        intents,
        caught_up: false,
        put_off: None,
        wake: None,
        waiting: Vec::new(),
        context,
    };
    loop {
        let heard = tokio::select! {
            biased;
            () = planner.context.stop.cancelled() => return Ok(()),
            heard = feed.next() => heard,
            Some(asked) = asked.recv() => {
                planner.answer(asked).await?;
                continue;
            }
            // Nothing more is there to be heard at this moment.
            () = std::future::ready(()), if planner.put_off.is_some() => {
                planner.decide().await?;
                continue;
            }
            // An attempt that was put off is due.
            () = sleep_until(planner.wake), if planner.caught_up => {
                planner.act().await?;
                continue;
            }
        };
        match heard {
            Some(Heard::Record(record)) => planner.hear(&record).await?,
            Some(Heard::CaughtUp) => {
                planner.catch_up().await?;
                answer_requests(&listed, &planner.context, asks.clone()).await?;
            }
            None => return Ok(()),
        }
    }
}

/// A person's request, and where its answer goes.
enum Asked {
    Build(BuildRequest, oneshot::Sender<BuildReply>),
    Waiting(oneshot::Sender<WaitingReply>),
}

/// Lets people ask, from when the planner knows what there is.
async fn answer_requests(listed: &Listed, context: &Context, asks: mpsc::Sender<Asked>) -> Result<(), Fault> {
    let build = {
        let asks = asks.clone();
        move |request| put(asks.clone(), |answer| Asked::Build(request, answer))
    };
    listed.answer::<BuildRequest, _, _>(&context.tasks, &context.stop, build).await?;
    let waiting = move |WaitingRequest {}| put(asks.clone(), Asked::Waiting);
    Ok(listed.answer::<WaitingRequest, _, _>(&context.tasks, &context.stop, waiting).await?)
}

/// Puts a request to the planner, and waits for its answer.
async fn put<T>(
    asks: mpsc::Sender<Asked>,
    asked: impl FnOnce(oneshot::Sender<T>) -> Asked,
) -> Result<T, String> {
    let (answer, answered) = oneshot::channel();
    let stopping = || "the planner is stopping; ask again".to_owned();
    asks.send(asked(answer)).await.map_err(|_| stopping())?;
    answered.await.map_err(|_| stopping())
}

/// Ends at `wake`; never where there is none.
async fn sleep_until(wake: Option<OffsetDateTime>) {
    let Some(wake) = wake else { return std::future::pending().await };
    let pause = Duration::try_from(wake - OffsetDateTime::now_utc()).unwrap_or_default();
    tokio::time::sleep(pause).await;
}

struct Planner {
    state: State,
    intents: Entries,
    caught_up: bool,
    /// A decision that waits until all that is there has been heard, in the trace of what asked for it last.
    put_off: Option<Span>,
    /// When an attempt that was put off is due.
    wake: Option<OffsetDateTime>,
    /// Builds that failed and are tried again.
    waiting: Vec<WaitingBuild>,
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
        let plan = due(&self.state, OffsetDateTime::now_utc());
        for action in plan.actions {
            self.perform(action).await?;
        }
        self.wake = plan.wake;
        self.waiting = plan.waiting;
        Ok(())
    }

    async fn answer(&mut self, asked: Asked) -> Result<(), Fault> {
        match asked {
            Asked::Build(request, answer) => self.build(request, answer).await,
            Asked::Waiting(answer) => {
                // The caller may have left.
                answer.send(request::waiting(self.waiting.clone())).ok();
                Ok(())
            }
        }
    }

    /// Builds a project because a person asks for it.
    async fn build(
        &mut self,
        request: BuildRequest,
        answer: oneshot::Sender<BuildReply>,
    ) -> Result<(), Fault> {
        let BuildRequest { project, operator } = request;
        let now = OffsetDateTime::now_utc();
        self.state.requests.insert(project.clone(), now);
        info!(%project, operator, "A person asks for a build.");
        self.act().await?;
        self.state.requests.remove(&project);
        let reply = request::answer(&self.state, &project, now);
        // The caller may have left; the build stays released.
        answer.send(reply).ok();
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
        let BuildJob { build, project, commit, ban, pushed: _, attempt, lane, waits_since: _ } = job.clone();
        self.intents.create(&format!("build.{build}"), commit.clone().into_bytes()).await?;
        let connection = &self.context.connection;
        let cause = format!("{build} attempt {attempt}");
        connection.publish(job, &cause).await?;
        let queued = BuildQueued { build: build.clone(), project: project.clone(), commit, ban, attempt };
        connection.publish(queued, &cause).await?;
        info!(build, attempt, %lane, "A build is released.");
        self.state.released(project, build, attempt, OffsetDateTime::now_utc());
        Ok(())
    }
}
