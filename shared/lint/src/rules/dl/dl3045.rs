//! DL3045: COPY to a relative target follows a WORKDIR.

use std::collections::BTreeSet;

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::{image::Image, paths, stages},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3045",
    level: Level::Warning,
    page: include_str!("dl3045.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    // The stages that have a working folder, by name or by the image they stand on.
    let mut settled = BTreeSet::new();
    let (mut here, mut has_folder) = ("", false);
    for instruction in subject.file.instructions() {
        match instruction.keyword {
            Keyword::From => {
                let base = instruction.words().first().map_or("", |base| Image::of(&base.text).name);
                here = stages::name(instruction).unwrap_or(base);
                has_folder = settled.contains(base);
                if has_folder {
                    settled.insert(here);
                }
            }
            Keyword::Workdir => {
                has_folder = true;
                settled.insert(here);
            }
            Keyword::Copy if !has_folder => {
                let Some(target) = paths::of(instruction).map(|paths| paths.target) else { continue };
                if !paths::is_absolute(target) {
                    let message =
                        format!("{target} depends on what the base image has set; write WORKDIR before.");
                    sink.report_at(instruction.line, &instruction.keyword_span, message);
                }
            }
            _ => {}
        }
    }
}
