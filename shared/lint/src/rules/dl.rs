//! hadolint's rules, learned from what it documents and prints: same code, level and line as hadolint 2.15. The words are ours.

pub(crate) mod dl1000;
mod dl3000;
mod dl3002;
mod dl3004;
mod dl3006;
mod dl3007;
mod dl3008;
mod dl3020;
mod dl3025;
mod dl4000;
mod dl4003;
mod dl4004;

use crate::rule::Rule;

/// Every rule of the folder, by code.
pub(super) const ALL: &[&Rule] = &[
    &dl1000::RULE,
    &dl3000::RULE,
    &dl3002::RULE,
    &dl3004::RULE,
    &dl3006::RULE,
    &dl3007::RULE,
    &dl3008::RULE,
    &dl3020::RULE,
    &dl3025::RULE,
    &dl4000::RULE,
    &dl4003::RULE,
    &dl4004::RULE,
];
