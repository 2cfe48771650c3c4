//! One file as the rules see it: what several of them ask is worked out once, and only if asked. Not the rules.

use std::{cell::OnceCell, collections::HashSet};

use dockerfile::{Dockerfile, Instruction, Keyword, Stage};

use crate::{context::Context, rule::When, rules::image::Image, script::Script};

/// A file to be judged.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) file: &'a Dockerfile,
    pub(crate) context: &'a Context,
    runs: OnceCell<Vec<Run<'a>>>,
    kept_stages: OnceCell<Vec<bool>>,
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
        Self { file, context, runs: OnceCell::new(), kept_stages: OnceCell::new() }
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
    pub(crate) fn stays(&self, run: &Run<'_>) -> bool {
        let kept = self.kept_stages.get_or_init(|| kept_stages(self.file.stages()));
        run.when == When::Deferred || kept.get(run.stage).copied().unwrap_or(true)
    }
}

/// Which stages are, or become part of, an image that is built. As in hadolint, a stage that is written like the last counts as the
/// last, and a name counts wherever the file stands on it, itself included, whatever registry is before it.
fn kept_stages(stages: &[Stage]) -> Vec<bool> {
    let text = |stage: &Stage| stage.base.as_ref().map(|base| base.text.clone());
    let last = stages.last().map(|last| (last.index, last.name.clone(), text(last)));
    let bases = stages.iter().filter_map(|stage| stage.base.as_ref());
    let stood_on: HashSet<&str> = bases.map(|base| Image::of(&base.text).name).collect();
    let is_last = |stage: &Stage| {
        last.as_ref().is_some_and(|(index, name, base)| {
            *index == stage.index || (*name == stage.name && *base == text(stage))
        })
    };
    let is_stood_on = |stage: &Stage| stage.name.as_deref().is_some_and(|name| stood_on.contains(name));
    stages.iter().map(|stage| is_last(stage) || is_stood_on(stage)).collect()
}
