//! DL3042: pip keeps no cache.

use std::collections::BTreeSet;

use dockerfile::{Keyword, Pair};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink, When},
    rules::{packages::is_kept_out, pip, quotes},
    script::Command,
    subject::{Run, Subject},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3042",
    level: Level::Warning,
    page: include_str!("dl3042.md"),
    check: Check::File(check),
};

/// Behind `PIP_NO_CACHE_DIR=`, in whatever case.
const TRUE: [&str; 4] = ["1", "true", "on", "yes"];
const VARIABLE: &str = "PIP_NO_CACHE_DIR";

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    if !subject.runs().iter().any(keeps_cache) {
        return;
    }
    // Whether the variable is set in this stage, and the names of the stages in which it was.
    let (mut is_set, mut set_in, mut name): (bool, BTreeSet<&str>, Option<&str>) =
        (false, BTreeSet::new(), None);
    // What ONBUILD defers meets what it has set before, not the variables of this file.
    let mut is_set_later = false;
    let mut runs = subject.runs().iter();
    for outer in subject.file.instructions() {
        let keyword = outer.trigger().map_or(outer.keyword, |trigger| trigger.keyword);
        match outer.keyword {
            Keyword::From => {
                set_in.extend(name.filter(|_| is_set));
                let word = |number: usize| outer.words().get(number).map(|word| word.text.as_str());
                is_set = word(0).is_some_and(|base| set_in.contains(base));
                // A stage without a name goes by what it stands on, as in hadolint.
                name = word(2).or(word(0));
            }
            Keyword::Env => is_set |= outer.pairs().iter().any(is_true),
            _ if keyword == Keyword::Env => {
                is_set_later |= outer.trigger().is_some_and(|env| env.pairs().iter().any(is_true));
            }
            _ if keyword == Keyword::Run => {
                let Some(run) = runs.next() else { return };
                let is_set = match run.when {
                    When::Now => is_set,
                    When::Deferred => is_set_later,
                };
                if keeps_cache(run) && !is_set {
                    sink.report_run(run, "Add --no-cache-dir.");
                }
            }
            _ => {}
        }
    }
}

fn is_true(pair: &Pair) -> bool {
    let value = pair.value.as_ref().map(|value| quotes::bare(&value.text));
    pair.name.text == VARIABLE
        && value.is_some_and(|value| TRUE.iter().any(|word| word.eq_ignore_ascii_case(value)))
}

fn keeps_cache(run: &Run<'_>) -> bool {
    let caches = |call: &Command<'_>| {
        let installs = match pip::is_pip(call) {
            true => !matches!(call.program.as_ref(), "pipx" | "pipenv") && call.has("install"),
            false => pip::is_module(call),
        };
        installs && !call.has("--no-cache-dir")
    };
    run.script.commands.iter().any(caches)
        && !is_kept_out(run, ".cache/pip")
        && !is_switched_off(run.script.text)
}

/// Whether the step says it itself, wherever.
fn is_switched_off(text: &str) -> bool {
    text.match_indices(VARIABLE).any(|(at, _)| {
        let behind =
            text.get(at + VARIABLE.len()..).and_then(|rest| rest.strip_prefix('=')).unwrap_or_default();
        TRUE.iter().any(|word| behind.get(..word.len()).is_some_and(|value| value.eq_ignore_ascii_case(word)))
    })
}
