//! InvalidDefaultArgInFrom: defaults make an image name.

use std::collections::HashMap;

use artifact::ImageRef;
use dockerfile::Instruction;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::docker::variables,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "InvalidDefaultArgInFrom",
    level: Level::Ignore,
    page: include_str!("invalid_default_arg_in_from.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let escape = subject.file.escape().as_char();
    let mut defaults: HashMap<&str, String> = HashMap::new();
    let mut left = variables::MOST_BYTES;
    for pair in subject.file.global_arguments().flat_map(Instruction::pairs) {
        let value =
            pair.value.as_ref().map(|value| variables::expand(&value.text, escape, &defaults, &mut left));
        // What cannot be worked out is not judged.
        let Some(value) = value.unwrap_or_else(|| Some(String::new())) else { return };
        defaults.insert(&pair.name.text, value);
    }
    for stage in subject.file.stages() {
        let Some(base) = stage.base.as_ref().filter(|base| base.text.contains('$')) else { continue };
        let uses_platform =
            variables::names(&base.text, escape).iter().any(|name| variables::is_predefined(name));
        match variables::expand(&base.text, escape, &defaults, &mut left) {
            Some(name) if !uses_platform && name.parse::<ImageRef>().is_err() => {
                let message = format!("Give the ARGs in {} defaults that make an image name.", base.text);
                sink.report_at(stage.line, &base.span, message);
            }
            _ => {}
        }
    }
}
