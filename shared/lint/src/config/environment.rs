//! `HADOLINT_*`. Otherwise than hadolint, which passes over a value that it cannot read, we say so.

use super::{Config, Mistake, Place, Problem};
use crate::finding::Level;

/// The variables that give codes a level.
const LEVELS: [(&str, Level); 4] = [
    ("HADOLINT_OVERRIDE_ERROR", Level::Error),
    ("HADOLINT_OVERRIDE_WARNING", Level::Warning),
    ("HADOLINT_OVERRIDE_INFO", Level::Info),
    ("HADOLINT_OVERRIDE_STYLE", Level::Style),
];

pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Config, Vec<Mistake>> {
    // A variable that is set to nothing is as good as none.
    let word = |name: &str| variable(name).filter(|value| !value.is_empty());
    let list = |name: &str| words(&word(name).unwrap_or_default());
    let yes = |name: &str| word(name).map(|value| is_yes(&value));
    let mut mistakes = Vec::new();
    let mut config = Config {
        ignored: list("HADOLINT_IGNORE"),
        no_fail: yes("HADOLINT_NOFAIL"),
        verbose: yes("HADOLINT_VERBOSE"),
        // Set to anything, it counts: <https://no-color.org>.
        no_color: word("NO_COLOR").map(|_| true),
        trusted_registries: list("HADOLINT_TRUSTED_REGISTRIES"),
        strict_labels: yes("HADOLINT_STRICT_LABELS"),
        disable_ignore_pragma: yes("HADOLINT_DISABLE_IGNORE_PRAGMA"),
        ..Config::default()
    };
    for (name, level) in LEVELS {
        list(name).into_iter().for_each(|code| config.raise(code, level));
    }
    let mut wrong = |name, problem| mistakes.push(Mistake { place: Place::Variable(name), problem });
    if let Some(value) = word("HADOLINT_FAILURE_THRESHOLD") {
        match super::threshold(&value) {
            Ok(level) => config.failure_threshold = Some(level),
            Err(problem) => wrong("HADOLINT_FAILURE_THRESHOLD", problem),
        }
    }
    if let Some(value) = word("HADOLINT_FORMAT") {
        match value.parse() {
            Ok(format) => config.format = Some(format),
            Err(invalid) => wrong("HADOLINT_FORMAT", Problem::NotAFormat(invalid)),
        }
    }
    for value in list("HADOLINT_REQUIRE_LABELS") {
        match super::label(&value) {
            Ok((name, format)) => {
                config.label_schema.insert(name, format);
            }
            Err(problem) => wrong("HADOLINT_REQUIRE_LABELS", problem),
        }
    }
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

/// The words between commas.
fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_yes(word: &str) -> bool {
    ["1", "y", "yes", "true", "on"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
}
