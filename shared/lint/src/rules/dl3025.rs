//! DL3025: CMD and ENTRYPOINT are JSON lists.

use dockerfile::{Arguments, Dockerfile, Instruction, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL3025",
    level: Level::Warning,
    summary: "CMD, ENTRYPOINT and HEALTHCHECK CMD are JSON lists, so that no shell stands before the program.",
    bad: "FROM alpine:3.20\nCMD serve --port 80\n",
    good: "FROM alpine:3.20\nCMD [\"serve\", \"--port\", \"80\"]\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let in_shell = file.instructions().filter(|instruction| runs_in_shell(instruction));
    let found = in_shell.map(|instruction| {
        let keyword = instruction.keyword;
        let message = format!(
            "Write {keyword} as a JSON list, [\"program\", \"argument\"]; a shell would swallow the stop signal."
        );
        Found::new(instruction.line, message)
    });
    found.collect()
}

fn runs_in_shell(instruction: &Instruction) -> bool {
    match (instruction.keyword, &instruction.arguments) {
        (Keyword::Cmd | Keyword::Entrypoint, Arguments::Text(_)) => true,
        (Keyword::Healthcheck, Arguments::Healthcheck(_, command)) => matches!(**command, Arguments::Text(_)),
        _ => false,
    }
}
