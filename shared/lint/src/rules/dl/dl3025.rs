//! DL3025: CMD and ENTRYPOINT are JSON lists.

use dockerfile::{Arguments, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3025",
    level: Level::Warning,
    page: include_str!("dl3025.md"),
    check: Check::Instructions(&[Keyword::Cmd, Keyword::Entrypoint, Keyword::Healthcheck], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Now && runs_in_shell(here.instruction) {
        let keyword = here.instruction.keyword;
        sink.report(
            here.line,
            format!(
                "Write {keyword} as a JSON list, [\"program\", \"argument\"]; a shell would swallow the stop signal."
            ),
        );
    }
}

fn runs_in_shell(instruction: &Instruction) -> bool {
    match (instruction.keyword, &instruction.arguments) {
        (Keyword::Cmd | Keyword::Entrypoint, Arguments::Text(_)) => true,
        (Keyword::Healthcheck, Arguments::Healthcheck(_, command)) => matches!(**command, Arguments::Text(_)),
        _ => false,
    }
}
