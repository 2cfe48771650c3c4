//! DL3057: every stage has a HEALTHCHECK, or stands on one that has.

use std::collections::HashMap;

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::{image::Image, stages},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3057", level: Level::Ignore, page: include_str!("dl3057.md"), check: Check::File(check) };

/// A stage, the one above that it stands on, and whether it is checked.
#[derive(Debug)]
struct Stage {
    line: usize,
    base: Option<usize>,
    is_checked: bool,
}

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut all: Vec<Stage> = Vec::new();
    // By name; as in hadolint, a stage without one goes by the image that it stands on.
    let mut named: HashMap<&str, usize> = HashMap::new();
    for instruction in subject.file.instructions() {
        match instruction.keyword {
            Keyword::From => {
                let image = instruction.words().first().map_or("", |base| Image::of(&base.text).name);
                let base = named.get(image).copied();
                let is_checked = base.and_then(|base| all.get(base)).is_some_and(|base| base.is_checked);
                named.insert(stages::name(instruction).unwrap_or(image), all.len());
                all.push(Stage { line: instruction.line, base, is_checked });
            }
            Keyword::Healthcheck => {
                // What it stands on is checked through it; below one that is checked everything is.
                let mut next = all.len().checked_sub(1);
                while let Some(stage) =
                    next.and_then(|index| all.get_mut(index)).filter(|stage| !stage.is_checked)
                {
                    stage.is_checked = true;
                    next = stage.base;
                }
            }
            _ => {}
        }
    }
    for stage in all.into_iter().filter(|stage| !stage.is_checked) {
        sink.report(
            stage.line,
            "Say how to tell whether it works: HEALTHCHECK CMD [\"<program>\"], or NONE.",
        );
    }
}
