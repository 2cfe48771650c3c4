//! What ShellCheck says of the scripts in RUN, for many files at once. Not which scripts there are (see `lint::scripts`).

use std::{cell::OnceCell, num::NonZeroUsize};

use lint::{Finding, Script};
use shellcheck::Checker;
use tokio::runtime::Runtime;

use super::settings::ShellCheck;
use crate::exit::{Failure, remark};

/// An installed ShellCheck, and the runtime that its processes are waited for on.
#[derive(Debug)]
pub(super) struct Scripts {
    checker: Checker,
    runtime: Runtime,
    /// Why some scripts have not been checked.
    unchecked: OnceCell<Failure>,
}

impl Scripts {
    /// None where it is not wanted, or not there, which is said once and is no mistake.
    pub(super) fn open(wanted: &ShellCheck, jobs: Option<NonZeroUsize>) -> Result<Option<Self>, Failure> {
        let options = match wanted {
            ShellCheck::Unwanted => return Ok(None),
            ShellCheck::Missing => {
                remark(
                    "shellcheck is not installed: the scripts in RUN are not checked (--no-shellcheck says that this is meant)",
                );
                return Ok(None);
            }
            ShellCheck::Installed(options) => options,
        };
        let processes = jobs.unwrap_or(options.processes);
        let Some(checker) = Checker::open(shellcheck::Options { processes, ..(**options).clone() }) else {
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::fault(&error))?;
        Ok(Some(Self { checker, runtime, unchecked: OnceCell::new() }))
    }

    /// What it says of each file's scripts, in the order of the files; nothing where it fails, which is told once and kept for the end.
    pub(super) fn check(&self, files: Vec<Vec<Script>>) -> Vec<Vec<Finding>> {
        let counts: Vec<usize> = files.iter().map(Vec::len).collect();
        let scripts: Vec<Script> = files.into_iter().flatten().collect();
        if scripts.is_empty() {
            return vec![Vec::new(); counts.len()];
        }
        match self.runtime.block_on(self.checker.check(&scripts)) {
            Ok(said) => {
                let mut said = said.into_iter();
                counts.into_iter().map(|count| said.by_ref().take(count).flatten().collect()).collect()
            }
            Err(error) => {
                let why = telemetry::Chain(&error);
                let text = format!("{why}: what it would say of some scripts in RUN is missing");
                self.unchecked.set(Failure::Fault(text)).ok();
                vec![Vec::new(); counts.len()]
            }
        }
    }

    /// Why some scripts have not been checked, if that is so.
    pub(super) fn unchecked(self) -> Option<Failure> {
        self.unchecked.into_inner()
    }
}
