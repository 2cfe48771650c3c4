//! `plimsoll policy`: organisation policies in Rego, tried where they are written, and given as orders. What they mean is `shared/policy`'s.

mod applied;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use ::policy::{Kind, Mistake, Outcome, Policy, Subject, Text};
use clap::Subcommand;
use dockerfile::Dockerfile;
use ignore::WalkBuilder;

pub(crate) use applied::check as check_order;

use crate::exit::{self, Failure, say};

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
    /// How long one test, or all rules on one definition, may take; as long as in the pipeline where none is given.
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
    /// The definitions.
    #[arg(required = true, value_name = "DOCKERFILE")]
    definitions: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.command {
        Command::Test(arguments) => exit::end(test(&arguments.source)),
        Command::Check(arguments) => exit::end(check(arguments)),
        Command::Apply(arguments) => exit::run(applied::apply(arguments)),
        Command::List(arguments) => exit::run(applied::list(arguments)),
        Command::Remove(arguments) => exit::run(applied::remove(arguments)),
    }
}

fn test(source: &Source) -> Result<(), Failure> {
    let policy = Policy::load(&source.texts()?, source.data()?.as_deref()).map_err(wrong)?;
    let results = policy.test(Duration::from_millis(source.timeout_ms));
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for result in &results {
        let word = match &result.outcome {
            Outcome::Passed => {
                passed += 1;
                continue;
            }
            Outcome::Skipped => "skipped".to_owned(),
            Outcome::Failed => {
                failed += 1;
                "FAILED".to_owned()
            }
            Outcome::Broken(fault) => {
                failed += 1;
                format!("BROKEN: {}", telemetry::Chain(fault))
            }
        };
        say(format_args!("{}:{}: {} {word}", result.file, result.line, result.name));
    }
    let total = results.len();
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

fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let CheckArguments { source, namespace, definitions } = arguments;
    let policy = Policy::compile(&source.texts()?, source.data()?.as_deref(), namespace).map_err(wrong)?;
    policy.try_out().map_err(wrong)?;
    let mut denied = 0_usize;
    for path in definitions {
        let shown = path.display().to_string();
        let text = read(path)?;
        let file = Dockerfile::parse(&text).map_err(|errors| Failure::Usage(format!("{shown}: {errors}")))?;
        let subject = Subject { path: &shown, project: "" };
        let verdict = policy
            .judge(&file, subject, Duration::from_millis(source.timeout_ms))
            .map_err(|fault| Failure::Refused(format!("{shown}: {}", telemetry::Chain(&fault))))?;
        for finding in &verdict.findings {
            let word = match finding.kind {
                Kind::Deny => {
                    denied += 1;
                    "error"
                }
                Kind::Warn => "warning",
            };
            say(format_args!("{shown}:{} {} {word}: {}", finding.line, finding.rule, finding.message));
        }
        for rule in &verdict.excepted {
            say(format_args!("{shown}: {rule} is excepted by the policy itself"));
        }
    }
    match denied {
        0 => Ok(()),
        _ => Err(Failure::Refused(format!("{denied} findings deny"))),
    }
}

impl Source {
    fn texts(&self) -> Result<Vec<Text>, Failure> {
        Self::texts_of(&self.policies)
    }

    /// Every module, by name.
    fn texts_of(policies: &Path) -> Result<Vec<Text>, Failure> {
        let mut texts = Vec::new();
        for entry in WalkBuilder::new(policies).sort_by_file_name(Ord::cmp).build() {
            let entry = entry.map_err(|error| Failure::Usage(error.to_string()))?;
            let path = entry.path();
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            if is_file && path.extension().is_some_and(|extension| extension == "rego") {
                texts.push(Text { file: path.display().to_string(), text: read(path)? });
            }
        }
        if texts.is_empty() {
            return Err(Failure::Usage(format!("{}: no .rego file there", policies.display())));
        }
        Ok(texts)
    }

    fn data(&self) -> Result<Option<String>, Failure> {
        let Some(file) = self.data.as_deref() else { return Ok(None) };
        let text = read(file)?;
        let said = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
        said.map_err(|error| Failure::Usage(format!("{} is no JSON object: {error}", file.display())))?;
        Ok(Some(text))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let text = format!("{} cannot be read: {error}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData => Failure::Usage(text),
            _ => Failure::Fault(text),
        }
    })
}

fn wrong(mistake: Mistake) -> Failure {
    Failure::Usage(mistake.to_string())
}
