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
    /// What it is asked about; none where it is only compiled.
    pub(crate) about: Option<About>,
    pub(crate) bounds: Bounds,
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
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) line: usize,
    pub(crate) rule: String,
    pub(crate) denies: bool,
    pub(crate) message: String,
}

impl Asked {
    pub(crate) fn of(rego: &Rego, about: Option<About>, bounds: Bounds) -> Self {
        let Rego { modules, data, namespaces, levels: _, dry_run: _ } = rego;
        let module = |Module { file, text }: &Module| (file.clone(), text.clone());
        Self {
            modules: modules.iter().map(module).collect(),
            data: data.clone(),
            namespaces: namespaces.clone(),
            about,
            bounds,
        }
    }
}
