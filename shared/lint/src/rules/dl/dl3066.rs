//! DL3066: uSER is a number, so that the host knows who it is.

use std::collections::BTreeSet;

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3066", level: Level::Info, page: include_str!("dl3066.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    // As hadolint has it: the first name of an ARG, in every stage behind it.
    let mut arguments = BTreeSet::new();
    for instruction in subject.file.instructions() {
        match instruction.keyword {
            Keyword::Arg => {
                arguments.extend(instruction.pairs().first().map(|pair| pair.name.text.as_str()));
            }
            Keyword::User => {
                let Some(text) = instruction.text() else { continue };
                let user = text.text.split(':').next().unwrap_or_default();
                // What an argument holds, whoever builds the image says.
                let is_told = || variables(&text.text).any(|name| arguments.contains(name));
                if !user.bytes().all(|b| b.is_ascii_digit()) && !is_told() {
                    let message = format!(
                        "Write the number of {user}: the host, and Kubernetes' runAsNonRoot, know no names."
                    );
                    sink.report_at(instruction.line, &text.span, message);
                }
            }
            _ => {}
        }
    }
}

/// The names in `$NAME` and `${NAME}`, escaped or not.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).filter_map(|behind| match behind.strip_prefix('{') {
        Some(braced) => braced.split_once('}').map(|(name, _)| name),
        None => behind.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next(),
    })
}
