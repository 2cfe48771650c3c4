//! The loop: one closed set of things that can happen, one owner of the state.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bus::{Feed, Heard, Outbox, Record, rpc::Listed};
use evaluator::Evaluator;
use events::{
    rpc::{CredentialsReply, CredentialsRequest, StatusReply, StatusRequest, WhyReply, WhyRequest},
    topology::StreamName,
};
use registry::Client;
use service::{Context, Fault};
use time::OffsetDateTime;
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinError, JoinSet},
};
use tracing::{Instrument as _, info, info_span};

use crate::{
    answers,
    backlog::{Backlog, Portion},
    compile::{Compiled, compile},
    config::Config,
    heartbeat,
    index::Index,
    lookup::{self, Answer, Question, Trouble},
    room,
    state::{Reaction, State},
};

/// How many questions wait for the loop.
const QUESTIONS: usize = 64;
/// How many failed tries wait to be told; more are told by the next try.
const TROUBLES: usize = 64;
/// Messages after which the backlog has its turn even if there are more: a registry that is crawled tells of images without an end.
const TURN: u64 = 64;
/// After this long without an answer of the broker somebody is told: longer than it takes to sync a disk that is busy.
const STALLED: Duration = Duration::from_secs(5);
const STALLED_KEY: &str = "stalled";
const STALLED_TEXT: &str = "what orders mean cannot be stored in RESOLUTIONS, so orders have no answer; if the stream is full, raise its limit, and everything is \
                            stored by itself";
/// The longest sleep towards an expiry: clocks are set, and a sleep does not notice.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What is read from the beginning, each on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    /// Orders and resolutions.
    Authority,
    /// What happened to images, builds, campaigns and containers.
    Facts,
}

enum Asked {
    Why(WhyRequest, oneshot::Sender<Result<WhyReply, String>>),
    Status(oneshot::Sender<Result<StatusReply, String>>),
    Credentials(oneshot::Sender<Result<CredentialsReply, String>>),
}

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let heartbeats = heartbeat::issue(context.connection.clone());
    context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(heartbeats));
    let index = Index::open(&config.folder)?;
    let open = |streams: &[_]| Feed::open(&context.connection, streams, &context.tasks, &context.stop);
    // A feed of their own: an order never waits for the pushes of a whole registry.
    let mut authority = open(&[(StreamName::Orders, 0), (StreamName::Resolutions, 0)]);
    let mut facts = open(&[
        (StreamName::Images, index.position(StreamName::Images)?),
        (StreamName::Builds, index.position(StreamName::Builds)?),
        (StreamName::Campaigns, 0),
        (StreamName::Nodes, 0),
    ]);
    let mut room = room::watch(&context);
    // Listed for as long as this is held.
    let (_listed, asked) = listen(&context).await?;
    let (tell, mut troubles) = mpsc::channel(TROUBLES);
    let mut invalidator = Invalidator {
        state: State::new(index),
        registry: Client::new(config.registry)?,
        lookups: JoinSet::new(),
        running: BTreeMap::new(),
        evaluator: Evaluator::new(config.policies),
        compilations: JoinSet::new(),
        backlog: Backlog::default(),
        portion: JoinSet::new(),
        is_due: false,
        heard: 0,
        behind: BTreeSet::from([Reading::Authority, Reading::Facts]),
        tell,
        asked,
        context,
    };
    loop {
        tokio::select! {
            biased;
            () = invalidator.context.stop.cancelled() => return Ok(()),
            heard = authority.next() => match heard {
                Some(Heard::Record(record)) => invalidator.hear(*record).await?,
                Some(Heard::CaughtUp) => invalidator.catch_up(Reading::Authority).await?,
                None => return Ok(()),
            },
            Ok(()) = room.changed() => {
                let has_room = *room.borrow_and_update();
                invalidator.set_room(has_room).await?;
            },
            Some(answer) = invalidator.lookups.join_next() => if let Some(answer) = ended(answer)? {
                invalidator.found(answer).await?;
            },
            Some(compiled) = invalidator.compilations.join_next() => if let Some(compiled) = ended(compiled)? {
                invalidator.compiled(compiled).await?;
            },
            Some(Trouble { question, reason }) = troubles.recv() => invalidator.state.troubled(question, reason),
            () = sleep_towards(invalidator.state.next_expiry()) => invalidator.pass_time().await?,
            // Half of what is stored says of accepted orders that they are rejected: questions wait until all is read.
            Some(asked) = invalidator.asked.recv(), if invalidator.state.is_caught_up() => invalidator.answer(asked),
            Some(stored) = invalidator.portion.join_next() => {
                ended(stored)?.transpose()?;
                invalidator.take_turn();
            }
            heard = facts.next(), if !invalidator.is_due => match heard {
                Some(Heard::Record(record)) => {
                    invalidator.hear(*record).await?;
                    invalidator.turn(facts.is_idle()).await?;
                }
                Some(Heard::CaughtUp) => invalidator.catch_up(Reading::Facts).await?,
                None => return Ok(()),
            },
            () = std::future::ready(()), if invalidator.portion.is_empty() && !invalidator.backlog.is_empty() => {
                invalidator.publish_portion();
            }
        }
    }
}

struct Invalidator {
    state: State,
    registry: Client,
    lookups: JoinSet<Answer>,
    running: BTreeMap<Question, AbortHandle>,
    evaluator: Evaluator,
    compilations: JoinSet<Compiled>,
    backlog: Backlog,
    /// Facts about images on their way to the broker, beside everything else: a full stream of images holds up no order.
    portion: JoinSet<Result<(), bus::Error>>,
    /// Whether the backlog has its turn, and no further fact is heard before that.
    is_due: bool,
    /// How many facts were heard.
    heard: u64,
    /// What is not read up to its end yet.
    behind: BTreeSet<Reading>,
    tell: mpsc::Sender<Trouble>,
    asked: mpsc::Receiver<Asked>,
    context: Context,
}

impl Invalidator {
    async fn hear(&mut self, record: Record) -> Result<(), Fault> {
        let span = record.span();
        let reaction = span.in_scope(|| self.state.hear(&record, OffsetDateTime::now_utc()))?;
        self.react(reaction, &record.cause()).instrument(span).await
    }

    /// After each fact: what a batch of them made known is published at its end, and the backlog has its turn from time to time.
    async fn turn(&mut self, is_last: bool) -> Result<(), Fault> {
        self.heard = self.heard.wrapping_add(1);
        let is_turn = self.heard.is_multiple_of(TURN);
        if is_last || is_turn {
            let reaction = self.state.flush()?;
            self.react(reaction, &format!("facts until {}", moment())).await?;
        }
        if is_turn {
            self.is_due = true;
            if self.portion.is_empty() {
                self.take_turn();
            }
        }
        Ok(())
    }

    fn take_turn(&mut self) {
        if std::mem::take(&mut self.is_due) {
            self.publish_portion();
        }
    }

    async fn set_room(&mut self, has_room: bool) -> Result<(), Fault> {
        let reaction = self.state.set_room(has_room)?;
        self.react(reaction, &format!("room in RESOLUTIONS at {}", moment())).await
    }

    async fn catch_up(&mut self, part: Reading) -> Result<(), Fault> {
        self.behind.remove(&part);
        if !self.behind.is_empty() {
            if part == Reading::Authority {
                let reaction = self.state.answer_orders(OffsetDateTime::now_utc());
                self.react(reaction, "orders that were not answered").await?;
            }
            return Ok(());
        }
        let reaction = self.state.catch_up(OffsetDateTime::now_utc())?;
        let as_of = self.state.snapshot.as_of();
        self.react(reaction, &format!("caught up at {}/{}", as_of.orders, as_of.resolutions)).await?;
        info!(
            orders = as_of.orders,
            resolutions = as_of.resolutions,
            images = self.state.index.count(),
            "Caught up."
        );
        self.context.readiness.is_ready();
        Ok(())
    }

    async fn found(&mut self, answer: Answer) -> Result<(), Fault> {
        let Answer { question, image, span } = answer;
        let cause = format!("{question:?}");
        self.running.remove(&question);
        let reaction = span.in_scope(|| self.state.found(question, image, OffsetDateTime::now_utc()))?;
        self.react(reaction, &cause).instrument(span).await
    }

    async fn compiled(&mut self, compiled: Compiled) -> Result<(), Fault> {
        let Compiled { order, modules, span } = compiled;
        let reaction = self.state.compiled(order, modules);
        self.react(reaction, &format!("modules of order {order}")).instrument(span).await
    }

    async fn pass_time(&mut self) -> Result<(), Fault> {
        let now = OffsetDateTime::now_utc();
        let reaction = self.state.pass_time(now)?;
        self.react(reaction, &format!("time passed until {}", now.unix_timestamp())).await
    }

    async fn react(&mut self, mut reaction: Reaction, cause: &str) -> Result<(), Fault> {
        for question in reaction.dropped {
            if let Some(lookup) = self.running.remove(&question) {
                lookup.abort();
            }
        }
        for question in reaction.questions {
            let span = info_span!("look up", otel.kind = "client", question = ?question);
            let lookup = lookup::ask(self.registry.clone(), question.clone(), self.tell.clone());
            self.running.insert(question, self.lookups.spawn(lookup.instrument(span)));
        }
        for compilation in reaction.compilations {
            let span = info_span!("compile", otel.kind = "client", order = %compilation.order);
            let compiling = compile(self.evaluator.clone(), compilation);
            self.compilations.spawn(compiling.instrument(span));
        }
        self.backlog.keep(&mut reaction.facts, cause);
        self.publish(reaction.facts, cause).await
    }

    /// Publishes what cannot wait, and answers questions until it is stored, however long that takes.
    async fn publish(&mut self, facts: Outbox, cause: &str) -> Result<(), Fault> {
        if facts.is_empty() {
            return Ok(());
        }
        let (connection, stop) = (self.context.connection.clone(), self.context.stop.clone());
        let publishing = connection.publish_all_until_stored(facts, cause);
        let stalled = tokio::time::sleep(STALLED);
        tokio::pin!(publishing, stalled);
        let mut is_stalled = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                stored = &mut publishing => {
                    if is_stalled {
                        self.context.connection.conditions().clear(STALLED_KEY);
                    }
                    return Ok(stored?);
                }
                Some(asked) = self.asked.recv(), if self.state.is_caught_up() => self.answer(asked),
                () = &mut stalled, if !is_stalled => {
                    is_stalled = true;
                    self.context.connection.conditions().raise(STALLED_KEY, STALLED_TEXT);
                }
            }
        }
    }

    fn publish_portion(&mut self) {
        let Some(Portion { facts, cause, span }) = self.backlog.next() else { return };
        let connection = self.context.connection.clone();
        let publishing = async move { connection.publish_together_until_stored(facts, &cause).await };
        self.portion.spawn(publishing.instrument(span));
    }

    fn answer(&self, asked: Asked) {
        // Whoever asked may have left; then nobody misses the answer.
        match asked {
            Asked::Why(question, reply) => {
                reply.send(answers::why(&self.state, &question.image, OffsetDateTime::now_utc())).ok();
            }
            Asked::Status(reply) => {
                reply.send(answers::status(&self.state, OffsetDateTime::now_utc())).ok();
            }
            Asked::Credentials(reply) => {
                reply.send(Ok(answers::credentials(&self.state))).ok();
            }
        }
    }
}

/// Tells what is published now from the same words some time ago: that a ban covers more than was published may become true twice.
fn moment() -> i128 {
    OffsetDateTime::now_utc().unix_timestamp_nanos()
}

/// What a task brought; nothing where it was stopped because nobody needs it any more. What crashed is asked again by the next process, so
/// this one ends: an order would be without an answer for ever.
fn ended<T>(joined: Result<T, JoinError>) -> Result<Option<T>, Fault> {
    match joined {
        Ok(brought) => Ok(Some(brought)),
        Err(error) if error.is_cancelled() => Ok(None),
        Err(error) => Err(Fault::from(error)),
    }
}

/// Until something is due; for ever where nothing is.
async fn sleep_towards(due: Option<OffsetDateTime>) {
    match due {
        None => std::future::pending().await,
        Some(due) => {
            let left = Duration::try_from(due - OffsetDateTime::now_utc()).unwrap_or_default();
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }
}

async fn listen(context: &Context) -> Result<(Listed, mpsc::Receiver<Asked>), Fault> {
    let (ask, asked) = mpsc::channel(QUESTIONS);
    let listed =
        context.connection.list("invalidator", "Says what bans mean and which images they cover.").await?;
    let why = ask.clone();
    listed
        .answer::<WhyRequest, _, _>(&context.tasks, &context.stop, move |question| {
            forward(why.clone(), move |reply| Asked::Why(question, reply))
        })
        .await?;
    let status = ask.clone();
    listed
        .answer::<StatusRequest, _, _>(&context.tasks, &context.stop, move |_| {
            forward(status.clone(), Asked::Status)
        })
        .await?;
    listed
        .answer::<CredentialsRequest, _, _>(&context.tasks, &context.stop, move |_| {
            forward(ask.clone(), Asked::Credentials)
        })
        .await?;
    Ok((listed, asked))
}

async fn forward<T>(
    ask: mpsc::Sender<Asked>,
    question: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Asked,
) -> Result<T, String> {
    let (reply, answer) = oneshot::channel();
    let leaving = || "the invalidator is leaving; ask again".to_owned();
    ask.send(question(reply)).await.map_err(|_| leaving())?;
    answer.await.map_err(|_| leaving())?
}
