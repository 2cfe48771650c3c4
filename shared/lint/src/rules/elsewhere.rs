//! Codes of findings that the linter itself never has, since they need more than the file: the catalog, bans, organisation policies, the scan itself. Their
//! pages stand with the others; who judges is the scanner, and `plimsoll lint` where it is given a catalog.

use crate::finding::Level;

/// A code that others find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its code.
    pub code: &'static str,
    /// How bad it is at its worst.
    pub level: Level,
    /// Its page, as that of a [`crate::Rule`].
    pub page: &'static str,
}

/// The catalog or a ban refuses an image.
pub const REFUSED: Elsewhere = elsewhere("PL2001", Level::Error, include_str!("elsewhere/pl2001.md"));
/// The catalog or a ban replaces an image.
pub const REPLACED: Elsewhere = elsewhere("PL2002", Level::Warning, include_str!("elsewhere/pl2002.md"));
/// A hold or an exception keeps an image.
pub const KEPT: Elsewhere = elsewhere("PL2003", Level::Info, include_str!("elsewhere/pl2003.md"));
/// Two builders read the definition in two ways.
pub const DISPUTED: Elsewhere = elsewhere("PL2004", Level::Error, include_str!("elsewhere/pl2004.md"));

/// An organisation policy has no answer.
pub const UNANSWERED: Elsewhere = elsewhere("PL3001", Level::Error, include_str!("elsewhere/pl3001.md"));
/// The policy that a project names does not hold.
pub const ABSENT: Elsewhere = elsewhere("PL3002", Level::Error, include_str!("elsewhere/pl3002.md"));

/// The scanner cannot read an order that is in force.
pub const BEHIND: Elsewhere = elsewhere("PL4001", Level::Error, include_str!("elsewhere/pl4001.md"));
/// More was found than is told.
pub const MORE: Elsewhere = elsewhere("PL4002", Level::Error, include_str!("elsewhere/pl4002.md"));
/// A known definition could not be scanned again.
pub const UNSCANNED: Elsewhere = elsewhere("PL4003", Level::Error, include_str!("elsewhere/pl4003.md"));

/// Every one, by code.
pub const ALL: &[Elsewhere] =
    &[REFUSED, REPLACED, KEPT, DISPUTED, UNANSWERED, ABSENT, BEHIND, MORE, UNSCANNED];

const fn elsewhere(code: &'static str, level: Level, page: &'static str) -> Elsewhere {
    Elsewhere { code, level, page }
}

impl Elsewhere {
    /// What it is about, in one sentence: the first line of its page.
    pub fn title(&self) -> &'static str {
        crate::rule::title(self.page)
    }
}
