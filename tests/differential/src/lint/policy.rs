//! The two configurations that files are read under: hadolint's own, and one that turns on everything that is off. Not what either finds.

use lint::{Config, Policy};

/// What is off by default, and the rules that ask a policy.
const FULL: &str = "\
override:
  warning: [DL1001, DL3057]
trustedRegistries: [docker.io, 'trusted.example*', '*.microsoft.com']
strict-labels: true
label-schema:
  created: rfc3339
  version: semver
  url: url
  revision: hash
  license: spdx
  contact: email
  title: text
";
/// The default.
const PLAIN: &str = "{}\n";

/// Both, ready to be used.
#[derive(Debug)]
pub struct Policies {
    plain: Policy,
    full: Policy,
}

impl Policies {
    /// Both, from one text for the two sides.
    pub fn new() -> Self {
        let policy = |yaml| Config::from_yaml(yaml).unwrap_or_default().into_policy();
        Self { plain: policy(PLAIN), full: policy(FULL) }
    }

    /// Each with the text that it is configured by.
    pub fn each(&self) -> [(&Policy, &'static str); 2] {
        [(&self.plain, PLAIN), (&self.full, FULL)]
    }

    /// Whether the file of that number is read under this text: they take turns.
    pub fn is_for(&self, yaml: &str, index: usize) -> bool {
        (yaml == FULL) == (index % 2 == 1)
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self::new()
    }
}
