//! Rules that lead from images outside to the ones that the catalog has for them. Not whether the catalog really has them.

use std::fmt;

use artifact::ImageRef;
use regex::{Regex, RegexBuilder};

use super::{Downgrades, Name};
use crate::glob::Glob;

/// A rule: what is written, and what is built on in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Its name, for those who are told of it.
    pub name: Name,
    /// Which references it means; compared in full (`docker.io/library/alpine:3.18`), without digests.
    pub from: ImagePattern,
    /// What takes their place.
    pub to: Template,
    /// Whether it may lead to an older version.
    pub downgrades: Downgrades,
}

/// Which references a rule means.
#[derive(Debug, Clone)]
pub enum ImagePattern {
    /// This one.
    Exact(ImageRef),
    /// Those that match the glob; each `*` and `?` is a group.
    Wildcard(WildcardPattern),
    /// Those that match the expression from end to end.
    Regex(RegexPattern),
}

/// A glob over whole references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WildcardPattern(pub(crate) Glob);

/// A regular expression over whole references.
#[derive(Debug, Clone)]
pub struct RegexPattern {
    text: String,
    regex: Regex,
}

/// A reference in which `${1}`, `${2}` … stand for what the rule's groups matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReplacement {
    /// It is longer than any reference.
    #[error("it is longer than 256 characters")]
    TooLong,
    /// The glob has characters that no reference has.
    #[error("`{0}` has characters that no image reference has; a wildcard knows `*` and `?` alone")]
    Wildcard(String),
    /// The glob cannot match any reference in full.
    #[error("`{0}` names no registry; write references in full, such as docker.io/library/alpine:3.*")]
    NotFull(String),
    /// The expression cannot be read, or would cost too much.
    #[error("the regular expression cannot be used: {0}")]
    Regex(String),
    /// The target names a group that the rule does not have.
    #[error("`{0}` has no group {1}; the groups are counted from 1")]
    NoGroup(String, usize),
    /// The target is not a reference with a tag.
    #[error("`{0}` is not an image with its tag")]
    Target(String),
}

/// Longer than any reference.
pub(super) const LONGEST: usize = 256;
/// What one compiled expression may take: rules are few and small.
const REGEX_BYTES: usize = 1 << 20;

impl Replacement {
    /// A rule whose target fits its pattern.
    pub fn new(
        name: Name,
        from: ImagePattern,
        to: &str,
        downgrades: Downgrades,
    ) -> Result<Self, InvalidReplacement> {
        Ok(Self { to: Template::new(to, from.groups())?, name, from, downgrades })
    }

    /// What takes the place of `written`: none where the rule does not mean it, an error with the text where that is no reference.
    pub fn target(&self, written: &ImageRef) -> Option<Result<ImageRef, String>> {
        let tag = written.tag()?;
        let groups = self.from.groups_of(&format!("{}:{tag}", written.repository()))?;
        let text: String = self
            .to
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Group(group) => groups.get(*group).map_or("", String::as_str),
            })
            .collect();
        Some(text.parse().map_err(|_| text))
    }

    /// All that it may lead to, in full: a group may stand for anything.
    pub(crate) fn targets(&self) -> Glob {
        let short = self.to.with_groups("*");
        // Whatever a reference leaves out stands before it.
        let sample = self.to.with_groups("x");
        let full = sample.parse().map_or_else(|_| sample.clone(), |image: ImageRef| image.to_string());
        let left_out = full.strip_suffix(&sample).unwrap_or_default();
        Glob::new(&format!("{left_out}{short}"))
    }

    /// The one image that it leads to, where that does not depend on what is written.
    pub fn fixed_target(&self) -> Option<ImageRef> {
        match self.to.pieces.as_slice() {
            [Piece::Text(text)] => text.parse().ok(),
            _ => None,
        }
    }
}

impl ImagePattern {
    /// A glob over whole references.
    pub fn wildcard(text: &str) -> Result<Self, InvalidReplacement> {
        if text.len() > LONGEST {
            return Err(InvalidReplacement::TooLong);
        }
        let characters = |c: char| c.is_ascii_alphanumeric() || "._-/:[]*?".contains(c);
        if !text.chars().all(characters) {
            return Err(InvalidReplacement::Wildcard(text.to_owned()));
        }
        // A host has a dot or a port; a `*` may stand for one.
        let host = text.split('/').next().filter(|first| first.len() < text.len()).unwrap_or_default();
        if !(host.contains(['.', ':', '*', '?']) || host == "localhost" || text.starts_with('*')) {
            return Err(InvalidReplacement::NotFull(text.to_owned()));
        }
        Ok(Self::Wildcard(WildcardPattern(Glob::new(text))))
    }

    /// An expression that must match a reference from end to end; linear in the reference, and bounded in memory.
    pub fn regex(text: &str) -> Result<Self, InvalidReplacement> {
        if text.len() > LONGEST {
            return Err(InvalidReplacement::TooLong);
        }
        let build = |text: &str| RegexBuilder::new(text).size_limit(REGEX_BYTES).nest_limit(32).build();
        // By itself first, so that a bracket too many cannot close the frame around it.
        let regex = build(text).and_then(|_| build(&format!(r"\A(?:{text})\z")));
        let regex = regex.map_err(|error| InvalidReplacement::Regex(error.to_string()))?;
        Ok(Self::Regex(RegexPattern { text: text.to_owned(), regex }))
    }

    /// The pattern as a glob; what a regular expression means is not known before it is asked.
    pub(crate) fn glob(&self) -> Option<Glob> {
        match self {
            Self::Exact(image) => Some(Glob::new(&image.to_string())),
            Self::Wildcard(WildcardPattern(glob)) => Some(glob.clone()),
            Self::Regex(_) => None,
        }
    }

    /// How many groups a target may name.
    fn groups(&self) -> usize {
        match self {
            Self::Exact(_) => 0,
            Self::Wildcard(WildcardPattern(glob)) => glob.as_str().matches(['*', '?']).count(),
            Self::Regex(pattern) => pattern.regex.captures_len() - 1,
        }
    }

    /// What the groups stand for in `text`, the whole of it first; none where it is not meant.
    fn groups_of(&self, text: &str) -> Option<Vec<String>> {
        match self {
            Self::Exact(image) => (image.to_string() == text).then(|| vec![text.to_owned()]),
            Self::Wildcard(WildcardPattern(glob)) => {
                let captured = glob.captures(text)?;
                Some([text].into_iter().chain(captured).map(str::to_owned).collect())
            }
            Self::Regex(pattern) => {
                let captured = pattern.regex.captures(text)?;
                Some(
                    captured
                        .iter()
                        .map(|group| group.map_or("", |group| group.as_str()).to_owned())
                        .collect(),
                )
            }
        }
    }
}

impl Template {
    fn new(text: &str, groups: usize) -> Result<Self, InvalidReplacement> {
        if text.len() > LONGEST {
            return Err(InvalidReplacement::TooLong);
        }
        let not_an_image = || InvalidReplacement::Target(text.to_owned());
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (number, after) = behind.split_once('}').ok_or_else(not_an_image)?;
            let group: usize = number.parse().map_err(|_| not_an_image())?;
            if group == 0 || group > groups {
                return Err(InvalidReplacement::NoGroup(text.to_owned(), group));
            }
            pieces.extend((!before.is_empty()).then(|| Piece::Text(before.to_owned())));
            pieces.push(Piece::Group(group));
            rest = after;
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.to_owned())));
        let template = Self { text: text.to_owned(), pieces };
        // A letter in the place of each group shows whether the frame can be a reference at all.
        let sample = template.with_groups("x");
        let says_tag =
            text.contains("${") || sample.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let image: Option<ImageRef> = sample.parse().ok();
        image.filter(|image| says_tag && image.digest().is_none()).ok_or_else(not_an_image)?;
        Ok(template)
    }

    /// The text with this in the place of each group.
    fn with_groups(&self, group: &str) -> String {
        let piece = |piece: &'_ Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Group(_) => group.to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

impl PartialEq for ImagePattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Wildcard(one), Self::Wildcard(other)) => one == other,
            (Self::Regex(one), Self::Regex(other)) => one.text == other.text,
            _ => false,
        }
    }
}

impl Eq for ImagePattern {}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(image) => image.fmt(f),
            Self::Wildcard(WildcardPattern(glob)) => f.write_str(glob.as_str()),
            Self::Regex(pattern) => f.write_str(&pattern.text),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
