//! The sections of the catalog.

use std::{collections::BTreeMap, time::Duration};

use proto::v1 as wire;
use time::OffsetDateTime;
use verdict::{
    Door, Mode, Sequence,
    order::{
        Base, BasePattern, CatalogSection, Downgrades, Exception, Hold, ImagePattern, InvalidReplacement,
        Name, Pins, Remedy, Replacement, Severity,
    },
    version::Majors,
};

use super::{DEFAULT_REMEDY_TIMEOUT, field, required, tagged, wrong};
use crate::Malformed;

pub(super) fn section(wire: wire::CatalogApplied) -> Result<CatalogSection, Malformed> {
    let wire::CatalogApplied { section, bases, remedies, doors, replacements, holds, exceptions } = wire;
    let filled = [
        ("bases", !bases.is_empty()),
        ("remedies", !remedies.is_empty()),
        ("doors", !doors.is_empty()),
        ("replacements", !replacements.is_empty()),
        ("holds", !holds.is_empty()),
        ("exceptions", !exceptions.is_empty()),
    ];
    let known = filled.iter().any(|(name, _)| *name == section);
    if let Some((other, _)) = filled.iter().find(|(name, filled)| known && *filled && *name != section) {
        let reason = format!("a `{section}` section holds `{section}` alone; apply `{other}` on its own");
        return Err(wrong("section", &reason));
    }
    match section.as_str() {
        "bases" => all(bases, base).map(CatalogSection::Bases),
        "remedies" => all(remedies, remedy).map(CatalogSection::Remedies),
        "doors" => {
            doors.into_iter().map(door).collect::<Result<BTreeMap<_, _>, _>>().map(CatalogSection::Doors)
        }
        "replacements" => all(replacements, replacement).map(CatalogSection::Replacements),
        "holds" => all(holds, hold).map(CatalogSection::Holds),
        "exceptions" => all(exceptions, exception).map(CatalogSection::Exceptions),
        _ => Err(wrong("section", "write bases, remedies, doors, replacements, holds or exceptions")),
    }
}

fn all<W, T>(wire: Vec<W>, read: impl Fn(W) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    wire.into_iter().map(read).collect()
}

fn base(wire: wire::CatalogBase) -> Result<Base, Malformed> {
    let wire::CatalogBase { repository, current, allowed, outdated, major, downgrade, pin } = wire;
    Ok(Base {
        repository: field("repository", repository)?,
        current: field("current", current)?,
        allowed: field("allowed", allowed)?,
        outdated: field("outdated", outdated)?,
        majors: if major { Majors::Crossed } else { Majors::Kept },
        downgrades: downgrades(downgrade),
        pins: if pin { Pins::Digest } else { Pins::AsWritten },
    })
}

fn downgrades(allowed: bool) -> Downgrades {
    if allowed { Downgrades::Allowed } else { Downgrades::Refused }
}

fn replacement(wire: wire::CatalogReplacement) -> Result<Replacement, Malformed> {
    let wire::CatalogReplacement { name, exact, wildcard, regex, with, downgrade } = wire;
    let invalid =
        |field| move |error: InvalidReplacement| Malformed::Field { field, reason: error.to_string() };
    let from = match (exact.is_empty(), wildcard.is_empty(), regex.is_empty()) {
        (false, true, true) => {
            let image = tagged("exact", exact)?.filter(|image| image.digest().is_none());
            image
                .map(ImagePattern::Exact)
                .ok_or_else(|| wrong("exact", "a rule means a tag; leave the digest out"))?
        }
        (true, false, true) => ImagePattern::wildcard(&wildcard).map_err(invalid("wildcard"))?,
        (true, true, false) => ImagePattern::regex(&regex).map_err(invalid("regex"))?,
        _ => return Err(wrong("exact", "write exactly one of `exact`, `wildcard` and `regex`")),
    };
    Replacement::new(field("name", name)?, from, &with, downgrades(downgrade)).map_err(invalid("with"))
}

fn hold(wire: wire::CatalogHold) -> Result<Hold, Malformed> {
    let wire::CatalogHold { project, image, reason, ticket, expires } = wire;
    Ok(Hold {
        project: field("project", project)?,
        image: tagged("image", image)?.ok_or_else(|| wrong("image", "name the version that stays"))?,
        reason: required("reason", reason)?,
        ticket: required("ticket", ticket)?,
        expires: field("expires", expires)?,
    })
}

fn exception(wire: wire::CatalogException) -> Result<Exception, Malformed> {
    let wire::CatalogException {
        name,
        project,
        base,
        ban,
        max_class,
        starts,
        ends,
        reason,
        ticket,
        requested_by,
        approved_by,
    } = wire;
    let (starts, ends): (Option<OffsetDateTime>, OffsetDateTime) =
        (field("starts", starts)?, field("ends", ends)?);
    if starts.is_some_and(|starts| ends <= starts) {
        return Err(wrong("ends", "it ends before it starts"));
    }
    let (requested_by, approved_by) =
        (required("requestedBy", requested_by)?, required("approvedBy", approved_by)?);
    if requested_by == approved_by {
        return Err(wrong("approvedBy", "who asks does not approve; name somebody else"));
    }
    Ok(Exception {
        name: field::<Name>("name", name)?,
        project: field("project", project)?,
        base: BasePattern::new(&required("base", base)?)
            .map_err(|error| Malformed::Field { field: "base", reason: error.to_string() })?,
        ban: field::<Option<Sequence>>("ban", ban)?,
        max_class: match max_class.as_str() {
            "" => None,
            "low" => Some(Severity::Low),
            "high" => Some(Severity::High),
            _ => return Err(wrong("maxClass", "write low or high; nothing reaches past a critical ban")),
        },
        starts,
        ends,
        reason: required("reason", reason)?,
        ticket: required("ticket", ticket)?,
        requested_by,
        approved_by,
    })
}

fn remedy(wire: wire::CatalogRemedy) -> Result<Remedy, Malformed> {
    let wire::CatalogRemedy { name, argv, user, timeout_seconds, idempotent } = wire;
    if argv.first().is_none_or(String::is_empty) || argv.iter().any(|argument| argument.contains('\0')) {
        return Err(wrong("argv", "write the command as a list, its program first, without NUL characters"));
    }
    let timeout = match timeout_seconds {
        0 => DEFAULT_REMEDY_TIMEOUT,
        seconds => Duration::from_secs(seconds.into()),
    };
    Ok(Remedy {
        name: field::<Name>("name", name)?,
        argv,
        user: Some(user).filter(|user| !user.is_empty()),
        timeout,
        idempotent,
    })
}

fn door((door, mode): (String, String)) -> Result<(Door, Mode), Malformed> {
    let door = door
        .parse()
        .map_err(|()| wrong("doors", "the doors are from, push, pull, create, start and check"))?;
    let mode = mode.parse().map_err(|()| wrong("doors", "the modes are observe, warn and enforce"))?;
    Ok((door, mode))
}
