//! One file as the rules see it: what several of them ask is worked out once, and only if asked. Not the rules.

use std::cell::OnceCell;

use dockerfile::{Dockerfile, Instruction, Keyword, Stage};

use crate::{context::Context, rule::When, script::Script};

/// A file to be judged.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) file: &'a Dockerfile,
    pub(crate) context: &'a Context,
    runs: OnceCell<Vec<Run<'a>>>,
}

/// A RUN and its script, those deferred by ONBUILD included.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The line that findings are about.
    pub(crate) line: usize,
    /// The RUN itself.
    pub(crate) instruction: &'a Instruction,
    /// What it calls.
    pub(crate) script: Script<'a>,
    /// The number of its stage.
    pub(crate) stage: usize,
    /// Whether it is carried out in this build.
    pub(crate) when: When,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(file: &'a Dockerfile, context: &'a Context) -> Self {
        Self { file, context, runs: OnceCell::new() }
    }

    /// Every RUN, in order.
    pub(crate) fn runs(&self) -> &[Run<'a>] {
        self.runs.get_or_init(|| {
            let mut stages = 0_usize;
            let with_run = |outer: &'a Instruction| {
                stages += usize::from(outer.keyword == Keyword::From);
                let (run, when) = match outer.trigger() {
                    Some(trigger) => (trigger, When::Deferred),
                    None => (outer, When::Now),
                };
                (run.keyword == Keyword::Run).then(|| Run {
                    line: outer.line,
                    instruction: run,
                    script: Script::of(self.file, outer, run),
                    stage: stages.saturating_sub(1),
                    when,
                })
            };
            self.file.instructions().filter_map(with_run).collect()
        })
    }

    /// Whether what this step leaves stays in an image: its stage is the last, or another stands on it, or other builds will.
    ///
    /// As in hadolint, a stage without a name counts as the last if it is written like the last.
    pub(crate) fn stays(&self, run: &Run<'_>) -> bool {
        let stages = self.file.stages();
        let (Some(own), Some(last)) = (stages.get(run.stage), stages.last()) else { return true };
        let text = |stage: &Stage| stage.base.as_ref().map(|base| base.text.clone());
        let is_last = own.index == last.index || (own.name == last.name && text(own) == text(last));
        let stands_on_it = |stage: &Stage| {
            let base = stage.base.as_ref().map(|base| base.text.split([':', '@']).next().unwrap_or_default());
            base.is_some() && base == own.name.as_deref()
        };
        run.when == When::Deferred || is_last || stages.iter().skip(own.index + 1).any(stands_on_it)
    }
}
