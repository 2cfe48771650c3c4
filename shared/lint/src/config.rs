//! What a user configures, in hadolint's words: `.hadolint.yaml`, `HADOLINT_*`, flags, and what they come to together. Pure: who
//! looks for files and reads the environment is the caller.
//!
//! Of several sources, hadolint takes single values from the flags, else the file, else the environment; lists are put together; of
//! several levels for one code the worst counts; and of several formats for one label the environment's, else the file's.

mod environment;
mod yaml;

use std::{collections::BTreeMap, fmt};

use crate::{
    finding::Level,
    policy::{InvalidLabelFormat, LabelFormat, Policy, Silencing},
    render::{Format, InvalidFormat},
};

/// What one source says; none and empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Codes that are not looked at.
    pub ignored: Vec<String>,
    /// Codes with another level than their own.
    pub levels: BTreeMap<String, Level>,
    /// The mildest level that makes a file fail; [`Level::Ignore`] for any finding.
    pub failure_threshold: Option<Level>,
    /// Whether nothing makes a file fail.
    pub no_fail: Option<bool>,
    /// Whether reports are without colour.
    pub no_color: Option<bool>,
    /// Whether more is told than was asked for.
    pub verbose: Option<bool>,
    /// The form of the report.
    pub format: Option<Format>,
    /// As [`Policy::trusted_registries`].
    pub trusted_registries: Vec<String>,
    /// As [`Policy::label_schema`].
    pub label_schema: BTreeMap<String, LabelFormat>,
    /// As [`Policy::strict_labels`].
    pub strict_labels: Option<bool>,
    /// Whether comments that silence are not heard.
    pub disable_ignore_pragma: Option<bool>,
    /// As [`Policy::silencing`]; not hadolint's.
    pub silencing: Option<Silencing>,
}

/// One thing in a source that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What, and what to write instead.
    pub problem: Problem,
}

/// Where something is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of the file, from 1.
    Line(usize),
    /// A variable of the environment.
    Variable(&'static str),
}

/// What cannot be meant, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is not YAML.
    #[error("this is not YAML: {0}")]
    NotYaml(String),
    /// The file holds something else than one map.
    #[error("this is no configuration; write keys and values, as in `ignored: [DL3008]`")]
    NotAMap,
    /// A key that means nothing.
    #[error("`{key}` is not a key; write one of {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Those there are.
        known: String,
    },
    /// Something else where a list of words belongs.
    #[error("`{0}` takes a list; write it as in `{0}: [one, another]`")]
    NotAList(&'static str),
    /// Something else where a map belongs.
    #[error("`{0}` takes keys and values below it, one a line")]
    NotAMapBelow(&'static str),
    /// Something else where a word belongs.
    #[error("`{0}` takes one word")]
    NotAWord(String),
    /// Something else where `true` or `false` belongs.
    #[error("`{0}` takes true or false")]
    NotABool(&'static str),
    /// A word that is no threshold.
    #[error("`{0}` is not a threshold; write one of error, warning, info, style, ignore, none")]
    NotAThreshold(String),
    /// A word that is no report.
    #[error(transparent)]
    NotAFormat(InvalidFormat),
    /// A word that says nothing about labels.
    #[error(transparent)]
    NotALabelFormat(InvalidLabelFormat),
    /// A word that says nothing about comments.
    #[error("`{0}` says nothing about comments; write one of heard, with-reason, forbidden")]
    NotSilencing(String),
}

impl Config {
    /// What a `.hadolint.yaml` says, or everything that is wrong with it, by line.
    pub fn from_yaml(text: &str) -> Result<Self, Vec<Mistake>> {
        yaml::read(text)
    }

    /// What the variables `HADOLINT_*` say, or everything that is wrong with them.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        environment::read(variable)
    }

    /// What the three sources come to together.
    pub fn together(flags: Self, file: Self, environment: Self) -> Self {
        let mut levels = flags.levels;
        for (code, level) in file.levels.into_iter().chain(environment.levels) {
            let worst = levels.entry(code).or_insert(level);
            *worst = level.max(*worst);
        }
        let schemas = [flags.label_schema, file.label_schema, environment.label_schema];
        Self {
            ignored: [flags.ignored, file.ignored, environment.ignored].concat(),
            levels,
            failure_threshold: flags
                .failure_threshold
                .or(file.failure_threshold)
                .or(environment.failure_threshold),
            no_fail: flags.no_fail.or(file.no_fail).or(environment.no_fail),
            no_color: flags.no_color.or(file.no_color).or(environment.no_color),
            verbose: flags.verbose.or(file.verbose).or(environment.verbose),
            format: flags.format.or(file.format).or(environment.format),
            trusted_registries: [
                flags.trusted_registries,
                file.trusted_registries,
                environment.trusted_registries,
            ]
            .concat(),
            label_schema: schemas.into_iter().flatten().collect(),
            strict_labels: flags.strict_labels.or(file.strict_labels).or(environment.strict_labels),
            disable_ignore_pragma: flags
                .disable_ignore_pragma
                .or(file.disable_ignore_pragma)
                .or(environment.disable_ignore_pragma),
            silencing: flags.silencing.or(file.silencing).or(environment.silencing),
        }
    }

    /// The policy that this is; where it says nothing, hadolint's own: every finding but one of style makes a file fail.
    pub fn into_policy(self) -> Policy {
        let silencing = match self.disable_ignore_pragma {
            Some(true) => Silencing::Forbidden,
            Some(false) | None => self.silencing.unwrap_or_default(),
        };
        let threshold = self.failure_threshold.unwrap_or(Level::Info);
        Policy {
            fail_on: (self.no_fail != Some(true)).then_some(threshold),
            ignore: self.ignored,
            levels: self.levels,
            trusted_registries: self.trusted_registries,
            label_schema: self.label_schema,
            strict_labels: self.strict_labels == Some(true),
            silencing,
            ..Policy::default()
        }
    }

    /// Gives a code a level; of several the worst counts.
    fn raise(&mut self, code: String, level: Level) {
        let worst = self.levels.entry(code).or_insert(level);
        *worst = level.max(*worst);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The level that a threshold is; `none` is as good as `ignore`: any finding fails.
pub fn threshold(word: &str) -> Result<Level, Problem> {
    match word {
        "none" => Ok(Level::Ignore),
        word => word.parse().map_err(|_| Problem::NotAThreshold(word.chars().take(40).collect())),
    }
}

/// The label and the format of `NAME[:FORMAT]`; without a format, any text will do.
pub fn label(text: &str) -> Result<(String, LabelFormat), Problem> {
    let (name, format) = text.split_once(':').unwrap_or((text, ""));
    let format = if format.is_empty() { Ok(LabelFormat::Text) } else { format.parse() };
    Ok((name.to_owned(), format.map_err(Problem::NotALabelFormat)?))
}

#[cfg(test)]
mod tests;
