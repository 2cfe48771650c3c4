//! The uses inside one instruction of a stage: `COPY --from`, `RUN --mount=from`, and ADD where there is no image below.

use std::ops::Range;

use artifact::BaseRole;

use super::{
    ImageUse,
    resolve::{Meaning, Resolver},
};
use crate::{
    document::Dockerfile,
    instruction::{Arguments, Instruction, Keyword},
    stage::Stage,
};

/// Where an instruction stands.
pub(super) struct Site<'a> {
    /// The text that its spans belong to.
    pub(super) file: &'a Dockerfile,
    pub(super) stage: &'a Stage,
    pub(super) line: usize,
    /// Whether an ONBUILD of this file leaves it to the builds on top.
    pub(super) is_deferred: bool,
    /// Whether its stage stands on no image at all.
    pub(super) is_bare: bool,
}

/// Adds what `instruction` brings in.
pub(super) fn uses(
    resolver: &Resolver<'_>,
    site: &Site<'_>,
    instruction: &Instruction,
    uses: &mut Vec<ImageUse>,
) {
    let mut add = |role, value: &Option<String>, value_span: &Option<Range<usize>>, all: &Range<usize>| {
        let written = value.as_deref().unwrap_or_default();
        let meaning = match value_span {
            _ if written.is_empty() => {
                Meaning::Unresolved("from names nothing; write from=<image or stage>".to_owned())
            }
            None => Meaning::Unresolved(format!("the quotes around {written} do not pair up; remove them")),
            Some(_) => resolver.source(role, site, written),
        };
        let span = value_span.clone().unwrap_or(all.clone());
        uses.extend(meaning.image_use(role, site.stage, site.line, span, written));
    };
    match instruction.keyword {
        // ADD has no --from; whatever a builder makes of one, it is looked at.
        Keyword::Copy | Keyword::Add => {
            for flag in instruction.flags.iter().filter(|flag| flag.name.eq_ignore_ascii_case("from")) {
                add(BaseRole::Copy, &flag.value, &flag.value_span, &flag.span);
            }
        }
        Keyword::Run => {
            for flag in &instruction.flags {
                for field in flag.fields.iter().filter(|field| field.key.trim() == "from") {
                    add(BaseRole::Mount, &field.value, &field.value_span, &flag.span);
                }
            }
        }
        _ => {}
    }
    if instruction.keyword == Keyword::Add && site.is_bare {
        uses.extend(sources(site.file, instruction).into_iter().filter_map(|(source, span)| {
            let reason = format!(
                "ADD unpacks {source} where there is no image below, a root file system that no catalog can place; build on a \
                 catalogued base, or COPY what the source itself holds"
            );
            Meaning::Unresolved(reason).image_use(BaseRole::Add, site.stage, site.line, span, &source)
        }));
    }
}

/// What an ADD adds, with the bytes that name it; none where they cannot be told apart. Heredocs stand in the file itself.
pub(super) fn sources(file: &Dockerfile, add: &Instruction) -> Vec<(String, Range<usize>)> {
    let mut sources: Vec<(String, Range<usize>)> = match &add.arguments {
        Arguments::Words(words) => words.iter().map(|word| (word.text.clone(), word.span.clone())).collect(),
        Arguments::List(items, list) => {
            let mut from = list.start;
            let span = |item: &String| {
                let rest = file.source(&(from..list.end));
                let found =
                    rest.find(&format!("\"{item}\"")).map(|at| from + at + 1..from + at + 1 + item.len());
                // Behind one that is written with escapes the others are not looked for: a search that fails reads to the end.
                from = found.as_ref().map_or(list.end, |found| found.end + 1);
                found.unwrap_or(list.start..list.start)
            };
            let spans: Vec<_> = items.iter().map(span).collect();
            items.iter().cloned().zip(spans).collect()
        }
        _ => Vec::new(),
    };
    sources.pop();
    sources.retain(|(source, _)| {
        let descriptor = source.trim_start_matches(|c: char| c.is_ascii_digit());
        add.heredocs.is_empty() || !descriptor.starts_with("<<")
    });
    sources
}
