//! The child's side: bound itself, read the question, answer, end.

use std::{io, process::ExitCode, time::Duration};

use dockerfile::Dockerfile;
use policy::{Kind, Outcome, Policy, Subject, Text};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::wire::{ARGUMENT, About, Answered, Asked, Bounds, Finding, Task, Tested};

/// The child's life, where the program was called to be one; else none, and the program goes on. Called before anything else in `main`.
pub fn begin() -> Option<ExitCode> {
    let is_child = std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT);
    is_child.then(|| match live() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn live() -> io::Result<()> {
    let question = io::read_to_string(io::stdin().lock())?;
    let asked: Asked = serde_json::from_str(&question)?;
    bound(asked.bounds)?;
    serde_json::to_writer(io::stdout().lock(), &answer(asked))?;
    Ok(())
}

/// Lowers the limits of this process for good; those that are lower already stay.
fn bound(bounds: Bounds) -> io::Result<()> {
    let Bounds { memory_bytes, processor_seconds, rule_ms: _ } = bounds;
    // The second after the first limit tells that end from others.
    let limits = [
        (Resource::As, memory_bytes, memory_bytes),
        (Resource::Cpu, processor_seconds, processor_seconds + 1),
        (Resource::Core, 0, 0),
    ];
    for (resource, soft, hard) in limits {
        let least = |wanted: u64, present: Option<u64>| Some(present.map_or(wanted, |now| now.min(wanted)));
        let now = getrlimit(resource);
        setrlimit(resource, Rlimit { current: least(soft, now.maximum), maximum: least(hard, now.maximum) })?;
    }
    Ok(())
}

fn answer(asked: Asked) -> Answered {
    let Asked { modules, data, namespaces, task, bounds } = asked;
    let texts: Vec<Text> = modules.into_iter().map(|(file, text)| Text { file, text }).collect();
    let limit = Duration::from_millis(bounds.rule_ms);
    let read = match task {
        // Files of tests need not decide anything.
        Task::Test(_) => Policy::load(&texts, data.as_deref()),
        Task::Compile | Task::TryOut | Task::Judge(_) => {
            Policy::compile(&texts, data.as_deref(), &namespaces)
        }
    };
    let policy = match read {
        Ok(policy) => policy,
        Err(mistake) => return Answered::Mistake(mistake.to_string()),
    };
    match task {
        Task::Compile => Answered::Rules(policy.rules()),
        Task::TryOut => match policy.try_out() {
            Ok(()) => Answered::Rules(policy.rules()),
            Err(mistake) => Answered::Mistake(mistake.to_string()),
        },
        Task::Judge(about) => judged(&policy, &about, limit),
        Task::Test(name) => Answered::Tested(match policy.run_test(&name, limit) {
            Outcome::Passed => Tested::Passed,
            Outcome::Failed => Tested::Failed,
            Outcome::Skipped => Tested::Skipped,
            Outcome::Broken(fault) => Tested::Broken(fault.to_string()),
        }),
    }
}

fn judged(policy: &Policy, about: &About, limit: Duration) -> Answered {
    let About { definition, path, project } = about;
    let file = Dockerfile::read(definition);
    match policy.judge(&file, Subject { path, project }, limit) {
        Ok(verdict) => Answered::Verdict {
            findings: verdict.findings.into_iter().map(told).collect(),
            excepted: verdict.excepted,
        },
        Err(fault) => Answered::Fault(fault.to_string()),
    }
}

fn told(finding: policy::Finding) -> Finding {
    let policy::Finding { line, rule, kind, message } = finding;
    Finding { line, rule, denies: kind == Kind::Deny, message }
}
