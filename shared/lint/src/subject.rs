//! One file as the rules see it: what several of them ask is worked out once, and only if asked. Not the rules.

use std::{borrow::Cow, cell::OnceCell, collections::BTreeSet};

use dockerfile::{Dockerfile, Instruction, Keyword, Stage};

use crate::{
    context::Context,
    rule::When,
    rules::image::Image,
    script::{self, Script},
};

/// A file to be judged.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) file: &'a Dockerfile,
    pub(crate) context: &'a Context,
    steps: &'a [Step<'a>],
    runs: OnceCell<Vec<Run<'a>>>,
    kept_stages: OnceCell<Vec<bool>>,
}

/// A RUN with the text of its script, those deferred by ONBUILD included.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    outer: &'a Instruction,
    instruction: &'a Instruction,
    text: Cow<'a, str>,
    stage: usize,
    when: When,
}

/// A RUN and its script as it is read: its words are parts of the step's text.
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

impl<'a> Step<'a> {
    /// Every step of the file, in order.
    pub(crate) fn all(file: &'a Dockerfile) -> Vec<Self> {
        let mut stages = 0_usize;
        let step = |outer: &'a Instruction| {
            stages += usize::from(outer.keyword == Keyword::From);
            let (instruction, when) = match outer.trigger() {
                Some(trigger) => (trigger, When::Deferred),
                None => (outer, When::Now),
            };
            (instruction.keyword == Keyword::Run).then(|| Self {
                outer,
                instruction,
                text: script::text_of(file, outer, instruction),
                stage: stages.saturating_sub(1),
                when,
            })
        };
        file.instructions().filter_map(step).collect()
    }
}

impl<'a> Subject<'a> {
    /// The steps are those of the file.
    pub(crate) fn new(file: &'a Dockerfile, context: &'a Context, steps: &'a [Step<'a>]) -> Self {
        Self { file, context, steps, runs: OnceCell::new(), kept_stages: OnceCell::new() }
    }

    /// Every RUN, in order.
    pub(crate) fn runs(&self) -> &[Run<'a>] {
        self.runs.get_or_init(|| {
            let run = |step: &'a Step<'a>| Run {
                line: step.outer.line,
                instruction: step.instruction,
                script: Script::parse(&step.text),
                stage: step.stage,
                when: step.when,
            };
            self.steps.iter().map(run).collect()
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
    let stood_on: BTreeSet<&str> = bases.map(|base| Image::of(&base.text).name).collect();
    let is_last = |stage: &Stage| {
        last.as_ref().is_some_and(|(index, name, base)| {
            *index == stage.index || (*name == stage.name && *base == text(stage))
        })
    };
    let is_stood_on = |stage: &Stage| stage.name.as_deref().is_some_and(|name| stood_on.contains(name));
    stages.iter().map(|stage| is_last(stage) || is_stood_on(stage)).collect()
}
