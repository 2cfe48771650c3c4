//! DL3022: COPY --from names a stage of this file, or an image with its version.

use std::collections::BTreeSet;

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::stages,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3022",
    level: Level::Warning,
    page: include_str!("dl3022.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut names = BTreeSet::new();
    let mut stages = 0_usize;
    for instruction in subject.file.instructions() {
        match instruction.keyword {
            Keyword::From => {
                names.extend(stages::name(instruction));
                stages += 1;
            }
            Keyword::Copy => {
                let Some((from, span)) = stages::copied_from(subject, instruction) else { continue };
                if !names.contains(from) && !from.contains(':') && !is_number_below(from, stages) {
                    let message =
                        format!("{from} is no stage above; name one, or an image with its version.");
                    sink.report_at(instruction.line, span, message);
                }
            }
            _ => {}
        }
    }
}

/// Whether it begins with the number of a stage.
fn is_number_below(from: &str, stages: usize) -> bool {
    let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
    from.get(..end).and_then(|digits| digits.parse().ok()).is_some_and(|number: usize| number < stages)
}
