//! The sections of the catalog.

use std::{collections::BTreeMap, time::Duration};

use proto::v1 as wire;
use verdict::{
    Door, Mode,
    order::{Base, CatalogSection, Name, Remedy},
};

use super::{DEFAULT_REMEDY_TIMEOUT, field, wrong};
use crate::Malformed;

pub(super) fn section(wire: wire::CatalogApplied) -> Result<CatalogSection, Malformed> {
    let wire::CatalogApplied { section, bases, remedies, doors } = wire;
    let misplaced = |section: &'static str| {
        wrong(
            "section",
            &format!("a `{section}` section holds `{section}` alone; apply the others on their own"),
        )
    };
    match section.as_str() {
        "bases" if remedies.is_empty() && doors.is_empty() => {
            bases.into_iter().map(base).collect::<Result<_, _>>().map(CatalogSection::Bases)
        }
        "remedies" if bases.is_empty() && doors.is_empty() => {
            remedies.into_iter().map(remedy).collect::<Result<_, _>>().map(CatalogSection::Remedies)
        }
        "doors" if bases.is_empty() && remedies.is_empty() => {
            doors.into_iter().map(door).collect::<Result<BTreeMap<_, _>, _>>().map(CatalogSection::Doors)
        }
        "bases" => Err(misplaced("bases")),
        "remedies" => Err(misplaced("remedies")),
        "doors" => Err(misplaced("doors")),
        _ => Err(wrong("section", "write bases, remedies or doors")),
    }
}

fn base(wire: wire::CatalogBase) -> Result<Base, Malformed> {
    let wire::CatalogBase { repository, current, allowed, outdated } = wire;
    Ok(Base {
        repository: field("repository", repository)?,
        current: field("current", current)?,
        allowed: field("allowed", allowed)?,
        outdated: field("outdated", outdated)?,
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
