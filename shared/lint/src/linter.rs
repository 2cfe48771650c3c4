//! One policy made ready to judge many files: which rules run, at which level, over which instructions. Not what the rules say.

use dockerfile::{Dockerfile, Keyword};

use crate::{
    context::Context,
    finding::{Finding, Level, Report},
    policy::Policy,
    pragma::Pragmas,
    rule::{Check, Here, OfFile, OfInstruction, OfRun, Rule, Sink, When},
    rules::{
        self,
        docker::{self, directive::Directives},
    },
    subject::{Step, Subject},
};

/// A policy made ready: make one, and lint any number of files with it.
#[derive(Debug)]
pub struct Linter<'p> {
    policy: &'p Policy,
    /// By keyword, as numbered by [`Keyword`]: an instruction meets only the rules that look at its kind.
    by_keyword: Vec<Vec<(OfInstruction, Active)>>,
    runs: Vec<(OfRun, Active)>,
    whole: Vec<(OfFile, Active)>,
}

/// A rule that is on, and how bad the policy finds it.
#[derive(Debug, Clone, Copy)]
struct Active {
    code: &'static str,
    level: Level,
}

/// Lints a file as read, mistakes included; the findings come by line, then by code.
pub fn lint(file: &Dockerfile, policy: &Policy) -> Report {
    Linter::new(policy).lint(file)
}

impl<'p> Linter<'p> {
    /// The rules that this policy wants looked at.
    pub fn new(policy: &'p Policy) -> Self {
        let mut linter = Self {
            policy,
            by_keyword: vec![Vec::new(); Keyword::Unknown as usize + 1],
            runs: Vec::new(),
            whole: Vec::new(),
        };
        for rule in rules::all() {
            linter.add(rule);
        }
        linter
    }

    fn add(&mut self, rule: &'static Rule) {
        let Some(level) = self.policy.level_of(rule.code, rule.level) else { return };
        let active = Active { code: rule.code, level };
        match rule.check {
            Check::Instructions(keywords, check) => {
                for keyword in keywords {
                    if let Some(rules) = self.by_keyword.get_mut(*keyword as usize) {
                        rules.push((check, active));
                    }
                }
            }
            Check::Runs(check) => self.runs.push((check, active)),
            Check::File(check) => self.whole.push((check, active)),
        }
    }

    /// Whether the policy wants this rule looked at: what a rule needs besides the file need not be fetched for nobody.
    pub fn looks_at(&self, code: &str) -> bool {
        rules::rule(code).is_some_and(|rule| self.policy.level_of(rule.code, rule.level).is_some())
    }

    /// Lints a file as read, mistakes included; the findings come by line, then by code.
    pub fn lint(&self, file: &Dockerfile) -> Report {
        self.lint_with(file, Vec::new())
    }

    /// As [`Linter::lint`], together with what others found in the file (ShellCheck in its [`crate::scripts`]): the policy and the
    /// file's own comments count for that too.
    pub fn lint_with(&self, file: &Dockerfile, findings: Vec<Finding>) -> Report {
        self.lint_in(file, &Context::default(), findings)
    }

    /// As [`Linter::lint_with`], where more is known than the file says.
    pub fn lint_in(&self, file: &Dockerfile, context: &Context, mut findings: Vec<Finding>) -> Report {
        let steps = Step::all(file);
        let subject = Subject::new(file, context, &steps);
        findings.retain_mut(|finding| {
            let level = self.policy.level_of(&finding.code, finding.level);
            finding.level = level.unwrap_or(finding.level);
            level.is_some()
        });
        for outer in file.instructions() {
            let here = Here { subject: &subject, instruction: outer, line: outer.line, when: When::Now };
            self.instruction(&here, &mut findings);
            if let Some(trigger) = outer.trigger() {
                let deferred = Here { instruction: trigger, when: When::Deferred, ..here };
                self.instruction(&deferred, &mut findings);
            }
        }
        if !self.runs.is_empty() {
            for run in subject.runs() {
                for (check, active) in &self.runs {
                    check(run, &mut self.sink(*active, &mut findings));
                }
            }
        }
        for (check, active) in &self.whole {
            check(&subject, &mut self.sink(*active, &mut findings));
        }
        self.report(file, findings)
    }

    /// The report with what the catalog says beside it: the policy counts for that too, the file's own comments do not.
    pub fn with_catalog(&self, report: Report, said: Vec<Finding>) -> Report {
        let Report { mut findings, refused: _ } = report;
        let level = |finding: Finding| {
            let level = self.policy.level_of(&finding.code, finding.level)?;
            Some(Finding { level, ..finding })
        };
        findings.extend(said.into_iter().filter_map(level));
        findings.sort_by(|a, b| (a.line, &a.code).cmp(&(b.line, &b.code)));
        let refused = findings.iter().any(|finding| self.policy.refuses(finding));
        Report { findings, refused }
    }

    fn instruction(&self, here: &Here<'_>, findings: &mut Vec<Finding>) {
        let rules = self.by_keyword.get(here.instruction.keyword as usize);
        for (check, active) in rules.into_iter().flatten() {
            check(here, &mut self.sink(*active, findings));
        }
    }

    fn sink<'a>(&'a self, active: Active, findings: &'a mut Vec<Finding>) -> Sink<'a> {
        Sink { policy: self.policy, code: active.code, level: active.level, findings }
    }

    /// What is left of the findings once the file's own comments have been heard, and what the policy makes of it.
    fn report(&self, file: &Dockerfile, mut findings: Vec<Finding>) -> Report {
        if !findings.is_empty() {
            let pragmas = Pragmas::of(file, self.policy.silencing);
            if findings.iter().any(|finding| docker::is_check(&finding.code)) {
                let directives = Directives::heard(file, self.policy.silencing);
                findings.retain_mut(|finding| {
                    !docker::is_check(&finding.code)
                        || directives.keep(finding)
                        || self.policy.denies(&finding.code)
                });
            }
            findings.retain(|finding| self.policy.denies(&finding.code) || !pragmas.silence(finding));
            findings.sort_by(|a, b| (a.line, &a.code).cmp(&(b.line, &b.code)));
        }
        let refused = findings.iter().any(|finding| self.policy.refuses(finding));
        Report { findings, refused }
    }
}
