//! Orders as JSON: read strictly, judged field by field, so that a mistake is answered with what to write instead.

mod catalog;
mod credential;
mod objection;
mod policy;

use std::{collections::BTreeSet, time::Duration};

use artifact::{BaseRole, ImageRef};
use proto::v1 as wire;
use time::OffsetDateTime;
use verdict::{
    Order, OrderRecord, Sequence,
    order::{Ban, BanSelector, BanTarget, Fixed, Lift, Operator, Project, RemedyOrder, Severity},
};

use crate::{Entry, Malformed, Subject, field::Field, message::decode as json, topology::StreamName};

pub use credential::credentials;

/// The orders, as the catalogue lists them.
pub const ENTRIES: &[Entry] = &[
    entry("BaseBanned", BANNED),
    entry("BaseLifted", LIFTED),
    entry("BaseFixed", FIXED),
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
/// Record from which digest on a banned tag is clean.
pub const FIXED: &str = "plimsoll.base.fixed";
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

/// A stored order as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// What it says.
    pub record: OrderRecord,
    /// What speaks against it, though it can be read: for orders that nobody has accepted.
    pub objection: Option<Malformed>,
}

/// Reads a stored order. The operator is the subject's last token, which the broker let nobody else write.
///
/// # Errors
/// It cannot be read, whoever accepted it.
pub fn decode(
    subject: &Subject,
    sequence: Sequence,
    at: OffsetDateTime,
    body: &[u8],
) -> Result<Stored, Malformed> {
    let unknown = || Malformed::Subject(subject.to_string());
    let (kind, operator) = subject.split_kind().ok_or_else(unknown)?;
    let operator = operator.parse::<Operator>().map_err(|_| unknown())?;
    let order = read(kind, body)?;
    let objection = objection::to(kind, &order, body).err();
    Ok(Stored { record: OrderRecord { sequence, operator, at, order }, objection })
}

/// Reads an order's body for whoever wants to check one before giving it.
///
/// # Errors
/// It cannot be read, or something speaks against it.
pub fn decode_body(kind: &str, body: &[u8]) -> Result<Order, Malformed> {
    let order = read(kind, body)?;
    objection::to(kind, &order, body)?;
    Ok(order)
}

fn read(kind: &str, body: &[u8]) -> Result<Order, Malformed> {
    // What cannot be read is answered in words that repeat it.
    parse(kind, body).map_err(|error| credential::check(kind, body).err().unwrap_or(error))
}

fn parse(kind: &str, body: &[u8]) -> Result<Order, Malformed> {
    match kind {
        BANNED => ban(json(body)?).map(Order::Ban),
        LIFTED => lift(json(body)?).map(Order::Lift),
        FIXED => fixed(json(body)?).map(Order::Fixed),
        CATALOG => catalog::section(json(body)?).map(Order::Catalog),
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
    let bans = selector(ban, target(image, layer)?)
        .ok_or_else(|| wrong("ban", "name exactly one of `ban` (its order sequence), `image` and `layer`"))?;
    Ok(Lift { bans, reason: required("reason", reason)? })
}

fn fixed(wire: wire::BaseFixed) -> Result<Fixed, Malformed> {
    let wire::BaseFixed { image, ban, digest, reason } = wire;
    let bans = selector(ban, target(image, String::new())?).ok_or_else(|| {
        wrong("ban", "name exactly one of `ban` (its order sequence) and `image` (the banned tag)")
    })?;
    if let BanSelector::Target(BanTarget::Digest(..)) = bans {
        return Err(wrong("image", "name the banned tag alone; its first clean digest is `digest`"));
    }
    Ok(Fixed { bans, digest: field("digest", digest)?, reason: required("reason", reason)? })
}

/// The bans that are meant; none unless exactly one of the two is given.
fn selector(ban: u64, target: Option<BanTarget>) -> Option<BanSelector> {
    match (ban, target) {
        (0, Some(target)) => Some(BanSelector::Target(target)),
        (0, None) | (_, Some(_)) => None,
        (sequence, None) => Some(BanSelector::Sequence(Sequence(sequence))),
    }
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
    Ok(Project {
        name: field("name", name)?,
        source: required("source", source)?,
        branch,
        definition,
        image: tagged("image", image)?
            .ok_or_else(|| wrong("image", "name where the image is published, with its tag"))?,
        policy: field("policy", policy)?,
        webhook: Some(webhook).filter(|webhook| !webhook.is_empty()),
    })
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
