//! A lossless Dockerfile: every byte kept, every part with its place, every image use named. Not a builder, and not a linter.
//!
//! The grammar is BuildKit's (`frontend/dockerfile/parser`), the official one. Where the builders in use read one text in two ways,
//! the text is either refused ([`Unresolved`]) or named ([`Dockerfile::disputes`]): whoever decides about images must never read a
//! file otherwise than whoever builds it. Pure: no IO, no clock; time and memory are linear in the text.

mod blank;
mod directive;
mod dispute;
mod document;
mod edit;
mod error;
mod expand;
mod image_use;
mod inputs;
mod instruction;
mod line;
mod logical;
mod parse;
mod patch;
mod pattern;
mod replace;
mod shell;
mod stage;

pub use directive::{Directive, DirectiveName, Escape};
pub use dispute::{Dispute, DisputeKind};
pub use document::{Comment, Dockerfile, Item, NotText};
pub use edit::{Edit, InvalidEdit};
pub use error::{ParseError, ParseErrorKind, ParseErrors};
pub use expand::PLATFORM_ARGUMENTS;
pub use image_use::{ImageUse, Unresolved};
pub use inputs::Inputs;
pub use instruction::{
    Arguments, Flag, Heredoc, HeredocBody, HeredocTabs, Instruction, Keyword, MountField, Pair, Word,
};
pub use patch::unified_diff;
pub use replace::CannotReplace;
pub use stage::Stage;

#[cfg(test)]
mod tests;
