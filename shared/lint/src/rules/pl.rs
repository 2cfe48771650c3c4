//! Our own rules, which no other linter has under a code of its own.

mod pl1001;
mod pl1002;
mod pl1003;

use crate::rule::Rule;

/// Every rule of the folder, by code.
pub(super) const ALL: &[&Rule] = &[&pl1001::RULE, &pl1002::RULE, &pl1003::RULE];
