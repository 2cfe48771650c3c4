//! DL3026: images come from the registries that the policy trusts.

use std::collections::BTreeSet;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::image::Image,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3026", level: Level::Error, page: include_str!("dl3026.md"), check: Check::File(check) };

/// Where images without a registry come from.
const DEFAULT: [&str; 2] = ["docker.io", "hub.docker.com"];

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let trusted = &sink.policy.trusted_registries;
    if trusted.is_empty() {
        return;
    }
    let mut stages = BTreeSet::new();
    for stage in subject.file.stages() {
        let Some(base) = &stage.base else { continue };
        let image = Image::of(&base.text);
        let is_trusted = |registry: &str| trusted.iter().any(|pattern| matches(pattern, registry));
        // As hadolint has it, a stage's name counts whatever registry stands before it.
        let known = stages.contains(image.name)
            || match image.registry {
                Some(registry) => is_trusted(registry),
                None => image.name == "scratch" || DEFAULT.into_iter().any(is_trusted),
            };
        if !known {
            let registries = trusted.join(", ");
            let message = format!("{} is not from a trusted registry; take it from {registries}.", base.text);
            sink.report_at(stage.line, &base.span, message);
        }
        stages.extend(stage.name.as_deref());
    }
}

/// A registry, or one with a `*` at its beginning or its end.
fn matches(pattern: &str, registry: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => registry.ends_with(end),
        (None, Some(start)) => registry.starts_with(start),
        (None, None) => pattern == registry,
    }
}
