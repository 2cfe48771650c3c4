//! The unit tests that stand in policies, as `opa test` and `conftest verify` run them.

use std::{collections::HashSet, time::Duration};

use regorus::Value;

use crate::{
    compile::{Mistake, Policy},
    evaluate::{Fault, ask},
    module::{Shape, Written},
    stack::wide,
};

/// One unit test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// The file it stands in.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// `package.test_name`.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How a unit test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is true.
    Passed,
    /// It is false or undefined.
    Failed,
    /// It is called `todo_test_…` and was not run.
    Skipped,
    /// It could not be evaluated.
    Broken(Fault),
}

impl Policy {
    /// Every rule `test_…` of every package, in the order of the files, without having been run: those called `todo_test_…` have
    /// been skipped, and the others have failed until they are run.
    pub fn tests(&self) -> Vec<TestResult> {
        let mut tests: Vec<TestResult> = Vec::new();
        let mut known = HashSet::new();
        for rule in self.written.iter().filter(|rule| rule.shape != Shape::Function) {
            let todo = rule.name.starts_with("todo_test_");
            let name = format!("{}.{}", rule.package, rule.name);
            if (todo || rule.name.starts_with("test_")) && known.insert(name.clone()) {
                let outcome = if todo { Outcome::Skipped } else { Outcome::Failed };
                tests.push(TestResult { file: rule.file.clone(), line: rule.line, name, outcome });
            }
        }
        tests
    }

    /// Runs one of them, for `limit` at most.
    pub fn run_test(&self, name: &str, limit: Duration) -> Outcome {
        let is_named = |rule: &&Written| name == format!("{}.{}", rule.package, rule.name);
        let Some(rule) = self.written.iter().find(is_named) else { return Outcome::Failed };
        // Each on an engine of its own: what one test mocked, the next must not see.
        match wide(|| ask(&mut self.engine.clone(), &rule.path, &rule.name, limit)) {
            Ok(Ok(Value::Bool(true))) => Outcome::Passed,
            Ok(Ok(_)) => Outcome::Failed,
            Ok(Err(fault)) => Outcome::Broken(fault),
            Err(what) => {
                Outcome::Broken(Fault::Failed { rule: name.to_owned(), mistake: Mistake::Whole(what) })
            }
        }
    }
}
