//! The asker's side: start a child, bound how long it may take, and read its answer, or why there is none.

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
    ops::ControlFlow,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use child::Ended;
use tokio::{process::Command, sync::Semaphore, time};
use verdict::order::Rego;

use crate::{
    config::Config,
    wire::{ARGUMENT, About, Answered, Asked, Bounds, Finding, Task, Tested},
};

/// What a child may print: a thousand findings of a thousand characters each, as JSON, are less.
const ANSWER_BYTES: usize = 8 << 20;
/// The signal that ends a process which has used up its processor time.
const SIGXCPU: i32 = 24;

/// A program's allocator must not take address space before the limit holds: mimalloc, where the program has it, reserves 1 GiB at its start,
/// and with that a child could not even have its stack.
const ALLOCATOR: [(&str, &str); 1] = [("MIMALLOC_ARENA_RESERVE", "0")];

/// Asks policies, each time in a child of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluator {
    program: PathBuf,
    config: Config,
    /// What one rule may take of the processor's time.
    rule: Duration,
    slots: Arc<Semaphore>,
}

/// What a policy is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The definition's text.
    pub definition: &'a str,
    /// The definition's path in its repository.
    pub path: &'a str,
    /// The project; empty where there is none.
    pub project: &'a str,
}

/// What a policy has to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// By line, rule and message.
    pub findings: Vec<Found>,
    /// Rules that the policy itself switched off for this file.
    pub excepted: Vec<String>,
}

/// One thing that a policy found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its line, from 1.
    pub line: usize,
    /// The rule: `package.name`.
    pub rule: String,
    /// Whether the rule denies, by its name; else it warns.
    pub denies: bool,
    /// What the rule says.
    pub message: String,
}

/// Why there is no answer: to be read after the policy's name.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It took too long by the clock, and not by what it computed: others have the processor.
    #[error("did not answer within {} s, since its machine has much else to do; try again", .0.as_secs())]
    Late(Duration),
    /// It computed too long.
    #[error("did not answer within {} s of processor time; make its rules cheaper", .0.as_secs())]
    Costly(Duration),
    /// It wanted too much memory.
    #[error("did not answer within {0} MiB of memory; make its rules build less")]
    Large(u64),
    /// It said too much.
    #[error("said more than anybody reads; let its rules say less")]
    Long,
    /// The engine has no verdict.
    #[error("has no verdict: {0}")]
    Fault(String),
    /// It does not compile (any more).
    #[error("cannot be read: {0}")]
    Mistake(String),
    /// The child broke.
    #[error("could not be evaluated ({status}): {said}")]
    Broke {
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        said: String,
    },
    /// It answered what it was not asked.
    #[error(
        "could not be evaluated: its process answered another question; update every service to one version"
    )]
    Confused,
    /// The child could not be started: nobody's policy is at fault, and the question may be asked again.
    #[error("could not be asked: no process can be started")]
    Start(#[source] io::Error),
}

/// Why a policy cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum Mistaken {
    /// It does not compile, or only out of bounds.
    #[error("the policy {0}")]
    Unfit(Unanswered),
    /// It names rules that it does not have.
    #[error("there is no rule {unknown}; write one of {known}")]
    Stranger {
        /// The first of them.
        unknown: String,
        /// Those there are.
        known: String,
    },
    /// Ask again.
    #[error("the policy could not be read")]
    Start(#[source] io::Error),
}

impl Unanswered {
    /// Whether the same question has the same end whenever it is asked; else it is the machine's doing and not the policy's.
    pub fn is_reproducible(&self) -> bool {
        match self {
            Self::Costly(_)
            | Self::Large(_)
            | Self::Long
            | Self::Fault(_)
            | Self::Mistake(_)
            | Self::Confused => true,
            // The kernel ends whomever it likes where memory is short, and a child that dies in another way is nobody's by name.
            Self::Late(_) | Self::Broke { .. } | Self::Start(_) => false,
        }
    }
}

impl Evaluator {
    /// With this program as the child.
    pub fn new(config: Config) -> Self {
        // Holds where the file has been replaced by a newer one since.
        Self::with_program(PathBuf::from("/proc/self/exe"), config)
    }

    /// With another program as the child: one whose `main` begins with [`crate::inside::begin`].
    pub fn with_program(program: PathBuf, config: Config) -> Self {
        let rule = Duration::from_secs(config.processor_seconds) / 2;
        Self { program, config, rule, slots: Arc::new(Semaphore::new(config.at_once.max(1))) }
    }

    /// The same, where one rule may take so long, and all that is asked in one child as long, in whole seconds.
    pub fn within(mut self, rule: Duration) -> Self {
        self.rule = rule;
        self.config.processor_seconds = rule.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX);
        self.config.answer_seconds =
            self.config.answer_seconds.max(self.config.processor_seconds.saturating_mul(5));
        self
    }

    /// Compiles a policy, and evaluates nothing of it: the names of its deciding rules.
    pub async fn compile(&self, rego: &Rego) -> Result<Vec<String>, Mistaken> {
        self.read(rego, Task::Compile).await
    }

    /// Compiles a policy and asks it about next to nothing: some mistakes show only then.
    pub async fn try_out(&self, rego: &Rego) -> Result<Vec<String>, Mistaken> {
        self.read(rego, Task::TryOut).await
    }

    /// Runs one of the unit tests that stand in a policy: whether it passed, and why not where that can be said.
    pub async fn test(&self, rego: &Rego, name: &str) -> Result<Tested, Unanswered> {
        match self.ask(&Asked::of(rego, Task::Test(name.to_owned()), self.bounds())).await? {
            Answered::Tested(tested) => Ok(tested),
            Answered::Mistake(mistake) => Err(Unanswered::Mistake(mistake)),
            Answered::Verdict { .. } | Answered::Fault(_) | Answered::Rules(_) => Err(Unanswered::Confused),
        }
    }

    async fn read(&self, rego: &Rego, task: Task) -> Result<Vec<String>, Mistaken> {
        let rules = match self.ask(&Asked::of(rego, task, self.bounds())).await {
            Ok(Answered::Rules(rules)) => rules,
            Ok(Answered::Mistake(mistake)) => return Err(Mistaken::Unfit(Unanswered::Mistake(mistake))),
            Ok(Answered::Verdict { .. } | Answered::Fault(_) | Answered::Tested(_)) => {
                return Err(Mistaken::Unfit(Unanswered::Confused));
            }
            Err(Unanswered::Start(error)) => return Err(Mistaken::Start(error)),
            Err(unanswered) => return Err(Mistaken::Unfit(unanswered)),
        };
        match rego.strangers(&rules).first() {
            None => Ok(rules),
            Some(unknown) => {
                Err(Mistaken::Stranger { unknown: (*unknown).to_owned(), known: rules.join(", ") })
            }
        }
    }

    /// Asks a policy about a definition.
    pub async fn judge(&self, rego: &Rego, question: Question<'_>) -> Result<Answer, Unanswered> {
        let Question { definition, path, project } = question;
        let about =
            About { definition: definition.to_owned(), path: path.to_owned(), project: project.to_owned() };
        match self.ask(&Asked::of(rego, Task::Judge(about), self.bounds())).await? {
            Answered::Verdict { findings, excepted } => {
                Ok(Answer { findings: findings.into_iter().map(Found::from).collect(), excepted })
            }
            Answered::Mistake(mistake) => Err(Unanswered::Mistake(mistake)),
            Answered::Fault(fault) => Err(Unanswered::Fault(fault)),
            Answered::Rules(_) | Answered::Tested(_) => Err(Unanswered::Confused),
        }
    }

    fn bounds(&self) -> Bounds {
        let Config { memory_mib, processor_seconds, .. } = self.config;
        let rule_ms = self.rule.as_millis().try_into().unwrap_or(u64::MAX);
        Bounds { memory_bytes: memory_mib << 20, processor_seconds, rule_ms }
    }

    /// One child, from its start to its end. The wait for a place among the others is not the policy's time.
    async fn ask(&self, asked: &Asked) -> Result<Answered, Unanswered> {
        // A semaphore that is never closed.
        let _slot = self.slots.acquire().await.ok();
        let mut command = Command::new(&self.program);
        command.arg(ARGUMENT).env_clear().stdin(question(asked).map_err(Unanswered::Start)?);
        command.envs(ALLOCATOR);
        let mut printed = Vec::new();
        let consume = |bytes: &[u8]| {
            if printed.len() + bytes.len() > ANSWER_BYTES {
                return ControlFlow::Break(Unanswered::Long);
            }
            printed.extend_from_slice(bytes);
            ControlFlow::Continue(())
        };
        let within = Duration::from_secs(self.config.answer_seconds);
        let stop = async {
            time::sleep(within).await;
            Unanswered::Late(within)
        };
        match child::run(command, consume, stop).await.map_err(Unanswered::Start)? {
            (Ended::Stopped(unanswered), _) => Err(unanswered),
            (Ended::Exited(status), said) if status.success() => serde_json::from_slice(&printed)
                .map_err(|_| Unanswered::Broke { status, said: said.text().trim().to_owned() }),
            (Ended::Exited(status), said) => Err(self.broke(status, said.text().trim())),
        }
    }

    fn broke(&self, status: ExitStatus, said: &str) -> Unanswered {
        if status.signal() == Some(SIGXCPU) {
            return Unanswered::Costly(Duration::from_secs(self.config.processor_seconds));
        }
        if said.contains("memory allocation of") || said.contains("no stack for a policy") {
            return Unanswered::Large(self.config.memory_mib);
        }
        Unanswered::Broke { status, said: said.lines().last().unwrap_or_default().to_owned() }
    }
}

/// The question as the child's standard input: a file without a name, so that nobody waits for anybody.
fn question(asked: &Asked) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&serde_json::to_vec(asked)?)?;
    file.rewind()?;
    Ok(file)
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        let Finding { line, rule, denies, message } = finding;
        Self { line, rule, denies, message }
    }
}
