//! The free text of orders: how long it may be where an order is given, and how much of it is shown. Not what it says.

use std::borrow::Cow;

use super::{CatalogSection, Exception, Hold, Order, Project};

/// A reason stands in each refusal and each answer about a ban, many of which share a message of 1 MiB: a page of text is enough.
pub const LONGEST_REASON_BYTES: usize = 4 << 10;
/// A ticket or a person's name is a line.
const LONGEST_LINE_BYTES: usize = 512;
/// Addresses that are longer are taken by few programs.
const LONGEST_ADDRESS_BYTES: usize = 2 << 10;
/// What git takes of a branch's name, and what a path may be long in the systems that hold repositories.
const LONGEST_BRANCH_BYTES: usize = 255;
const LONGEST_PATH_BYTES: usize = 4 << 10;
/// Of a longer text the beginning is shown: orders of earlier versions may hold far more than their readers want.
const SHOWN_BYTES: usize = 1 << 10;

/// A text of an order is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: it takes {bytes} bytes, and {most} are the most; write it shorter, or where to read on")]
pub struct TooLong {
    /// The field, as it is written.
    pub field: &'static str,
    /// How long it is.
    pub bytes: usize,
    /// How long it may be.
    pub most: usize,
}

impl Order {
    /// Whether all its free text is short enough for an order that is given now. What was accepted before stands, however long it is.
    pub fn check_texts(&self) -> Result<(), TooLong> {
        match self {
            Self::Ban(ban) => reason(&ban.reason),
            Self::Lift(lift) => reason(&lift.reason),
            Self::Fixed(fixed) => reason(&fixed.reason),
            Self::Project(Project { name: _, source, branch, definition, image: _, policy: _, webhook }) => {
                within("source", source, LONGEST_ADDRESS_BYTES)?;
                within("branch", branch, LONGEST_BRANCH_BYTES)?;
                within("definition", definition, LONGEST_PATH_BYTES)?;
                within("webhook", webhook.as_deref().unwrap_or_default(), LONGEST_ADDRESS_BYTES)
            }
            Self::Catalog(CatalogSection::Holds(holds)) => {
                holds.iter().try_for_each(|Hold { reason: why, ticket, .. }| {
                    reason(why)?;
                    within("ticket", ticket, LONGEST_LINE_BYTES)
                })
            }
            Self::Catalog(CatalogSection::Exceptions(exceptions)) => exceptions.iter().try_for_each(
                |Exception { reason: why, ticket, requested_by, approved_by, .. }| {
                    reason(why)?;
                    within("ticket", ticket, LONGEST_LINE_BYTES)?;
                    within("requestedBy", requested_by, LONGEST_LINE_BYTES)?;
                    within("approvedBy", approved_by, LONGEST_LINE_BYTES)
                },
            ),
            // What else they hold has a grammar; policies have limits of their own where they are read.
            Self::Catalog(
                CatalogSection::Bases(_)
                | CatalogSection::Remedies(_)
                | CatalogSection::Doors(_)
                | CatalogSection::Replacements(_),
            )
            | Self::Policy(_)
            | Self::Remedy(_)
            | Self::RemedyClosed(_) => Ok(()),
        }
    }
}

/// The text, or its beginning with `…` where it is longer than anybody reads in a sentence.
pub fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN_BYTES {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= SHOWN_BYTES).last();
    Cow::Owned(format!("{}…", text.get(..end.unwrap_or_default()).unwrap_or_default()))
}

fn reason(text: &str) -> Result<(), TooLong> {
    within("reason", text, LONGEST_REASON_BYTES)
}

fn within(field: &'static str, text: &str, most: usize) -> Result<(), TooLong> {
    if text.len() <= most { Ok(()) } else { Err(TooLong { field, bytes: text.len(), most }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_in_part() {
        for (text, shown) in [
            ("short".to_owned(), "short".to_owned()),
            ("x".repeat(SHOWN_BYTES), "x".repeat(SHOWN_BYTES)),
            ("x".repeat(SHOWN_BYTES + 1), format!("{}…", "x".repeat(SHOWN_BYTES))),
            ("€".repeat(SHOWN_BYTES), format!("{}…", "€".repeat(SHOWN_BYTES / 3))),
        ] {
            assert_eq!(shortened(&text), shown);
        }
    }
}
