//! Every way in which a build brings in what others made, with its role and the bytes that name it. Not whether that is allowed.
//!
//! Seven doors: FROM, `COPY --from`, `RUN --mount=from`, `# syntax`, ONBUILD triggers of the images below, named contexts, and ADD where
//! there is no image below ([`BaseRole::Add`]). What the commit itself holds and COPY brings in is source, and no use. What
//! cannot be known from the text, and what two builders read in two ways, is reported as [`Unresolved`], never left out.

mod frontend;
mod inner;
mod resolve;
mod trigger;

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use artifact::{BaseRole, ImageRef};

use self::{
    inner::Site,
    resolve::{Meaning, Resolver},
};
use crate::{document::Dockerfile, inputs::Inputs};

/// One use of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// How its content gets in. `Base` for the FROM that the target stage stands on, through other stages if need be.
    pub role: BaseRole,
    /// The number of the stage that uses it; none for a frontend.
    pub stage: Option<usize>,
    /// That stage's name, if it has one.
    pub stage_name: Option<Arc<str>>,
    /// The line of the instruction, from 1.
    pub line: usize,
    /// The bytes to replace by another reference. Empty where nothing in the file names the image.
    pub span: Range<usize>,
    /// The reference as the file has it, variables included. What ADD adds, as written.
    pub written: String,
    /// The ONBUILD trigger that brings it in, where that stands in the configuration of the image that the stage stands on.
    pub trigger: Option<String>,
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
    /// Every use of an image under these inputs, by line.
    ///
    /// `scratch`, and stages by name or number, are no images. Uses in ONBUILD triggers of the file are included: they happen in the
    /// builds on top. A use that is [`Unresolved`] must be refused wherever images are held to a catalog; so is each of the role
    /// [`BaseRole::Add`], which no reference names.
    pub fn image_uses(&self, inputs: &Inputs) -> Vec<ImageUse> {
        let resolver = Resolver::new(self, inputs);
        let mut uses = frontend::frontends(self, &inputs.arguments);
        let bases: Vec<Meaning> = self.stages().iter().map(|stage| resolver.base(self, stage)).collect();
        let chain = target_chain(&bases);
        let mut bare: Vec<bool> = Vec::new();
        for (stage, base) in self.stages().iter().zip(bases) {
            let role = if chain.contains(&stage.index) { BaseRole::Base } else { BaseRole::Stage };
            let is_bare = match &base {
                Meaning::Scratch => true,
                Meaning::Stage(below) => bare.get(*below).copied().unwrap_or_default(),
                Meaning::Image(_) | Meaning::Unresolved(_) => false,
            };
            bare.push(is_bare);
            if let Some(word) = &stage.base {
                uses.extend(base.image_use(role, stage, stage.line, word.span.clone(), &word.text));
            }
            for text in inputs.triggers.get(&stage.index).into_iter().flatten() {
                trigger::uses(&resolver, stage, text, &mut uses);
            }
            for instruction in self.body(stage) {
                let deferred = instruction.trigger();
                let site = Site {
                    file: self,
                    stage,
                    line: instruction.line,
                    is_deferred: deferred.is_some(),
                    is_bare,
                };
                inner::uses(&resolver, &site, deferred.unwrap_or(instruction), &mut uses);
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
