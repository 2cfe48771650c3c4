//! Asking a policy about one file: each rule that decides, minus what the policy itself excepts.

use std::{num::NonZeroU32, time::Duration};

use dockerfile::Dockerfile;
use regorus::{Engine, LimitError, Value, utils::limits::ExecutionTimerConfig};
use serde_json::json;

use crate::{
    compile::{Mistake, Policy, mistake},
    input,
    module::Written,
    stack::wide,
};

/// How many steps of an evaluation pass between two looks at the clock: microseconds.
const STEPS: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);
/// More findings of one file than anybody reads; a policy that goes on is broken.
const MOST_FINDINGS: usize = 1_000;
/// A longer message is cut: findings travel in facts, which are small.
const LONGEST_MESSAGE: usize = 1_000;

/// What a rule's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `deny`, `violation`, or either with `_name`.
    Deny,
    /// `warn` or `warn_name`.
    Warn,
}

/// What a policy is told about the file beside its text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The file's path: `data.conftest.file.name` and `.dir`.
    pub path: &'a str,
    /// The project: `data.plimsoll.project`, empty where there is none.
    pub project: &'a str,
}

/// One thing a policy has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its line, from 1, where the rule told it by `_line` or `_index`; else 1.
    pub line: usize,
    /// The rule: `package.name`.
    pub rule: String,
    /// How bad the rule's name says it is.
    pub kind: Kind,
    /// What the rule says.
    pub message: String,
}

/// What a policy makes of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// By line, then rule, then message.
    pub findings: Vec<Finding>,
    /// Rules that an `exception` of the policy switched off for this file.
    pub excepted: Vec<String>,
}

/// Why a policy has no verdict. Whoever asked must not take that for a yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It took longer than it may.
    #[error("the rule {rule} was stopped after {} ms; make it cheaper", after.as_millis())]
    Stopped {
        /// The rule.
        rule: String,
        /// How long it may take.
        after: Duration,
    },
    /// It cannot be evaluated: a complete rule with two values, for example.
    #[error("the rule {rule} failed: {mistake}")]
    Failed {
        /// The rule.
        rule: String,
        /// What the engine says, and where.
        mistake: Mistake,
    },
    /// It says something that is neither a set nor a list: a text, an object, false. conftest takes that for a yes.
    #[error(
        "the rule {rule} is neither a set nor a list of messages; write `deny contains msg if {{ … }}`, messages being texts or objects with `msg`"
    )]
    Kind {
        /// The rule.
        rule: String,
    },
    /// It found more than anybody reads.
    #[error("the policy has more than {MOST_FINDINGS} findings in one file")]
    TooMany,
}

impl Kind {
    /// The kind of a rule of that name; none where the name means nothing to us.
    pub fn of(name: &str) -> Option<Self> {
        let (stem, rest) = name.split_once('_').map_or((name, None), |(stem, rest)| (stem, Some(rest)));
        let named = rest.is_none_or(|rest| {
            rest.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        });
        match stem {
            "deny" | "violation" if named => Some(Self::Deny),
            "warn" if named => Some(Self::Warn),
            _ => None,
        }
    }
}

impl Policy {
    /// Asks every rule that decides about `file`. Each rule may take `limit`.
    pub fn judge(&self, file: &Dockerfile, subject: Subject<'_>, limit: Duration) -> Result<Verdict, Fault> {
        let asked = wide(|| self.ask_all(file, subject, limit));
        asked.map_err(|what| Fault::Failed { rule: "input".to_owned(), mistake: Mistake::Whole(what) })?
    }

    fn ask_all(&self, file: &Dockerfile, subject: Subject<'_>, limit: Duration) -> Result<Verdict, Fault> {
        let input = input::of(file);
        let mut engine = self.engine.clone();
        let failed = |error: &dyn std::fmt::Display| Fault::Failed {
            rule: "input".to_owned(),
            mistake: mistake(error),
        };
        let (dir, name) = subject.path.rsplit_once('/').unwrap_or((".", subject.path));
        let beside = json!({
            "conftest": {"file": {"name": name, "dir": dir}},
            "plimsoll": {"project": subject.project, "lines": input.lines},
        });
        let beside = Value::from_json_str(&beside.to_string()).map_err(|error| failed(&error))?;
        engine.add_data(beside).map_err(|error| failed(&error))?;
        let commands = serde_json::Value::from(input.commands).to_string();
        engine.set_input_json(&commands).map_err(|error| failed(&error))?;
        let mut verdict = Verdict::default();
        let mut asked: Vec<(&str, &str)> = Vec::new();
        for rule in self.deciding() {
            let key = (rule.package.as_str(), rule.name.as_str());
            if asked.contains(&key) {
                continue;
            }
            asked.push(key);
            let value = ask(&mut engine, &rule.path, &rule.name, limit)?;
            let name = format!("{}.{}", rule.package, rule.name);
            if !matches!(value, Value::Set(_) | Value::Array(_) | Value::Undefined) {
                return Err(Fault::Kind { rule: name });
            }
            let Some(kind) = Kind::of(&rule.name).filter(|_| speaks(&value)) else { continue };
            if self.excepts(&mut engine, rule, limit)? {
                verdict.excepted.push(name);
                continue;
            }
            for value in elements(&value) {
                if verdict.findings.len() == MOST_FINDINGS {
                    return Err(Fault::TooMany);
                }
                let (line, message) = told(value, &input.lines);
                verdict.findings.push(Finding { line, rule: name.clone(), kind, message });
            }
        }
        verdict.findings.sort_by(|a, b| (a.line, &a.rule, &a.message).cmp(&(b.line, &b.rule, &b.message)));
        Ok(verdict)
    }

    /// Whether `exception` of the rule's package names the rule without its `deny_`, `violation_` or `warn_`.
    fn excepts(&self, engine: &mut Engine, rule: &Written, limit: Duration) -> Result<bool, Fault> {
        let written =
            self.written.iter().any(|other| other.package == rule.package && other.name == "exception");
        if !written {
            return Ok(false);
        }
        let short = rule.name.split_once('_').map_or("", |(_, short)| short);
        let exceptions = ask(engine, &rule.path, "exception", limit)?;
        let names = |names: &Value| {
            elements(names).any(|name| matches!(name, Value::String(name) if name.as_ref() == short))
        };
        Ok(elements(&exceptions).any(names))
    }
}

/// The value of one rule.
pub(crate) fn ask(engine: &mut Engine, path: &str, name: &str, limit: Duration) -> Result<Value, Fault> {
    let rule = format!("{path}.{name}");
    engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: STEPS });
    engine.eval_rule(rule.clone()).map_err(|error| {
        let rule = rule.trim_start_matches("data.").to_owned();
        match error.downcast_ref::<LimitError>() {
            Some(LimitError::TimeLimitExceeded { .. }) => Fault::Stopped { rule, after: limit },
            _ => Fault::Failed { rule, mistake: mistake(&error) },
        }
    })
}

fn speaks(value: &Value) -> bool {
    elements(value).next().is_some()
}

/// The elements of a set or list; of any other value none.
fn elements(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Set(set) => Box::new(set.iter()),
        Value::Array(list) => Box::new(list.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The line and the message of one element: a text, or an object with `msg`. What has no message is shown as it is, never left out.
fn told(value: &Value, lines: &[usize]) -> (usize, String) {
    let field = |name: &str| match value {
        Value::Object(object) => object.get(&Value::from(name)),
        _ => None,
    };
    let number =
        |name| field(name).and_then(|value| value.as_u64().ok()).and_then(|n| usize::try_from(n).ok());
    let index = number("_index").and_then(|index| lines.get(index).copied());
    let line = number("_line").or(index).unwrap_or(1).max(1);
    let message = match (value, field("msg")) {
        (Value::String(text), _) | (_, Some(Value::String(text))) => text.to_string(),
        _ => value.to_string(),
    };
    (line, message.chars().take(LONGEST_MESSAGE).collect())
}
