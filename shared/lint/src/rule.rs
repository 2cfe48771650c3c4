//! What a rule is: a value with a code, a level, a page and a check. Not the rules themselves (see `rules`).

use std::{borrow::Cow, ops::Range};

use dockerfile::{Edit, Instruction, Keyword};

use crate::{
    finding::{Finding, Level},
    policy::Policy,
    subject::{Run, Subject},
};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its code, under which it is ignored, denied and explained.
    pub code: &'static str,
    /// How bad it is to break it, where no policy says otherwise; [`Level::Ignore`] means that it is off until a policy turns it on.
    pub level: Level,
    /// Its page: Markdown, whose first line is `# CODE: what it asks for`.
    pub page: &'static str,
    /// What it looks at.
    pub(crate) check: Check,
}

/// The question to an instruction.
pub(crate) type OfInstruction = fn(&Here<'_>, &mut Sink<'_>);
/// The question to a RUN.
pub(crate) type OfRun = fn(&Run<'_>, &mut Sink<'_>);
/// The question to a file.
pub(crate) type OfFile = fn(&Subject<'_>, &mut Sink<'_>);

/// What a rule looks at, and how it is asked. The narrower, the less a file costs that has nothing of the kind.
#[derive(Debug)]
pub(crate) enum Check {
    /// Each instruction of these keywords, on its own. What ONBUILD defers is looked at too, under its own keyword.
    Instructions(&'static [Keyword], OfInstruction),
    /// Each RUN with its commands, on its own, those that ONBUILD defers included.
    Runs(OfRun),
    /// The file as a whole, once.
    File(OfFile),
}

/// An instruction where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here<'a> {
    /// The file it stands in.
    pub(crate) subject: &'a Subject<'a>,
    /// The instruction; for one that ONBUILD defers, the deferred one.
    pub(crate) instruction: &'a Instruction,
    /// The line that findings are about: where the outer instruction begins.
    pub(crate) line: usize,
    /// Whether it is carried out now or deferred by ONBUILD.
    pub(crate) when: When,
}

/// When an instruction is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// In this build.
    Now,
    /// In the builds on this image: it stands behind ONBUILD.
    Deferred,
}

/// Where a rule puts what it found.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) code: &'static str,
    pub(crate) level: Level,
    pub(crate) findings: &'a mut Vec<Finding>,
}

impl Rule {
    /// What it asks for, in one sentence: the first line of its page.
    pub fn title(&self) -> &'static str {
        title(self.page)
    }
}

/// The sentence in the first line of a page.
pub(crate) fn title(page: &'static str) -> &'static str {
    let first = page.lines().next().unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, title)| title)
}

impl Sink<'_> {
    /// The rule is broken on this line.
    pub(crate) fn report(&mut self, line: usize, message: impl Into<Cow<'static, str>>) {
        self.push(line, None, message.into(), Vec::new());
    }

    /// The rule is broken on this line, by these bytes.
    pub(crate) fn report_at(
        &mut self,
        line: usize,
        span: &Range<usize>,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.push(line, Some(span.clone()), message.into(), Vec::new());
    }

    /// The rule is broken by this step.
    pub(crate) fn report_run(&mut self, run: &Run<'_>, message: impl Into<Cow<'static, str>>) {
        self.report_at(run.line, &run.instruction.keyword_span, message);
    }

    /// The rule is broken on this line, and these edits put it right whatever else the file says.
    pub(crate) fn report_with_fix(
        &mut self,
        line: usize,
        message: impl Into<Cow<'static, str>>,
        fix: Vec<Edit>,
    ) {
        let span = fix.first().map(|edit| edit.span.clone());
        self.push(line, span, message.into(), fix);
    }

    fn push(&mut self, line: usize, span: Option<Range<usize>>, message: Cow<'static, str>, fix: Vec<Edit>) {
        let (code, level) = (Cow::Borrowed(self.code), self.level);
        self.findings.push(Finding { line, span, code, level, message, fix });
    }
}
