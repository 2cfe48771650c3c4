//! What passes between asker and child: JSON, one question and one answer. Both are the same program, so nothing in it needs to be kept stable.

use serde::{Deserialize, Serialize};
use verdict::order::{Module, Rego};

/// The argument that makes the program a child.
pub(crate) const ARGUMENT: &str = "evaluate-policy";

/// A policy, and what to do with it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) modules: Vec<(String, String)>,
    pub(crate) data: Option<String>,
    pub(crate) namespaces: Vec<String>,
    pub(crate) task: Task,
    pub(crate) bounds: Bounds,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Compile it, and evaluate nothing.
    Compile,
    /// Ask it about next to nothing: some mistakes show only then.
    TryOut,
    /// Ask it about a definition.
    Judge(About),
    /// Run one of its own unit tests.
    Test(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) definition: String,
    pub(crate) path: String,
    pub(crate) project: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Bounds {
    pub(crate) memory_bytes: u64,
    pub(crate) processor_seconds: u64,
    /// One rule's share of it: within it the answer can still name the rule.
    pub(crate) rule_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answered {
    /// The policy does not compile.
    Mistake(String),
    /// It does; its deciding rules.
    Rules(Vec<String>),
    /// It has a verdict.
    Verdict { findings: Vec<Finding>, excepted: Vec<String> },
    /// It has none.
    Fault(String),
    /// The test is over.
    Tested(Tested),
}

/// How a unit test went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tested {
    /// It is true.
    Passed,
    /// It is false or undefined.
    Failed,
    /// It is not meant to be run yet.
    Skipped,
    /// It could not be evaluated, and why.
    Broken(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) line: usize,
    pub(crate) rule: String,
    pub(crate) denies: bool,
    pub(crate) message: String,
}

impl Asked {
    pub(crate) fn of(rego: &Rego, task: Task, bounds: Bounds) -> Self {
        let Rego { modules, data, namespaces, levels: _, dry_run: _ } = rego;
        let module = |Module { file, text }: &Module| (file.clone(), text.clone());
        Self {
            modules: modules.iter().map(module).collect(),
            data: data.clone(),
            namespaces: namespaces.clone(),
            task,
            bounds,
        }
    }
}
