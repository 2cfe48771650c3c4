//! CopyIgnoredFile: nothing that is left out is copied.

use dockerfile::{Arguments, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::docker::ignored::Ignored,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "CopyIgnoredFile",
    level: Level::Ignore,
    page: include_str!("copy_ignored_file.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let Some(ignored) = subject.context.ignore_file.as_deref().and_then(Ignored::read) else { return };
    for outer in subject.file.instructions() {
        let copy = outer.trigger().unwrap_or(outer);
        if matches!(copy.keyword, Keyword::Add | Keyword::Copy) {
            check_one(copy, outer.line, &ignored, sink);
        }
    }
}

fn check_one(copy: &Instruction, line: usize, ignored: &Ignored<'_>, sink: &mut Sink<'_>) {
    if copy.flag("from").is_some() {
        return;
    }
    let words: Vec<&str> = match &copy.arguments {
        Arguments::Words(words) => words.iter().map(|word| word.text.as_str()).collect(),
        Arguments::List(words, _) => words.iter().map(String::as_str).collect(),
        _ => return,
    };
    let sources = words.split_last().map(|(_, sources)| sources).unwrap_or_default();
    let local = |source: &&&str| !source.contains('$') && !source.contains("<<") && !source.contains("://");
    for source in sources.iter().filter(local) {
        if ignored.holds(source) {
            sink.report(
                line,
                format!("{source} is left out by .dockerignore: name it there with ! or do not copy it."),
            );
        }
    }
}
