//! Docker's build checks under their own names, learned from BuildKit's documentation and code. Off, so that `plimsoll lint` says what
//! hadolint says, until [`Policy::with_docker_checks`] or a level of their own turns them on; where a rule of another folder says the
//! same, that one is told.
//!
//! A file's own `# check=skip=…;error=true` counts, at its top for all of it and right above an instruction for that one.

pub(crate) mod directive;
mod ignored;
mod stages;
mod variables;

mod consistent_instruction_casing;
mod copy_ignored_file;
mod duplicate_stage_name;
mod expose_invalid_format;
mod expose_proto_casing;
mod from_as_casing;
mod from_platform_flag_const_disallowed;
mod invalid_base_image_platform;
mod invalid_default_arg_in_from;
mod invalid_definition_description;
mod json_args_recommended;
mod legacy_key_value_format;
mod maintainer_deprecated;
mod multiple_instructions_disallowed;
mod no_empty_continuation;
mod redundant_target_platform;
mod reserved_stage_name;
mod secrets_used_in_arg_or_env;
mod stage_name_casing;
mod undefined_arg_in_from;
mod undefined_var;
mod workdir_relative_path;

use crate::{finding::Level, policy::Policy, rule::Rule, rules};

/// The code of the rule about `.dockerignore`.
pub(super) const IGNORED_FILE: &str = copy_ignored_file::RULE.code;

/// Whether any of them is looked at.
pub(crate) fn are_on(policy: &Policy) -> bool {
    ALL.iter().any(|rule| policy.level_of(rule.code, rule.level).is_some())
}

/// Every rule of the folder, by code.
pub(super) const ALL: &[&Rule] = &[
    &consistent_instruction_casing::RULE,
    &copy_ignored_file::RULE,
    &duplicate_stage_name::RULE,
    &expose_invalid_format::RULE,
    &expose_proto_casing::RULE,
    &from_as_casing::RULE,
    &from_platform_flag_const_disallowed::RULE,
    &invalid_base_image_platform::RULE,
    &invalid_default_arg_in_from::RULE,
    &invalid_definition_description::RULE,
    &json_args_recommended::RULE,
    &legacy_key_value_format::RULE,
    &maintainer_deprecated::RULE,
    &multiple_instructions_disallowed::RULE,
    &no_empty_continuation::RULE,
    &redundant_target_platform::RULE,
    &reserved_stage_name::RULE,
    &secrets_used_in_arg_or_env::RULE,
    &stage_name_casing::RULE,
    &undefined_arg_in_from::RULE,
    &undefined_var::RULE,
    &workdir_relative_path::RULE,
];

/// Checks that other rules make needless: all of these rules together say what the check says.
const SAID_BY: [(&Rule, &[&str]); 7] = [
    (&duplicate_stage_name::RULE, &["DL3024"]),
    (&json_args_recommended::RULE, &["DL3025"]),
    (&maintainer_deprecated::RULE, &["DL4000"]),
    (&multiple_instructions_disallowed::RULE, &["DL3012", "DL4003", "DL4004"]),
    (&reserved_stage_name::RULE, &["DL3063"]),
    (&secrets_used_in_arg_or_env::RULE, &["PL1001"]),
    (&workdir_relative_path::RULE, &["DL3000"]),
];

/// Docker itself asks to be asked for these.
const EXPERIMENTAL: [&Rule; 1] = [&invalid_definition_description::RULE];

impl Policy {
    /// This policy with Docker's build checks on, as warnings like Docker's; except those that a rule of this policy tells anyway, the
    /// experimental ones, and those about which it says something already.
    #[must_use]
    pub fn with_docker_checks(mut self) -> Self {
        let is_told = |policy: &Self, code: &&str| {
            rules::rule(code).is_some_and(|rule| policy.level_of(rule.code, rule.level).is_some())
        };
        for rule in ALL {
            let said_by = SAID_BY.iter().find(|(check, _)| check.code == rule.code).map(|(_, codes)| *codes);
            let is_needless = said_by.is_some_and(|codes| codes.iter().all(|code| is_told(&self, code)));
            if !is_needless && !EXPERIMENTAL.iter().any(|check| check.code == rule.code) {
                self.levels.entry(rule.code.to_owned()).or_insert(Level::Warning);
            }
        }
        self
    }
}

/// Whether a code is one of Docker's checks.
pub(crate) fn is_check(code: &str) -> bool {
    ALL.iter().any(|rule| rule.code == code)
}

#[cfg(test)]
mod tests;
