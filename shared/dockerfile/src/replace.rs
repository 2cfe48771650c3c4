//! Other images in the place of those that a file uses, byte by byte: names, quotes, comments, continuations and the rest stay as they
//! were written. Not which image takes whose place.
//!
//! Where an ARG's default holds what changes, the default is changed. Every result is read again: it must mean what was asked for.

mod origin;

use std::{collections::HashMap, ops::Range};

use artifact::{BaseRole, ImageRef};

use self::origin::Origins;
use crate::{
    document::{Dockerfile, Item},
    edit::Edit,
    image_use::ImageUse,
    inputs::Inputs,
};

/// Why a file cannot be made to use other images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotReplace {
    /// No use has that span.
    #[error("no image is named at the bytes {}..{}", .0.start, .0.end)]
    NotAUse(Range<usize>),
    /// One ARG serves several uses that need different images, or one that is to stay.
    #[error(
        "line {line}: {written} takes its image from the default of ARG {argument}, which other lines use too and need otherwise; \
         give each line an ARG of its own, or write the reference out"
    )]
    Shared {
        /// The line of the use.
        line: usize,
        /// The use as written.
        written: String,
        /// The ARG.
        argument: String,
    },
    /// The text around the reference would change its meaning.
    #[error(
        "line {line}: {written} cannot be replaced without changing more than the image; write the reference out as plain text"
    )]
    Entangled {
        /// The line of the use.
        line: usize,
        /// The use as written.
        written: String,
    },
}

impl CannotReplace {
    /// The line of the use that cannot be replaced, if it is about one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotAUse(_) => None,
            Self::Shared { line, .. } | Self::Entangled { line, .. } => Some(*line),
        }
    }
}

/// One use that changes.
struct Change<'a> {
    image_use: &'a ImageUse,
    /// The reference as it will be spelt.
    spelt: String,
}

/// An edit, and the ARG whose default it changes.
struct Placed {
    edits: Vec<Edit>,
    argument: Option<String>,
}

impl Dockerfile {
    /// The file with other images at the uses that have these spans ([`ImageUse::span`] under the same inputs).
    ///
    /// Only bytes of the references change. Spelling is kept: `alpine:3.19` stays without its registry when its tag alone changes.
    /// Errors are the team's to mend: see [`CannotReplace`].
    pub fn replace_images(
        &self,
        inputs: &Inputs,
        images: &[(Range<usize>, ImageRef)],
    ) -> Result<String, CannotReplace> {
        let uses = self.image_uses(inputs);
        let mut wanted: Vec<Option<&ImageRef>> =
            uses.iter().map(|image_use| image_use.resolved.as_ref().ok()).collect();
        let places: HashMap<&Range<usize>, usize> =
            uses.iter().enumerate().map(|(index, image_use)| (&image_use.span, index)).collect();
        let mut changed = Vec::new();
        for (span, image) in images {
            let place = places.get(span).and_then(|at| Some((uses.get(*at)?, wanted.get_mut(*at)?)));
            let (image_use, place) = place.ok_or_else(|| CannotReplace::NotAUse(span.clone()))?;
            if *place != Some(image) {
                *place = Some(image);
                changed.push((image_use, image));
            }
        }
        if changed.is_empty() {
            // What is not changed means what it meant and need not be read again.
            return Ok(self.text.clone());
        }
        let origins = Origins::of(self, inputs);
        let spelt = |(image_use, image): (_, &ImageRef)| {
            let text = origins.text(image_use);
            let spelt = text.map_or_else(|| image.to_string(), |text| respelt(&text, image_use, image));
            Change { image_use, spelt }
        };
        let changes: Vec<Change<'_>> = changed.into_iter().map(spelt).collect();
        let fine: Vec<Placed> = changes.iter().map(|change| placed(&origins, change)).collect();
        if let Some(text) = self.meaning(inputs, &uses, &wanted, &fine) {
            return Ok(text);
        }
        // An ARG that several lines share cannot say two things: which line is to differ is the team's choice.
        let shared = changes.iter().zip(&fine).find_map(|(change, placed)| {
            placed.argument.clone().map(|argument| CannotReplace::Shared {
                line: change.image_use.line,
                written: change.image_use.written.clone(),
                argument,
            })
        });
        if let Some(shared) = shared {
            return Err(shared);
        }
        let whole: Vec<Placed> = changes.iter().map(whole).collect();
        self.meaning(inputs, &uses, &wanted, &whole).ok_or_else(|| {
            let first = changes.first().map(|change| change.image_use);
            CannotReplace::Entangled {
                line: first.map_or(1, |image_use| image_use.line),
                written: first.map(|image_use| image_use.written.clone()).unwrap_or_default(),
            }
        })
    }

    /// The edited text, if it means what is wanted and nothing else.
    fn meaning(
        &self,
        inputs: &Inputs,
        uses: &[ImageUse],
        wanted: &[Option<&ImageRef>],
        placed: &[Placed],
    ) -> Option<String> {
        let edits: Vec<Edit> = placed.iter().flat_map(|placed| placed.edits.iter().cloned()).collect();
        let text = self.rewrite(&edits).ok()?;
        let after = Self::read(&text);
        let found = after.image_uses(inputs);
        let alike = |(after, (before, wanted)): (&ImageUse, (&ImageUse, &Option<&ImageRef>))| {
            let image = match wanted {
                Some(wanted) => after.resolved.as_ref() == Ok(*wanted),
                None => after.resolved.is_err(),
            };
            image
                && (after.role, after.stage, &after.stage_name)
                    == (before.role, before.stage, &before.stage_name)
        };
        let same = found.len() == uses.len() && found.iter().zip(uses.iter().zip(wanted)).all(alike);
        (same && self.outline().eq(after.outline()) && self.errors.len() == after.errors.len())
            .then_some(text)
    }

    /// What stands where, without the words.
    fn outline(&self) -> impl Iterator<Item = (u8, usize, usize, usize)> {
        self.items.iter().map(|item| match item {
            Item::ByteOrderMark(_) => (0, 0, 0, 0),
            Item::Blank(_) => (1, 0, 0, 0),
            Item::Comment(_) => (2, 0, 0, 0),
            Item::Directive(_) => (3, 0, 0, 0),
            Item::Instruction(instruction) => {
                let inner = instruction.trigger().unwrap_or(instruction);
                let words = inner.words().len() + inner.pairs().len();
                (4 + inner.keyword as u8, inner.flags.len(), words, instruction.heredocs.len())
            }
        })
    }
}

/// The smallest edits that make `change`; those of the whole reference where the bytes behind it cannot be told.
fn placed(origins: &Origins<'_>, change: &Change<'_>) -> Placed {
    let Some(traced) = origins.trace(change.image_use) else { return whole(change) };
    let (old, new) = (traced.text.as_bytes(), change.spelt.as_bytes());
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(start..).unwrap_or_default(), new.get(start..).unwrap_or_default());
    let same = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let gone = start..old.len() - same;
    let comes = change.spelt.get(start..new.len() - same).unwrap_or_default();
    let place = if gone.is_empty() {
        // Behind the character before it, or before the first.
        match start.checked_sub(1) {
            Some(before) => traced
                .origins
                .get(before..start)
                .and_then(|bytes| Some(bytes.first()?.as_ref()?.insert_behind())),
            None => traced.origins.first().and_then(|byte| Some(byte.as_ref()?.insert_before())),
        }
        .map(|(at, argument)| (std::iter::once(at..at).collect(), argument))
    } else {
        traced.origins.get(gone).and_then(|bytes| origin::runs(origins.source(), bytes))
    };
    let Some((runs, argument)) = place else { return whole(change) };
    // Each piece keeps a share, so that the quotes and continuations between them stay inside the reference.
    let mut comes = comes;
    let mut left = runs.len();
    let mut edits = Vec::new();
    for span in runs {
        left -= 1;
        let share = if left == 0 { comes.len() } else { span.len().min(comes.len().saturating_sub(left)) };
        let (piece, rest) = comes.split_at_checked(share).unwrap_or((comes, ""));
        edits.push(Edit { span, replacement: piece.to_owned() });
        comes = rest;
    }
    Placed { edits, argument }
}

fn whole(change: &Change<'_>) -> Placed {
    let edit = Edit { span: change.image_use.span.clone(), replacement: change.spelt.clone() };
    Placed { edits: vec![edit], argument: None }
}

/// `image` in the spelling of `text`, which is what the use says now.
fn respelt(text: &str, image_use: &ImageUse, image: &ImageRef) -> String {
    let Some(old) = image_use.resolved.as_ref().ok().filter(|old| old.repository() == image.repository())
    else {
        return image.to_string();
    };
    let named = text.split('@').next().unwrap_or_default();
    let last = named.rfind('/').map_or(0, |slash| slash + 1);
    let colon = named.get(last..).and_then(|last| last.find(':')).map(|colon| last + colon);
    let mut spelt = named.get(..colon.unwrap_or(named.len())).unwrap_or_default().to_owned();
    let unsaid = colon.is_none() && image.digest().is_none() && image.tag() == old.tag();
    if let Some(tag) = image.tag().filter(|_| !unsaid) {
        spelt.push_str(&format!(":{tag}"));
    }
    if let Some(digest) = image.digest() {
        spelt.push_str(&format!("@{digest}"));
    }
    spelt
}

/// Whether a use is a FROM's: the only place where variables are expanded.
fn is_from(image_use: &ImageUse) -> bool {
    matches!(image_use.role, BaseRole::Base | BaseRole::Stage)
}

#[cfg(test)]
mod tests;
