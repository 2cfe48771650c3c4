//! Findings for people and for programs: one format at a time, file after file. Pure: where the text goes is the caller's.
//!
//! Shapes are hadolint 2.15's, so that what reads its output reads ours; `github` is GitHub's workflow commands.
//!
//! # Layout
//! `tty` for people · `json`, `codacy`, `gnu`, `github` a line or an object a finding · `code_climate` with and without
//! GitLab's fingerprints · `sonarqube`, `sarif` issue trackers · `checkstyle`, `junit` in XML · `xml` how XML is escaped.

mod checkstyle;
mod codacy;
mod code_climate;
mod github;
mod gnu;
mod json;
mod junit;
mod sarif;
mod sonarqube;
mod tty;
mod xml;

use std::str::FromStr;

use time::OffsetDateTime;

use crate::finding::Finding;

/// The column of every finding: rules judge instructions, and hadolint says 1 for all of them too.
const COLUMN: usize = 1;

/// The forms that a report can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: place, code, level, message, and the line itself.
    #[default]
    Tty,
    /// A list of `{file, line, column, level, code, message}`.
    Json,
    /// Checkstyle 4.3 XML.
    Checkstyle,
    /// Code Climate issues, one JSON object after another.
    CodeClimate,
    /// Code Climate issues in one list with fingerprints, as GitLab reads them.
    GitlabCodeClimate,
    /// `program:file:line: message`, as compilers print it.
    Gnu,
    /// Codacy results, one JSON object after another.
    Codacy,
    /// SonarQube's generic issues.
    Sonarqube,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML.
    Junit,
    /// GitHub's workflow commands, which annotate the lines of a pull request.
    Github,
}

/// A word that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format; write one of {formats}", formats = Format::names())]
pub struct InvalidFormat(pub String);

/// Whether the output may carry colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A terminal reads it.
    Ansi,
    /// A file or a pipe does.
    Plain,
}

/// One file and what was found in it, by line and code.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// How the report names the file.
    pub path: &'a str,
    /// What the file says; empty where it could not be read.
    pub text: &'a str,
    /// What was found.
    pub findings: &'a [Finding],
}

/// A report being written: [`Report::file`] for each file, then [`Report::end`]; each appends to the text that it is given.
#[derive(Debug)]
pub struct Report {
    format: Format,
    colour: Colour,
    at: OffsetDateTime,
    /// Whether something that a separator must follow has been written.
    started: bool,
}

impl Format {
    /// Every format, in the order in which they are documented.
    pub const ALL: [Self; 11] = [
        Self::Tty,
        Self::Json,
        Self::Checkstyle,
        Self::CodeClimate,
        Self::GitlabCodeClimate,
        Self::Gnu,
        Self::Codacy,
        Self::Sonarqube,
        Self::Sarif,
        Self::Junit,
        Self::Github,
    ];

    /// Its name, as `--format` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tty => "tty",
            Self::Json => "json",
            Self::Checkstyle => "checkstyle",
            Self::CodeClimate => "codeclimate",
            Self::GitlabCodeClimate => "gitlab_codeclimate",
            Self::Gnu => "gnu",
            Self::Codacy => "codacy",
            Self::Sonarqube => "sonarqube",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
        }
    }

    /// Whether a finding may make the command fail. The two platforms that run linters as engines take a failure for a broken engine.
    pub fn can_fail(self) -> bool {
        !matches!(self, Self::CodeClimate | Self::Codacy)
    }

    /// Whether `--file-path-in-report` counts for it.
    pub fn takes_path(self) -> bool {
        matches!(
            self,
            Self::Checkstyle | Self::CodeClimate | Self::GitlabCodeClimate | Self::Sonarqube | Self::Junit
        )
    }

    fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        let format = Self::ALL.into_iter().find(|format| format.as_str() == text);
        format.ok_or_else(|| InvalidFormat(text.chars().take(40).collect()))
    }
}

impl Report {
    /// A report in this form; `at` is when the run began, which JUnit wants to know.
    pub fn new(format: Format, colour: Colour, at: OffsetDateTime) -> Self {
        Self { format, colour, at, started: false }
    }

    /// Appends what stands before the first file.
    pub fn begin(&self, out: &mut String) {
        match self.format {
            Format::Json | Format::GitlabCodeClimate => out.push('['),
            Format::Checkstyle => checkstyle::begin(out),
            Format::Sonarqube => sonarqube::begin(out),
            Format::Sarif => sarif::begin(out),
            Format::Junit => junit::begin(out, self.at),
            Format::Tty | Format::CodeClimate | Format::Gnu | Format::Codacy | Format::Github => {}
        }
    }

    /// Appends one file.
    pub fn file(&mut self, out: &mut String, judged: &Judged<'_>) {
        match self.format {
            Format::Tty => return tty::file(out, judged, self.colour),
            Format::Checkstyle => return checkstyle::file(out, judged),
            Format::Junit => return junit::file(out, judged),
            _ => {}
        }
        for finding in judged.findings {
            if std::mem::replace(&mut self.started, true) && self.is_list() {
                out.push(',');
            }
            self.finding(out, judged.path, finding);
        }
    }

    /// Appends what stands behind the last file.
    pub fn end(&self, out: &mut String) {
        match self.format {
            Format::Json | Format::GitlabCodeClimate => out.push_str("]\n"),
            Format::Checkstyle => checkstyle::end(out),
            Format::Sonarqube => out.push_str("]}\n"),
            Format::Sarif => sarif::end(out),
            Format::Junit => junit::end(out),
            Format::Tty | Format::CodeClimate | Format::Gnu | Format::Codacy | Format::Github => {}
        }
    }

    fn is_list(&self) -> bool {
        matches!(self.format, Format::Json | Format::GitlabCodeClimate | Format::Sonarqube | Format::Sarif)
    }

    fn finding(&self, out: &mut String, path: &str, finding: &Finding) {
        match self.format {
            Format::Json => json::finding(out, path, finding),
            Format::CodeClimate => code_climate::finding(out, path, finding),
            Format::GitlabCodeClimate => code_climate::finding_with_fingerprint(out, path, finding),
            Format::Gnu => gnu::finding(out, path, finding),
            Format::Codacy => codacy::finding(out, path, finding),
            Format::Sonarqube => sonarqube::finding(out, path, finding),
            Format::Sarif => sarif::finding(out, path, finding),
            Format::Github => github::finding(out, path, finding),
            // These three are written a file at a time.
            Format::Tty | Format::Checkstyle | Format::Junit => {}
        }
    }
}

/// Whether a character turns around what stands beside it, or ends a line or a paragraph, so that what is seen is not what is read:
/// marks of direction, embeddings, overrides, isolates (Unicode Standard Annex 9) and separators.
pub fn turns_text(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// A line stays one line, and is read in its order, whatever a name or a message holds.
fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    let shown = |character: char| match character {
        _ if character.is_control() => ' ',
        _ if turns_text(character) => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    if text.chars().any(|character| shown(character) != character) {
        text.chars().map(shown).collect::<String>().into()
    } else {
        text.into()
    }
}

/// Appends a JSON string.
fn push_json_text(out: &mut String, text: &str) {
    // Not stopping at the first goes many bytes at a time, and there is none as a rule.
    let has_escapes =
        text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'));
    if has_escapes {
        push_json(out, &text.into());
    } else {
        out.extend(["\"", text, "\""]);
    }
}

/// Appends any JSON value.
fn push_json(out: &mut String, value: &serde_json::Value) {
    out.push_str(&value.to_string());
}

#[cfg(test)]
mod tests;
