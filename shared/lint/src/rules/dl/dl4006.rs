//! DL4006: a pipe fails where one of its commands fails.

use std::borrow::Cow;

use dockerfile::{Arguments, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink, When},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL4006",
    level: Level::Warning,
    page: include_str!("dl4006.md"),
    check: Check::File(check),
};

/// Shells that know the option, as hadolint has it.
const SHELLS: [&str; 6] = ["/bin/bash", "/bin/zsh", "/bin/ash", "bash", "zsh", "ash"];

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut runs = subject.runs().iter().filter(|run| run.when == When::Now);
    let mut is_safe = false;
    for instruction in subject.file.instructions() {
        match instruction.keyword {
            Keyword::From => is_safe = false,
            Keyword::Shell => is_safe = sets_pipefail(instruction),
            Keyword::Run => {
                let Some(run) = runs.next() else { return };
                if run.script.has_pipe && !is_safe {
                    sink.report_run(
                        run,
                        "Put SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"] before it.",
                    );
                }
            }
            _ => {}
        }
    }
}

fn sets_pipefail(shell: &Instruction) -> bool {
    let line = match &shell.arguments {
        Arguments::List(words, _) => Cow::Owned(words.join(" ")),
        Arguments::Text(text) => Cow::Borrowed(text.text.as_str()),
        _ => return false,
    };
    if ["pwsh", "powershell", "cmd"].iter().any(|other| line.starts_with(other)) {
        return true;
    }
    let mut words = line.split_whitespace();
    let knows = words.next().is_some_and(|program| SHELLS.contains(&program));
    let takes_option = |flag: &str| flag.starts_with('-') && flag.ends_with('o');
    let pairs = words.clone().zip(words.skip(1));
    knows && pairs.into_iter().any(|(flag, option)| takes_option(flag) && option == "pipefail")
}
