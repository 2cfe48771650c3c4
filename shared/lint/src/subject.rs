//! One file as the rules see it: what several of them ask is worked out once, and only if asked. Not the rules.

use std::cell::OnceCell;

use dockerfile::{Dockerfile, Instruction, Keyword};

use crate::script::{self, Command};

/// A file to be judged.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) file: &'a Dockerfile,
    runs: OnceCell<Vec<Run<'a>>>,
}

/// A RUN and the commands in it, those deferred by ONBUILD included.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The line that findings are about.
    pub(crate) line: usize,
    /// The RUN itself.
    pub(crate) instruction: &'a Instruction,
    /// The calls in it, in the order in which they end.
    pub(crate) commands: Vec<Command>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(file: &'a Dockerfile) -> Self {
        Self { file, runs: OnceCell::new() }
    }

    /// Every RUN, in order.
    pub(crate) fn runs(&self) -> &[Run<'a>] {
        self.runs.get_or_init(|| {
            let with_run = |outer: &'a Instruction| {
                let run = outer.trigger().unwrap_or(outer);
                (run.keyword == Keyword::Run).then(|| Run {
                    line: outer.line,
                    instruction: run,
                    commands: script::commands_of(self.file, outer, run),
                })
            };
            self.file.instructions().filter_map(with_run).collect()
        })
    }
}
