//! The process: open the sockets, take in what lies on the disk, then read the streams from there, for ever.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use bus::{Feed, Heard, Mark, rpc::Listed};
use containers::Runtime;
use events::{rpc::CheckRequest, topology::StreamName};
use registry::Client;
use service::{Context, Fault};
use tokio_util::sync::DropGuard;
use tracing::{error, info, warn};

use crate::{
    check::{self, Check},
    config::Config,
    facts::Sources,
    freshness::Freshness,
    journal::{Journal, KEPT},
    judge::Judge,
    memory::Memory,
    plugin::{self, Plugin},
    seen::Seen,
    socket,
};

/// The key of the condition that what is known is too old.
const STALE: &str = "stale";

/// Between two looks at the age, for the condition.
const LOOK: Duration = Duration::from_secs(1);

/// Between two tries to be listed on the broker.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let memory = Memory::default();
    let (held, measured) = (memory.clone(), memory.clone());
    let measured = service::Freshness::follow(&context, move || measured.applied());
    let freshness = Arc::new(Freshness::new(&config.freshness, measured.clone(), memory.clone()));
    // First of all: until the gate listens, the daemon answers no request, neither `docker ps` nor `docker stop`.
    let seen = Seen::default();
    let check = open(&config, held, Arc::clone(&freshness), seen.clone(), &context)?;
    watch_age(&context, &freshness);

    let (_lock, journal) = match &config.folder {
        Some(folder) => {
            let lock = lock(folder)?;
            seen.open(folder.join("images"), &context);
            let conditions = context.connection.conditions().clone();
            (lock, Some(Journal::open(folder.join("journal"), conditions)))
        }
        None => (None, None),
    };
    if let Some(runtime) = config.runtime.as_ref().map(Runtime::new) {
        seen.watch(&context, runtime);
    }
    if let Some(journal) = &journal {
        journal.keep_open(&context);
        read_journal(journal.clone(), memory.clone()).await?;
    }
    let mut reader = Reader { memory, journal, measured, context, check, listed: None };
    while let Some(diverged) = reader.follow().await? {
        reader.begin_anew(diverged);
    }
    Ok(())
}

struct Reader {
    memory: Memory,
    journal: Option<Journal>,
    measured: service::Freshness,
    context: Context,
    check: Check,
    /// Held until the end: the gate is listed on the broker for as long.
    listed: Option<Listed>,
}

impl Reader {
    /// Follows the streams from where the journal ends; the stream that turned out to be another one, or none when the service is to end.
    async fn follow(&mut self) -> Result<Option<StreamName>, Fault> {
        let mark = |stream| self.journal.as_ref().and_then(|journal| journal.mark(stream));
        let kept = KEPT.map(|stream| (stream, mark(stream)));
        let streams: Vec<(StreamName, Option<Mark>)> =
            kept.into_iter().chain([(StreamName::Images, None)]).collect();
        let opened = service::since_boot();
        let mut feed =
            Feed::resume(&self.context.connection, &streams, &self.context.tasks, &self.context.stop);
        let mut missed: Option<Missed> = None;
        loop {
            let heard = tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return Ok(None),
                heard = feed.next() => heard,
                () = reopened(self.journal.as_ref()) => {
                    missed = self.read_missed();
                    continue;
                }
                read = next_missed(missed.as_mut()) => {
                    match read {
                        Some(Heard::Record(record)) => {
                            if let Some(journal) = &self.journal {
                                journal.append_missed(&record);
                            }
                        }
                        Some(Heard::CaughtUp) => {}
                        None => {
                            if let Some(diverged) = missed.take().and_then(|missed| missed.feed.diverged()) {
                                return Ok(Some(diverged));
                            }
                        }
                    }
                    if self.is_complete() {
                        missed = None;
                    }
                    continue;
                }
            };
            match heard {
                Some(Heard::Record(record)) => {
                    let _entered = record.span().entered();
                    self.memory.hear(&record);
                    if let Some(journal) = &self.journal {
                        journal.append(&record);
                    }
                    if self.memory.is_behind() {
                        self.context.readiness.is_behind();
                    }
                }
                Some(Heard::CaughtUp) => {
                    self.memory.set_known();
                    self.measured.caught_up(opened, self.memory.applied());
                    self.answer_on_the_bus().await;
                    self.context.readiness.is_ready();
                    info!(as_of = ?self.memory.as_of(), "Caught up.");
                }
                None => return Ok(feed.diverged()),
            }
        }
    }

    /// Reads again what the journal lacks; none where it lacks nothing.
    fn read_missed(&self) -> Option<Missed> {
        let journal = self.journal.as_ref().filter(|_| !self.is_complete())?;
        let streams = KEPT.map(|stream| (stream, journal.mark(stream)));
        let stop = self.context.stop.child_token();
        let feed = Feed::resume(&self.context.connection, &streams, &self.context.tasks, &stop);
        Some(Missed { feed, _stop: stop.drop_guard() })
    }

    /// Whether the journal has all that this gate answers from.
    fn is_complete(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.is_complete(self.memory.applied()))
    }

    fn begin_anew(&self, diverged: StreamName) {
        error!(stream = %diverged, "The broker holds other orders than those that were read from it. This gate answers from the old ones until it has read the new ones.");
        self.memory.begin_anew();
        self.measured.reset();
        if let Some(journal) = &self.journal {
            journal.clear();
        }
    }

    /// Lists the gate on the broker and answers there, from the first time at which it has caught up.
    async fn answer_on_the_bus(&mut self) {
        while self.listed.is_none() {
            match self.list().await {
                Ok(listed) => self.listed = Some(listed),
                Err(error) => {
                    warn!(error = %telemetry::Chain(&error), "This gate cannot be listed on the broker yet.");
                    if self.context.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    async fn list(&self) -> Result<Listed, bus::Error> {
        let listed = self.context.connection.list("gate", "May this image start?").await?;
        let check = self.check.clone();
        listed
            .answer::<CheckRequest, _, _>(&self.context.tasks, &self.context.stop, move |question| {
                let check = check.clone();
                async move { check.answer(question).await }
            })
            .await?;
        Ok(listed)
    }
}

/// The streams from where the journal ended when it was opened again, for the journal alone.
struct Missed {
    feed: Feed,
    _stop: DropGuard,
}

async fn next_missed(missed: Option<&mut Missed>) -> Option<Heard> {
    match missed {
        Some(missed) => missed.feed.next().await,
        None => std::future::pending().await,
    }
}

async fn reopened(journal: Option<&Journal>) {
    match journal {
        Some(journal) => journal.reopened().await,
        None => std::future::pending().await,
    }
}

/// Opens the sockets of this node.
fn open(
    config: &Config,
    memory: Memory,
    freshness: Arc<Freshness>,
    seen: Seen,
    context: &Context,
) -> Result<Check, Fault> {
    let runtime = config.runtime.as_ref().map(Runtime::new);
    let judge = Judge::new(memory.clone(), freshness, context.clone());
    let sources =
        Sources { memory, runtime: runtime.clone(), registry: Client::new(config.registry.clone())? };
    let check = Check { sources, judge: judge.clone() };
    let listener = socket::listen(&config.socket)?;
    context.tasks.spawn(socket::serve(listener, check::router(check.clone()), context.stop.clone()));
    if let Some(path) = &config.plugin_socket {
        let plugin = Plugin {
            runtime,
            judge,
            context: context.clone(),
            on_fault: config.on_fault,
            on_unreadable_image: config.on_unreadable_image,
            seen,
        };
        let listener = socket::listen(path)?;
        context.tasks.spawn(socket::serve(listener, plugin::router(plugin), context.stop.clone()));
    }
    info!("The sockets are open.");
    Ok(check)
}

/// Holds the folder for as long as the file lives: a store that another process has open looks damaged.
/// Holds the folder for this gate; none where its disk does not let that be done, which costs the journal and nothing else.
fn lock(folder: &Path) -> Result<Option<File>, Fault> {
    let locked = std::fs::create_dir_all(folder)
        .and_then(|()| File::options().create(true).truncate(false).write(true).open(folder.join("lock")))
        .and_then(|file| match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        });
    match locked {
        Ok(Some(file)) => Ok(Some(file)),
        Ok(None) => {
            let text =
                format!("another gate uses {}; stop it, or name another [gate] folder", folder.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, text).into())
        }
        Err(error) => {
            warn!(%error, folder = %folder.display(), "The gate's folder cannot be locked; the gate answers without a lock.");
            Ok(None)
        }
    }
}

/// Takes in what the journal has, if it has anything.
async fn read_journal(journal: Journal, memory: Memory) -> Result<(), Fault> {
    let read = tokio::task::spawn_blocking(move || match journal.read(|record| memory.hear(record)) {
        Some(0) => {}
        Some(count) => {
            memory.set_known();
            info!(count, as_of = ?memory.as_of(), "The journal is read.");
        }
        None => {
            error!(
                "The journal is damaged. It is begun anew from the broker, and this gate knows nothing until then."
            );
            memory.begin_anew();
            journal.clear();
        }
    });
    Ok(read.await?)
}

/// Says when what this gate knows becomes stale, and when it is fresh again.
fn watch_age(context: &Context, freshness: &Arc<Freshness>) {
    let shown = Arc::clone(freshness);
    context
        .readiness
        .is_stale_when(move || shown.stale().map(|aged| format!("what this gate knows is {aged}")));
    let (freshness, conditions) = (Arc::clone(freshness), context.connection.conditions().clone());
    let watch = async move {
        loop {
            tokio::time::sleep(LOOK).await;
            match freshness.stale() {
                Some(aged) => conditions.raise(
                    STALE,
                    format!("What this gate knows is {aged}; each enforcement point follows its failure policy. Check the connection to NATS and that the invalidator runs."),
                ),
                None => conditions.clear(STALE),
            }
        }
    };
    context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(watch));
}
