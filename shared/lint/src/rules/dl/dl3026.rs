//! DL3026: images come from the registries that the policy trusts.

use std::{collections::BTreeSet, ops::Range};

use dockerfile::{Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::{image::Image, stages},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3026", level: Level::Error, page: include_str!("dl3026.md"), check: Check::File(check) };

/// Where images without a registry come from.
const DEFAULT: [&str; 2] = ["docker.io", "hub.docker.com"];

/// The mounts that show what an image holds.
const SHOWN: [&str; 2] = ["bind", "cache"];

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let trusted = &sink.policy.trusted_registries;
    if trusted.is_empty() {
        return;
    }
    let mut stages = BTreeSet::new();
    for instruction in subject.file.instructions() {
        let uses = match instruction.keyword {
            Keyword::From => {
                instruction.words().first().map(|base| (base.text.as_str(), &base.span)).into_iter().collect()
            }
            Keyword::Copy => stages::copied_from(subject, instruction).into_iter().collect(),
            Keyword::Run => mounted(instruction).collect(),
            _ => Vec::new(),
        };
        // One finding an instruction, whatever it takes from where.
        if let Some((image, span)) = uses.into_iter().find(|(image, _)| !is_known(image, &stages, trusted)) {
            let registries = trusted.join(", ");
            let message = format!("{image} is not from a trusted registry; take it from {registries}.");
            sink.report_at(instruction.line, span, message);
        }
        if instruction.keyword == Keyword::From {
            stages.extend(stages::name(instruction));
        }
    }
}

/// A stage above, by its name and whatever registry stands before it, as hadolint has it; or an image from where the policy wants it.
fn is_known(image: &str, stages: &BTreeSet<&str>, trusted: &[String]) -> bool {
    let image = Image::of(image);
    let is_trusted = |registry: &str| trusted.iter().any(|pattern| matches(pattern, registry));
    stages.contains(image.name)
        || match image.registry {
            Some(registry) => is_trusted(registry),
            None => image.name == "scratch" || DEFAULT.into_iter().any(is_trusted),
        }
}

/// What the mounts of a RUN come from, if that is not the context.
fn mounted(run: &Instruction) -> impl Iterator<Item = (&str, &Range<usize>)> {
    run.flags_named("mount").filter_map(|mount| {
        let field = |key: &str| mount.fields.iter().find(|field| field.key == key)?.value.as_deref();
        let is_shown = field("type").is_none_or(|kind| SHOWN.contains(&kind));
        let from = field("from").filter(|from| is_shown && !from.is_empty())?;
        Some((from, &mount.span))
    })
}

/// A registry, or one with a `*` at its beginning or its end.
fn matches(pattern: &str, registry: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => registry.ends_with(end),
        (None, Some(start)) => registry.starts_with(start),
        (None, None) => pattern == registry,
    }
}
