//! DL3067: no stage takes over another one's whole file system.

use dockerfile::{Arguments, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::quotes,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3067",
    level: Level::Warning,
    page: include_str!("dl3067.md"),
    check: Check::Instructions(&[Keyword::Copy], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Now && here.instruction.flag("from").is_some() && copies_root(here.instruction) {
        sink.report_at(
            here.line,
            &here.instruction.keyword_span,
            "This copies the whole other file system over this one; name what is needed of it.",
        );
    }
}

/// Whether `/` is among the sources and is the destination.
fn copies_root(copy: &Instruction) -> bool {
    let is_root = |path: &str| quotes::bare(path) == "/";
    match &copy.arguments {
        Arguments::Words(words) => words
            .split_last()
            .is_some_and(|(to, from)| is_root(&to.text) && from.iter().any(|word| is_root(&word.text))),
        Arguments::List(items, _) => {
            items.split_last().is_some_and(|(to, from)| is_root(to) && from.iter().any(|item| is_root(item)))
        }
        _ => false,
    }
}
