//! The unit tests that stand in policies, as `opa test` and `conftest verify` run them.

use std::time::Duration;

use regorus::Value;

use crate::{
    compile::{Mistake, Policy},
    evaluate::{Fault, ask},
    module::Shape,
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
    /// Runs every rule `test_…` of every package, in the order of the files, each for `limit` at most.
    pub fn test(&self, limit: Duration) -> Vec<TestResult> {
        let mut results: Vec<TestResult> = Vec::new();
        for rule in self.written.iter().filter(|rule| rule.shape != Shape::Function) {
            let name = format!("{}.{}", rule.package, rule.name);
            let todo = rule.name.starts_with("todo_test_");
            let known = results.iter().any(|result| result.name == name);
            if known || !(todo || rule.name.starts_with("test_")) {
                continue;
            }
            let outcome = if todo {
                Outcome::Skipped
            } else {
                // Each on an engine of its own: what one test mocked, the next must not see.
                match wide(|| ask(&mut self.engine.clone(), &rule.path, &rule.name, limit)) {
                    Ok(Ok(Value::Bool(true))) => Outcome::Passed,
                    Ok(Ok(_)) => Outcome::Failed,
                    Ok(Err(fault)) => Outcome::Broken(fault),
                    Err(what) => {
                        Outcome::Broken(Fault::Failed { rule: name.clone(), mistake: Mistake::Whole(what) })
                    }
                }
            };
            results.push(TestResult { file: rule.file.clone(), line: rule.line, name, outcome });
        }
        results
    }
}
