//! Rewriting: the file with other images is the file but for the references, and its patch makes the one of the other.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use artifact::ImageRef;
use dockerfile::{Arguments, Dockerfile, Edit, ImageUse, Inputs, Instruction, Item};

use crate::diff;

/// What takes the place of what was there.
const IMAGES: [&str; 5] = [
    "new.example/base:2@sha256:0123456789012345678901234567890123456789012345678901234567890123",
    "alpine:4.0.1-slim",
    "r.io/os:1.3",
    "r.io/os",
    "localhost:5000/a_b/c__d-e.f:T",
];

/// Checks one text; each byte of `answers` says what becomes of one use.
pub fn check(text: &str, inputs: &Inputs, answers: &[u8]) {
    let file = Dockerfile::read(text);
    let uses = file.image_uses(inputs);
    // What stands in no file cannot be rewritten.
    let is_here = |image_use: &&ImageUse| image_use.trigger.is_none() && !image_use.span.is_empty();
    let resolved = |image_use: &ImageUse| Some((image_use.span.clone(), image_use.resolved.clone().ok()?));
    let as_they_are: Vec<(Range<usize>, ImageRef)> =
        uses.iter().filter(is_here).filter_map(resolved).collect();
    let same = file.replace_images(inputs, &as_they_are);
    assert_eq!(same.as_deref(), Ok(text), "what is the same already stays byte by byte");

    let mut answers = answers.iter().copied().cycle();
    let wanted: Vec<(Range<usize>, ImageRef)> = as_they_are
        .into_iter()
        .filter_map(|(span, _)| {
            let image = IMAGES.get(usize::from(answers.next()?) % (IMAGES.len() + 2))?;
            Some((span, image.parse().expect("it is a reference")))
        })
        .collect();
    let Ok(replaced_text) = file.replace_images(inputs, &wanted) else { return };
    let replaced = Dockerfile::read(&replaced_text);
    let again = replaced.image_uses(inputs);
    assert_eq!(again.len(), uses.len());
    let asked: HashMap<&Range<usize>, &ImageRef> =
        wanted.iter().rev().map(|(span, image)| (span, image)).collect();
    for (after, before) in again.iter().zip(&uses) {
        let asked = asked.get(&before.span).copied();
        assert_eq!(after.resolved.as_ref().ok(), asked.or(before.resolved.as_ref().ok()));
        assert_eq!(
            (after.role, after.stage, &after.stage_name),
            (before.role, before.stage, &before.stage_name)
        );
    }
    assert_eq!(frame(&replaced, &again), frame(&file, &uses), "no byte outside a reference has changed");
    let (before, after) = (tree(&file, &uses), tree(&replaced, &again));
    assert_eq!(before, after, "the tree is the same but for the references");
    diff::check(text, &replaced_text);
}

/// The file's bytes without those that may change: its references, and the defaults before its first FROM.
fn frame(file: &Dockerfile, uses: &[ImageUse]) -> String {
    let mut spans: Vec<Range<usize>> = uses.iter().map(|image_use| image_use.span.clone()).collect();
    let globals = file.global_arguments().flat_map(|global| global.pairs());
    spans.extend(globals.filter_map(|pair| Some(pair.value.as_ref()?.span.clone())));
    spans.sort_by_key(|span| (span.start, span.end));
    // A flag as a whole may be one use, and a part of it another.
    spans.dedup_by(|next, before| {
        let meet = next.start < before.end;
        before.end = if meet { before.end.max(next.end) } else { before.end };
        meet || next == before
    });
    let removed: Vec<Edit> =
        spans.into_iter().map(|span| Edit { span, replacement: String::new() }).collect();
    file.rewrite(&removed).expect("they are apart")
}

/// The tree in words, with a mark in the place of what may change.
fn tree(file: &Dockerfile, uses: &[ImageUse]) -> Vec<String> {
    let spans: HashSet<&Range<usize>> = uses.iter().map(|image_use| &image_use.span).collect();
    let marked = |text: &str, span: &Range<usize>| match spans.contains(span) {
        true => "<image>".to_owned(),
        false => text.to_owned(),
    };
    let mut is_global = true;
    let mut tree = Vec::new();
    for item in file.items() {
        let Item::Instruction(instruction) = item else {
            tree.push(format!("{:?}", std::mem::discriminant(item)));
            continue;
        };
        is_global &= instruction.keyword != dockerfile::Keyword::From;
        let mut said = told(instruction, &marked, is_global);
        if let Some(trigger) = instruction.trigger() {
            said.push(' ');
            said.push_str(&told(trigger, &marked, false));
        }
        for heredoc in &instruction.heredocs {
            said.push_str(&format!(" <<{} {:?}", heredoc.name, file.source(&heredoc.body)));
        }
        tree.push(said);
    }
    tree
}

fn told(
    instruction: &Instruction,
    marked: &dyn Fn(&str, &Range<usize>) -> String,
    is_global: bool,
) -> String {
    let mut said = instruction.keyword.to_string();
    for flag in &instruction.flags {
        let value = flag.value.as_deref().unwrap_or_default();
        let spans: Vec<&Range<usize>> =
            flag.fields.iter().filter_map(|field| field.value_span.as_ref()).collect();
        let has_image =
            spans.iter().chain(&flag.value_span.as_ref()).any(|span| marked("", span) == "<image>")
                || marked("", &flag.span) == "<image>";
        said.push_str(&format!(" --{}={}", flag.name, if has_image { "<image>" } else { value }));
        said.push_str(&format!("[{}]", flag.fields.len()));
    }
    match &instruction.arguments {
        Arguments::Words(words) => {
            words.iter().for_each(|word| said.push_str(&format!(" {:?}", marked(&word.text, &word.span))));
        }
        Arguments::Pairs(pairs) => {
            for pair in pairs {
                let value =
                    pair.value.as_ref().map(|value| if is_global { "<default>" } else { &value.text });
                said.push_str(&format!(" {}={value:?}", pair.name.text));
            }
        }
        Arguments::Text(text) => said.push_str(&format!(" {:?}", text.text)),
        Arguments::List(items, _) => said.push_str(&format!(" {items:?}")),
        Arguments::Healthcheck(kind, command) => {
            said.push_str(&format!(" {} {:?}", kind.text, std::mem::discriminant(&**command)));
        }
        Arguments::Trigger(_) | Arguments::None => {}
    }
    said
}
