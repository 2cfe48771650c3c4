//! Orders as JSON: read strictly, judged field by field, so that a mistake is answered with what to write instead.

mod catalog;
mod policy;

use std::{collections::BTreeSet, time::Duration};

use artifact::{BaseRole, ImageRef};
use proto::v1 as wire;
use time::OffsetDateTime;
use verdict::{
    Order, OrderRecord, Sequence,
    order::{Ban, BanSelector, BanTarget, CatalogSection, Lift, Operator, Project, RemedyOrder, Severity},
};

use crate::{Entry, Malformed, Subject, field::Field, message::decode as json, topology::StreamName};

/// The orders, as the catalogue lists them.
pub const ENTRIES: &[Entry] = &[
    entry("BaseBanned", BANNED),
    entry("BaseLifted", LIFTED),
    entry("CatalogApplied", CATALOG),
    entry("ProjectApplied", PROJECT),
    entry("PolicyApplied", POLICY),
    entry("RemedyOrdered", REMEDY),
    entry("RemedyClosed", REMEDY_CLOSED),
];

/// Ban an image.
pub const BANNED: &str = "plimsoll.base.banned";
/// Lift a ban.
pub const LIFTED: &str = "plimsoll.base.lifted";
/// Replace a section of the catalog.
pub const CATALOG: &str = "plimsoll.catalog.applied";
/// Create or replace a project.
pub const PROJECT: &str = "plimsoll.project.applied";
/// Create or replace a policy.
pub const POLICY: &str = "plimsoll.policy.applied";
/// Order a declared remedy.
pub const REMEDY: &str = "plimsoll.remedy.ordered";
/// Close the remedies of a ban.
pub const REMEDY_CLOSED: &str = "plimsoll.remedy.closed";

/// How long a remedy may run where the catalog does not say: long enough for a package manager, short enough to notice.
const DEFAULT_REMEDY_TIMEOUT: Duration = Duration::from_secs(60);

const fn entry(message: &'static str, kind: &'static str) -> Entry {
    Entry { message, kind, stream: StreamName::Orders }
}

/// Reads a stored order. The operator is the subject's last token, which the broker let nobody else write.
pub fn decode(
    subject: &Subject,
    sequence: Sequence,
    at: OffsetDateTime,
    body: &[u8],
) -> Result<OrderRecord, Malformed> {
    let unknown = || Malformed::Subject(subject.to_string());
    let (kind, operator) = subject.split_kind().ok_or_else(unknown)?;
    let operator = operator.parse::<Operator>().map_err(|_| unknown())?;
    let order = decode_body(kind, body)?;
    Ok(OrderRecord { sequence, operator, at, order })
}

/// Reads an order's body, as [`decode`] does; for whoever wants to check one before giving it.
pub fn decode_body(kind: &str, body: &[u8]) -> Result<Order, Malformed> {
    match kind {
        BANNED => ban(json(body)?).map(Order::Ban),
        LIFTED => lift(json(body)?).map(Order::Lift),
        CATALOG => {
            let section = catalog::section(json(body)?)?;
            lists_itself(&section, body)?;
            Ok(Order::Catalog(section))
        }
        PROJECT => project(json(body)?).map(Order::Project),
        POLICY => policy::policy(json(body)?).map(Order::Policy),
        REMEDY => {
            let wire::RemedyOrdered { ban, remedy } = json(body)?;
            Ok(Order::Remedy(RemedyOrder { ban: field("ban", ban)?, remedy: field("remedy", remedy)? }))
        }
        REMEDY_CLOSED => {
            let wire::RemedyClosed { ban } = json(body)?;
            Ok(Order::RemedyClosed(BanSelector::Sequence(field("ban", ban)?)))
        }
        other => Err(Malformed::Subject(other.to_owned())),
    }
}

fn ban(wire: wire::BaseBanned) -> Result<Ban, Malformed> {
    let wire::BaseBanned { image, layer, reason, severity, roles, replacement, remedy, expires } = wire;
    let roles: BTreeSet<BaseRole> = field::<Vec<BaseRole>>("roles", roles)?.into_iter().collect();
    if roles.contains(&BaseRole::Add) {
        return Err(wrong("roles", "what is added is no image; leave `add` out"));
    }
    Ok(Ban {
        target: target(image, layer)?.ok_or_else(|| {
            wrong("image", "name what is banned: `image` with its tag or digest, or `layer`")
        })?,
        reason: required("reason", reason)?,
        severity: self::severity(&severity)?,
        // What is compiled elsewhere and copied in is the banned image's content; what only compiled it is not.
        roles: if roles.is_empty() { [BaseRole::Base, BaseRole::Copy].into() } else { roles },
        replacement: tagged("replacement", replacement)?,
        remedy: field("remedy", remedy)?,
        expires: field("expires", expires)?,
    })
}

fn lift(wire: wire::BaseLifted) -> Result<Lift, Malformed> {
    let wire::BaseLifted { image, layer, ban, reason } = wire;
    let bans = match (field::<Option<Sequence>>("ban", ban)?, target(image, layer)?) {
        (Some(sequence), None) => BanSelector::Sequence(sequence),
        (None, Some(target)) => BanSelector::Target(target),
        _ => return Err(wrong("ban", "name exactly one of `ban` (its order sequence), `image` and `layer`")),
    };
    Ok(Lift { bans, reason: required("reason", reason)? })
}

fn project(wire: wire::ProjectApplied) -> Result<Project, Malformed> {
    let wire::ProjectApplied { name, source, branch, definition, image, policy, webhook } = wire;
    let definition = or_default(definition, "Dockerfile");
    if definition.starts_with('/') || definition.split('/').any(|part| part == ".." || part.is_empty()) {
        return Err(wrong(
            "definition",
            "write a path inside the repository, such as Dockerfile or deploy/Dockerfile",
        ));
    }
    let branch = or_default(branch, "main");
    if branch.starts_with('-') || !branch.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b)) {
        return Err(wrong("branch", "write a branch name of letters, digits, . _ / and -"));
    }
    if !webhook.is_empty() && !webhook.starts_with("http://") && !webhook.starts_with("https://") {
        return Err(wrong("webhook", "write an http or https address"));
    }
    let source = required("source", source)?;
    if !is_address(&source) {
        return Err(wrong(
            "source",
            "write the repository's address, such as https://git.example/shop.git or git@git.example:team/shop.git",
        ));
    }
    Ok(Project {
        name: field("name", name)?,
        source,
        branch,
        definition,
        image: tagged("image", image)?
            .ok_or_else(|| wrong("image", "name where the image is published, with its tag"))?,
        policy: field("policy", policy)?,
        webhook: Some(webhook).filter(|webhook| !webhook.is_empty()),
    })
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

/// The target of a ban or lift; none when neither field is given.
fn target(image: String, layer: String) -> Result<Option<BanTarget>, Malformed> {
    match (image.is_empty(), layer.is_empty()) {
        (true, true) => Ok(None),
        (true, false) => field("layer", layer).map(BanTarget::Layer).map(Some),
        (false, false) => Err(wrong("layer", "name either `image` or `layer`, not both")),
        (false, true) => {
            let image = tagged("image", image)?.ok_or_else(|| wrong("image", "it is missing"))?;
            Ok(Some(match (image.digest(), image.tag()) {
                (Some(digest), _) => BanTarget::Digest(image.repository().clone(), digest.clone()),
                (None, Some(tag)) => BanTarget::Tag(image.repository().clone(), tag.clone()),
                (None, None) => return Err(wrong("image", "name its tag or digest")),
            }))
        }
    }
}

/// A reference that says its version: `latest` is never filled in for an order, since nobody bans or publishes by omission.
fn tagged(name: &'static str, text: String) -> Result<Option<ImageRef>, Malformed> {
    if text.starts_with("sha256:") || text.starts_with("sha512:") {
        return Err(wrong(
            name,
            "that is a digest alone; write repository@digest, or name a diff id as `layer`",
        ));
    }
    let Some(image) = field::<Option<ImageRef>>(name, text.clone())? else { return Ok(None) };
    let says_version = text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if says_version {
        Ok(Some(image))
    } else {
        Err(wrong(name, "name its tag or digest; nothing is filled in for an order"))
    }
}

fn severity(text: &str) -> Result<Severity, Malformed> {
    match text {
        "" => Ok(Severity::High),
        other => Severity::ALL
            .into_iter()
            .find(|severity| severity.as_str() == other)
            .ok_or_else(|| wrong("severity", "write low, high or critical")),
    }
}

fn field<T: Field>(field: &'static str, wire: T::Wire) -> Result<T, Malformed> {
    T::read(wire).map_err(|reason| Malformed::Field { field, reason })
}

fn required(field: &'static str, text: String) -> Result<String, Malformed> {
    if text.trim().is_empty() { Err(wrong(field, "it is missing")) } else { Ok(text) }
}

fn or_default(text: String, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { text }
}

fn wrong(field: &'static str, reason: &str) -> Malformed {
    Malformed::Field { field, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
