//! InvalidBaseImagePlatform: bases are for the platform.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "InvalidBaseImagePlatform",
    level: Level::Ignore,
    page: include_str!("invalid_base_image_platform.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let context = &here.subject.context;
    let Some(base) = here.instruction.words().first() else { return };
    let Some(actual) = context.base_platforms.get(&base.text) else { return };
    let wanted = here.instruction.flag("platform").filter(|platform| !platform.contains('$'));
    let Some(expected) = wanted.or(context.platform.as_deref()) else { return };
    let kind = |platform: &str| platform.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    if actual.iter().all(|actual| kind(actual) != kind(expected)) {
        let message = format!("{} is for {}, and {expected} is built for.", base.text, actual.join(", "));
        sink.report_at(here.line, &base.span, message);
    }
}
