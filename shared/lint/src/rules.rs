//! The rules: one file each with its page beside it, all in one list. Not what becomes of their findings (see `policy`).
//!
//! To add a rule: `<code>.rs` with its `RULE`, `<code>.md` with its page, its line in the list of its folder. The page is what
//! `plimsoll explain` prints and what tests the rule: each code block in it says on which lines the rule must fire.
//!
//! # Folders
//! `dl` hadolint's rules under hadolint's codes (`DL…`) · `docker` Docker's build checks under their own names · `pl` our own (`PL…`) ·
//! [`elsewhere`] the codes of what others find.
//! `packages` and `pip` are what several rules about package managers ask; `image`, `paths`, `stages`, `labels` and `formats` what
//! several about instructions do.

mod declared;
pub(crate) mod dl;
pub(crate) mod docker;
pub mod elsewhere;
mod formats;
pub(crate) mod image;
mod labels;
mod packages;
mod paths;
mod pip;
mod pl;
mod quotes;
mod stages;

#[cfg(test)]
mod pages;

use crate::rule::Rule;

/// Every rule, folder by folder, each folder by code.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [dl::ALL, docker::ALL, pl::ALL].into_iter().flatten().copied()
}

/// The rule with that code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.code == code)
}

/// The rule that wants to know what a build leaves out of its context ([`crate::Context::ignore_file`]).
pub const IGNORED_FILE: &str = docker::IGNORED_FILE;

/// Whether anybody finds something under that code: a rule, who judges by more than the file, or ShellCheck.
pub fn is_known(code: &str) -> bool {
    let others = elsewhere::ALL.iter().any(|other| other.code == code);
    others || is_shellcheck(code) || rule(code).is_some()
}

/// Whether it is ShellCheck's: `SC` and four digits.
pub fn is_shellcheck(code: &str) -> bool {
    code.strip_prefix("SC")
        .is_some_and(|number| number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()))
}
