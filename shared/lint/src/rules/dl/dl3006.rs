//! DL3006: every image has a tag or a digest.

use std::collections::BTreeSet;

use dockerfile::Stage;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::{image::Image, quotes},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3006",
    level: Level::Warning,
    page: include_str!("dl3006.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut stages = BTreeSet::new();
    for stage in subject.file.stages() {
        if let Some(image) = untagged(stage).filter(|image| !stages.contains(Image::of(image).name)) {
            sink.report(stage.line, format!("Say which version of {image} is meant: {image}:<tag>."));
        }
        stages.extend(stage.name.as_deref());
    }
}

/// The stage's image, if it has neither tag nor digest and its name is more than a variable. As hadolint has it, quotes are part of the
/// reference, and only what stands behind the registry is the name.
fn untagged(stage: &Stage) -> Option<&str> {
    let written = &stage.base.as_ref()?.text;
    let image = Image::of(written);
    let known = image.name == "scratch" || image.name.starts_with('$') || image.is_pinned;
    (!known).then(|| quotes::bare(written))
}
