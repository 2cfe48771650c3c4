//! Every way in which a Dockerfile brings in an image, with its role and the bytes that name it. Not whether that is allowed.
//!
//! What cannot be known from the text, and what two builders read in two ways, is reported as [`Unresolved`], never left out.

mod frontend;
mod resolve;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use artifact::{BaseRole, ImageRef};

use self::resolve::{Meaning, Resolver};
use crate::document::Dockerfile;

/// One use of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// How its content gets in. `Base` for the FROM that the target stage stands on, through other stages if need be.
    pub role: BaseRole,
    /// The number of the stage that uses it; none for a frontend.
    pub stage: Option<usize>,
    /// That stage's name, if it has one.
    pub stage_name: Option<String>,
    /// The line of the instruction, from 1.
    pub line: usize,
    /// The bytes to replace by another reference. Empty where nothing in the file names the image.
    pub span: Range<usize>,
    /// The reference as the file has it, variables included.
    pub written: String,
    /// The image, or why it cannot be told.
    pub resolved: Result<ImageRef, Unresolved>,
}

/// Why the text does not tell which image is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unresolved {
    /// The reason and the way out, as a sentence without full stop.
    pub reason: String,
}

impl Dockerfile {
    /// Every use of an image under these build arguments, by line.
    ///
    /// `scratch`, and stages by name or number, are no images. Uses in ONBUILD triggers are included: they happen in the builds
    /// on top. A use that is [`Unresolved`] must be refused wherever images are held to a catalog.
    pub fn image_uses(&self, build_args: &BTreeMap<String, String>) -> Vec<ImageUse> {
        let resolver = Resolver::new(self, build_args);
        let mut uses = frontend::frontends(self, build_args);
        let bases: Vec<Meaning> = self.stages().iter().map(|stage| resolver.base(stage)).collect();
        let chain = target_chain(&bases);
        for (stage, base) in self.stages().iter().zip(bases) {
            let role = if chain.contains(&stage.index) { BaseRole::Base } else { BaseRole::Stage };
            if let Some(word) = &stage.base {
                uses.extend(base.image_use(role, stage, stage.line, word.span.clone(), &word.text));
            }
            for instruction in self.body(stage) {
                resolver.inner(stage, instruction, &mut uses);
            }
        }
        uses
    }
}

/// The target stage and the stages below it.
fn target_chain(bases: &[Meaning]) -> BTreeSet<usize> {
    let mut chain = BTreeSet::new();
    let mut at = bases.len().checked_sub(1);
    // Each stage stands on an earlier one or on none, so this ends.
    while let Some(index) = at {
        chain.insert(index);
        at = match bases.get(index) {
            Some(Meaning::Stage(below)) => Some(*below),
            _ => None,
        };
    }
    chain
}
