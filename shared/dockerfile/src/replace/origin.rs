//! Which byte of the file each byte of an expanded reference comes from. Not what is written there instead.
//!
//! It is found out, not computed: a byte is changed, the reference is expanded again, and the byte of the answer that changed with it is
//! the one that came from there. So this can never disagree with how the file is read.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use super::is_from;
use crate::{
    document::Dockerfile,
    expand::{Budget, Scope},
    image_use::ImageUse,
    inputs::Inputs,
    instruction::{Pair, Word},
};

/// The bytes that are tried for one file: a hundred long references. What a hostile file has beyond that is replaced as a whole.
const MOST_BYTES: usize = 8 * 1024;
/// The bytes that are tried for one reference, with the defaults that it takes.
const MOST_BYTES_OF_ONE: usize = 1024;
/// What a definition costs beside its default's bytes: each trial reads it again.
const COST_OF_A_DEFINITION: usize = 8;
/// The steps of one trial: as much as a reference with what it takes can need.
const MOST_STEPS_OF_A_TRIAL: usize = 4 * MOST_BYTES_OF_ONE;

/// Where one byte comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// Its offset in the file.
    at: usize,
    /// The ARG in whose default it stands.
    argument: Option<String>,
}

impl Origin {
    pub(super) fn insert_behind(&self) -> (usize, Option<String>) {
        (self.at + 1, self.argument.clone())
    }

    pub(super) fn insert_before(&self) -> (usize, Option<String>) {
        (self.at, self.argument.clone())
    }
}

/// A reference with the origin of each of its bytes, where there is one.
pub(super) struct Traced {
    pub(super) text: String,
    pub(super) origins: Vec<Option<Origin>>,
}

/// The bytes as pieces of the file, if all are known and stand in one place: the use itself, or one ARG's default. What stands partly
/// inside an expansion (`${NAME:-word}`) and partly outside is no such place: a share of each would mean something else once NAME is
/// given.
pub(super) fn runs(source: &str, bytes: &[Option<Origin>]) -> Option<(Vec<Range<usize>>, Option<String>)> {
    let argument = bytes.first()?.as_ref()?.argument.clone();
    let mut runs: Vec<Range<usize>> = Vec::new();
    for byte in bytes {
        let origin = byte.as_ref().filter(|origin| origin.argument == argument)?;
        match runs.last_mut() {
            Some(run) if run.end == origin.at => run.end += 1,
            Some(run) if run.end > origin.at => return None,
            Some(run) if source.get(run.end..origin.at)?.contains(['$', '{', '}']) => return None,
            _ => runs.push(origin.at..origin.at + 1),
        }
    }
    Some((runs, argument))
}

/// The places from which references may come.
pub(super) struct Origins<'a> {
    file: &'a Dockerfile,
    inputs: &'a Inputs,
    /// The definitions before the first FROM, in order.
    globals: Vec<&'a Pair>,
    /// Their places in that order, by name.
    by_name: HashMap<&'a str, Vec<usize>>,
    scope: Scope<'a>,
    left: Cell<usize>,
}

impl<'a> Origins<'a> {
    pub(super) fn of(file: &'a Dockerfile, inputs: &'a Inputs) -> Self {
        let globals: Vec<&Pair> = file.global_pairs().collect();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, pair) in globals.iter().enumerate() {
            by_name.entry(&pair.name.text).or_default().push(index);
        }
        let scope = Scope::new(globals.iter().copied(), file.escape(), inputs);
        Self { file, inputs, globals, by_name, scope, left: Cell::new(MOST_BYTES) }
    }

    /// The file's text.
    pub(super) fn source(&self) -> &'a str {
        self.file.text()
    }

    /// What a use says once its variables are expanded.
    pub(super) fn text(&self, image_use: &ImageUse) -> Option<String> {
        if is_from(image_use) {
            self.scope.expand(&image_use.written).ok()
        } else {
            Some(image_use.written.clone())
        }
    }

    /// The origin of each byte of a use's reference; none where the file's text cannot be followed.
    pub(super) fn trace(&self, image_use: &ImageUse) -> Option<Traced> {
        let text = self.text(image_use).filter(|text| text.is_ascii())?;
        let written = Word { text: image_use.written.clone(), span: image_use.span.clone() };
        if !is_from(image_use) || text == written.text {
            let offsets = self.offsets(&written, &['"', '\'', self.file.escape().as_char()])?;
            let origins = offsets.into_iter().map(|at| Some(Origin { at, argument: None })).collect();
            return Some(Traced { text, origins });
        }
        let taken = self.taken(&written.text).filter(|_| text.len() <= MOST_BYTES_OF_ONE)?;
        let mut traced = Traced { origins: vec![None; text.len()], text };
        self.trace_word(&written, &taken, &mut traced);
        for place in 0..taken.len() {
            self.trace_default(&written, &taken, place, &mut traced);
        }
        Some(traced)
    }

    fn trace_word(&self, written: &Word, taken: &[&Pair], traced: &mut Traced) {
        let Some(offsets) = self.offsets(written, &[]) else { return };
        for (index, at) in offsets.into_iter().enumerate() {
            let expanded = |marked: &str| self.expand(taken.iter().copied(), marked);
            follow(&written.text, index, expanded, traced, Origin { at, argument: None });
        }
    }

    /// Follows the default of that one of the definitions `taken`.
    fn trace_default(&self, written: &Word, taken: &[&Pair], place: usize, traced: &mut Traced) {
        let Some(pair) = taken.get(place) else { return };
        let Some(default) = pair.value.as_ref().filter(|default| !default.text.is_empty()) else { return };
        let Some(offsets) = self.offsets(default, &[]) else { return };
        let mut changed = (*pair).clone();
        for (index, at) in offsets.into_iter().enumerate() {
            let expanded = |marked: &str| {
                changed.value.as_mut()?.text = marked.to_owned();
                let before = taken.get(..place)?.iter().copied();
                let behind = taken.get(place + 1..)?.iter().copied();
                self.expand(before.chain([&changed]).chain(behind), &written.text)
            };
            let argument = Some(pair.name.text.clone());
            follow(&default.text, index, expanded, traced, Origin { at, argument });
        }
    }

    /// The definitions that `written` can take something from, through each other if need be, in their order; by name, so rather too many.
    /// None where they are too many to try.
    fn taken(&self, written: &str) -> Option<Vec<&'a Pair>> {
        let mut taken = BTreeSet::new();
        let mut bytes = written.len();
        let mut texts = vec![written];
        while let Some(text) = texts.pop().filter(|_| bytes <= MOST_BYTES_OF_ONE) {
            for index in names_in(text).filter_map(|name| self.by_name.get(name)).flatten() {
                if bytes > MOST_BYTES_OF_ONE {
                    break;
                }
                if taken.insert(*index) {
                    let default = self.globals.get(*index).and_then(|pair| pair.value.as_ref());
                    let default = default.map_or("", |default| default.text.as_str());
                    // One that is empty costs something too.
                    bytes += default.len() + COST_OF_A_DEFINITION;
                    texts.push(default);
                }
            }
        }
        // Looking costs, also where nothing comes of it.
        let is_left = self.left.get() >= bytes;
        self.left.set(self.left.get().saturating_sub(bytes));
        let taken = taken.into_iter().filter_map(|index| self.globals.get(index).copied());
        (is_left && bytes <= MOST_BYTES_OF_ONE).then(|| taken.collect())
    }

    fn expand<'p>(&self, globals: impl Iterator<Item = &'p Pair>, written: &str) -> Option<String> {
        let budget = Budget::new(MOST_STEPS_OF_A_TRIAL);
        Scope::within(budget, globals, self.file.escape(), self.inputs).expand(written).ok()
    }

    /// Where each byte of `word` stands in the file, across continuations; `dropped` are characters that the word has lost.
    fn offsets(&self, word: &Word, dropped: &[char]) -> Option<Vec<usize>> {
        let source = self.file.source(&word.span);
        let escape = self.file.escape().as_char();
        let (mut offsets, mut text) = (Vec::new(), String::new());
        let mut position = word.span.start;
        for (number, line) in source.split_inclusive('\n').enumerate() {
            let content = line.trim_end_matches(['\r', '\n']);
            let skipped = number > 0 && (content.trim().is_empty() || content.trim_start().starts_with('#'));
            // Inside a word only a continuation ends a line.
            let piece = match line.ends_with('\n') {
                true => content.trim_end_matches([' ', '\t']).strip_suffix(escape).unwrap_or(content),
                false => content,
            };
            for (index, character) in piece.char_indices().filter(|(_, c)| !skipped && !dropped.contains(c)) {
                offsets.extend((0..character.len_utf8()).map(|byte| position + index + byte));
                text.push(character);
            }
            position += line.len();
        }
        (text == word.text).then_some(offsets)
    }
}

/// What may be the name of a variable in `text`; nothing where it has none.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let text = if text.contains('$') { text } else { "" };
    text.split(move |c| !is_part(c)).filter(|name| !name.is_empty())
}

/// Changes the byte `index` of `text` and notes which one byte of the expansion follows it.
fn follow(
    text: &str,
    index: usize,
    mut expanded: impl FnMut(&str) -> Option<String>,
    traced: &mut Traced,
    origin: Origin,
) {
    let Some(original) = text.get(index..index + 1) else { return };
    // A letter may become part of a name that stands beside it, the other mark may end one: only what follows both is the byte itself.
    let marks = if original == "q" { ["z", "\u{e000}"] } else { ["q", "\u{e000}"] };
    let mut position = |mark: &str| {
        let marked = format!("{}{mark}{}", text.get(..index)?, text.get(index + 1..)?);
        let expanded = expanded(&marked)?;
        let at = expanded.bytes().zip(traced.text.bytes()).take_while(|(new, old)| new == old).count();
        let unmarked =
            format!("{}{original}{}", expanded.get(..at)?, expanded.get(at..)?.strip_prefix(mark)?);
        (unmarked == traced.text).then_some(at)
    };
    let [Some(one), Some(other)] = marks.map(&mut position) else { return };
    if let Some(place) = traced.origins.get_mut(one).filter(|_| one == other) {
        *place = Some(origin);
    }
}
