//! `plimsoll policy`: organisation policies in Rego, tried where they are written, and given as orders. What they mean is `shared/policy`'s.

mod applied;

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use ::policy::{Mistake, Outcome, Policy, TestResult, Text};
use clap::Subcommand;
use dockerfile::Dockerfile;
use evaluator::{Evaluator, Found, Mistaken, Question, Tested, Unanswered};
use futures::future;
use ignore::WalkBuilder;
use verdict::order::{Module, Rego};

pub(crate) use applied::check as check_order;

use crate::{
    exit::{self, Failure, remark, say},
    files,
};

const UNREAD: &str = "not every definition could be read";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the unit tests (`test_…`) that stand in policies.
    Test(TestArguments),
    /// Ask policies about definitions, as conftest does.
    Check(CheckArguments),
    /// Put policies in force: an order.
    Apply(applied::ApplyArguments),
    /// Which policies hold, and for whom?
    List(applied::ListArguments),
    /// Let a policy ask nothing any more: an order.
    Remove(applied::RemoveArguments),
}

#[derive(Debug, clap::Args)]
struct Source {
    /// A folder of .rego files, or one of them.
    #[arg(value_name = "POLICIES")]
    policies: PathBuf,
    /// A JSON file that policies see as `data`.
    #[arg(short, long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// How long one test, or one rule on one definition, may take; as long as in the pipeline where none is given.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2000)]
    timeout_ms: u64,
}

#[derive(Debug, clap::Args)]
struct TestArguments {
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, clap::Args)]
struct CheckArguments {
    #[command(flatten)]
    source: Source,
    /// A package whose rules decide; main where none is named.
    #[arg(short, long, value_name = "PACKAGE")]
    namespace: Vec<String>,
    /// The definitions; - for standard input.
    #[arg(required = true, value_name = "DOCKERFILE")]
    definitions: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.command {
        Command::Test(arguments) => exit::run(test(&arguments.source)),
        Command::Check(arguments) => exit::run(check(arguments)),
        Command::Apply(arguments) => exit::run(applied::apply(arguments)),
        Command::List(arguments) => exit::run(applied::list(arguments)),
        Command::Remove(arguments) => exit::run(applied::remove(arguments)),
    }
}

async fn test(source: &Source) -> Result<(), Failure> {
    let rego = source.rego(&[])?;
    let tests = Policy::load(&texts(&rego), rego.data.as_deref()).map_err(wrong)?.tests();
    let evaluator = source.evaluator();
    let run = async |test: &TestResult| match test.outcome {
        Outcome::Skipped => Ok(Tested::Skipped),
        _ => evaluator.test(&rego, &test.name).await,
    };
    let ended = future::join_all(tests.iter().map(run)).await;
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for (test, ended) in tests.iter().zip(ended) {
        let word = match ended {
            Ok(Tested::Passed) => {
                passed += 1;
                continue;
            }
            Ok(Tested::Skipped) => "skipped".to_owned(),
            Ok(Tested::Failed) => {
                failed += 1;
                "FAILED".to_owned()
            }
            Ok(Tested::Broken(why)) => {
                failed += 1;
                format!("BROKEN: {why}")
            }
            Err(Unanswered::Start(error)) => return Err(unstarted(&error)),
            Err(unanswered) => {
                failed += 1;
                format!("BROKEN: it {unanswered}")
            }
        };
        say(format_args!("{}:{}: {} {word}", test.file, test.line, test.name));
    }
    let total = tests.len();
    match (total, failed) {
        // Policies whose tests were all misspelt must not look tested.
        (0, _) => Err(Failure::Usage(format!(
            "no test in {}; a test is a rule whose name begins with test_",
            source.policies.display()
        ))),
        (_, 0) => {
            say(format_args!("{passed} of {total} tests passed"));
            Ok(())
        }
        _ => Err(Failure::Refused(format!("{failed} of {total} tests failed"))),
    }
}

async fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let CheckArguments { source, namespace, definitions } = arguments;
    let rego = source.rego(namespace)?;
    let evaluator = source.evaluator();
    match evaluator.try_out(&rego).await {
        Err(Mistaken::Start(error)) => return Err(unstarted(&error)),
        Err(Mistaken::Unfit(Unanswered::Mistake(mistake))) => return Err(Failure::Usage(mistake)),
        // What is out of bounds here is where it counts, too: by definition.
        Ok(_) | Err(Mistaken::Unfit(_) | Mistaken::Stranger { .. }) => {}
    }
    let (mut denied, mut unanswered) = (0_usize, 0_usize);
    let (mut unread, mut is_fault) = (false, false);
    // Each definition costs itself alone.
    for path in definitions {
        let shown = path.display().to_string();
        let text = match definition(path) {
            Ok(text) => text,
            Err(failure) => {
                remark(&failure);
                unread = true;
                is_fault |= matches!(failure, Failure::Fault(_));
                continue;
            }
        };
        if let Err(errors) = Dockerfile::parse(&text) {
            remark(format_args!("{shown}: {errors}"));
            unanswered += 1;
            continue;
        }
        let question = Question { definition: &text, path: &shown, project: "" };
        let answer = match evaluator.judge(&rego, question).await {
            Ok(answer) => answer,
            Err(Unanswered::Start(error)) => return Err(unstarted(&error)),
            Err(why) => {
                remark(format_args!("{shown}: the policy {why}"));
                unanswered += 1;
                continue;
            }
        };
        for Found { line, rule, denies, message } in &answer.findings {
            denied += usize::from(*denies);
            let word = if *denies { "error" } else { "warning" };
            say(format_args!("{shown}:{line} {rule} {word}: {message}"));
        }
        for rule in &answer.excepted {
            say(format_args!("{shown}: {rule} is excepted by the policy itself"));
        }
    }
    match (denied, unanswered) {
        (0, 0) if is_fault => Err(Failure::Fault(UNREAD.to_owned())),
        (0, 0) if unread => Err(Failure::Usage(UNREAD.to_owned())),
        (0, 0) => Ok(()),
        (_, 0) => Err(Failure::Refused(format!("findings that deny: {denied}"))),
        _ => Err(Failure::Refused(format!(
            "findings that deny: {denied}; definitions without an answer: {unanswered}"
        ))),
    }
}

fn unstarted(error: &io::Error) -> Failure {
    Failure::Fault(format!("no process can be started: {error}"))
}

impl Source {
    /// What is asked, as the pipeline asks it.
    fn rego(&self, namespaces: &[String]) -> Result<Rego, Failure> {
        Ok(Rego {
            modules: modules(&self.policies)?,
            data: self.data()?,
            namespaces: namespaces.to_vec(),
            levels: Default::default(),
            dry_run: Vec::new(),
        })
    }

    /// Whom it is asked of: with the memory that the pipeline gives it, and a child for each core.
    fn evaluator(&self) -> Evaluator {
        let at_once = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let config = evaluator::Config { at_once, ..Default::default() };
        Evaluator::new(config).within(Duration::from_millis(self.timeout_ms))
    }

    fn data(&self) -> Result<Option<String>, Failure> {
        let Some(file) = self.data.as_deref() else { return Ok(None) };
        let text = read(file)?;
        let said = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
        said.map_err(|error| Failure::Usage(format!("{} is no JSON object: {error}", file.display())))?;
        Ok(Some(text))
    }
}

/// The policies at a path, by name.
fn modules(policies: &Path) -> Result<Vec<Module>, Failure> {
    let mut modules = Vec::new();
    // No list of what to ignore and no link hides a rule. Entries that begin with two dots are a mounted ConfigMap's own, to which its files are links.
    let walk = WalkBuilder::new(policies)
        .standard_filters(false)
        .follow_links(true)
        .filter_entry(|entry| entry.depth() == 0 || !is_left_out(&entry.file_name().to_string_lossy()))
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| Failure::Usage(error.to_string()))?;
        let path = entry.path();
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if is_file && path.extension().is_some_and(|extension| extension == "rego") {
            modules.push(Module { file: path.display().to_string(), text: read(path)? });
        }
    }
    if modules.is_empty() {
        return Err(Failure::Usage(format!("{}: no .rego file there", policies.display())));
    }
    Ok(modules)
}

fn is_left_out(name: &str) -> bool {
    name == ".git" || name.starts_with("..")
}

/// The same, as the engine takes them.
fn texts(rego: &Rego) -> Vec<Text> {
    let text = |Module { file, text }: &Module| Text { file: file.clone(), text: text.clone() };
    rego.modules.iter().map(text).collect()
}

fn definition(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") { files::read_input_text() } else { files::read_text(path) };
    text.map_err(|error| files::unreadable(path, &error))
}

fn read(path: &Path) -> Result<String, Failure> {
    files::read_text(path).map_err(|error| files::unreadable(path, &error))
}

fn wrong(mistake: Mistake) -> Failure {
    Failure::Usage(mistake.to_string())
}
