//! What speaks against an order that can be read. Every check that came after the first version stands here and not where orders are read: what an earlier
//! version accepted must not become unreadable, or every gate would be behind.

use verdict::{Order, order::CatalogSection};

use super::{credential, wrong};
use crate::Malformed;

/// An error says what, and what to write instead.
pub(super) fn to(kind: &str, order: &Order, body: &[u8]) -> Result<(), Malformed> {
    credential::check(kind, body)?;
    match order {
        Order::Project(project) if !is_address(&project.source) => Err(wrong(
            "source",
            "write the repository's address, such as https://git.example/shop.git or git@git.example:team/shop.git",
        )),
        Order::Catalog(section) => lists_itself(section, body),
        Order::Ban(_)
        | Order::Lift(_)
        | Order::Fixed(_)
        | Order::Remedy(_)
        | Order::RemedyClosed(_)
        | Order::Project(_)
        | Order::Policy(_) => Ok(()),
    }
}

/// `scheme://…` or `user@host:path`. Which schemes may be used is the worker's to say.
fn is_address(source: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '/');
    match source.split_once("://") {
        Some((scheme, rest)) => {
            scheme.bytes().all(|b| b.is_ascii_lowercase()) && !scheme.is_empty() && !rest.is_empty()
        }
        None => source
            .split_once('@')
            .and_then(|(user, rest)| Some((user, rest.split_once(':')?)))
            .is_some_and(|(user, (host, path))| plain(user) && plain(host) && !path.is_empty()),
    }
}

/// A section replaces what was there: one whose list was forgotten would empty it. Who means that writes the empty list.
fn lists_itself(section: &CatalogSection, body: &[u8]) -> Result<(), Malformed> {
    let (list, empty) = match section {
        CatalogSection::Bases(bases) => ("bases", bases.is_empty()),
        CatalogSection::Remedies(remedies) => ("remedies", remedies.is_empty()),
        CatalogSection::Doors(doors) => ("doors", doors.is_empty()),
        CatalogSection::Replacements(replacements) => ("replacements", replacements.is_empty()),
        CatalogSection::Holds(holds) => ("holds", holds.is_empty()),
        CatalogSection::Exceptions(exceptions) => ("exceptions", exceptions.is_empty()),
    };
    let written: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    if empty && written.get(list).is_none() {
        return Err(Malformed::Field {
            field: "section",
            reason: format!(
                "`{list}` is missing, and the section replaces what was there; to empty it, write it empty"
            ),
        });
    }
    Ok(())
}
