//! Which base does this FROM get? The catalog's answer for one reference in one definition.

mod rule;
mod settle;

use std::fmt;

use artifact::{ImageFacts, ImageRef};
use time::OffsetDateTime;

pub use rule::FromRule;

use self::settle::{Candidate, Judge, nearest};
use crate::{
    decide::{Decision, Door, Rule, decide_unless},
    order::{Base, Excuse, Name, Pins, Sequence, Standing},
    snapshot::{ActiveBan, Snapshot, catalog::answers},
};

/// What the catalog makes of a reference, and the rule that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseChoice {
    /// It stays as written.
    Keep {
        /// What allows it.
        rule: FromRule,
    },
    /// Another version is built on instead.
    Replace {
        /// The version to build on.
        with: ImageRef,
        /// Whether the source is to name its digest.
        pin: Pins,
        /// What fired.
        rule: FromRule,
        /// Why, for the team.
        why: String,
    },
    /// The build is refused.
    Refuse {
        /// What fired.
        rule: FromRule,
        /// Why.
        why: String,
        /// The nearest base that is allowed.
        nearest: Option<ImageRef>,
    },
}

/// Chooses the base for a reference as written in a definition of `project`.
///
/// A base is allowed when the catalog lists its repository and version, or when it is published by a project of ours (an image that
/// the pipeline itself judged). A banned or outdated version is replaced where a way is known, else refused; nothing outside the
/// catalog passes, unless a replacement rule leads into it or an exception of the project says so. What is built on instead is never
/// banned, never outside the catalog, and never older unless an operator said so. An empty catalog allows nothing.
pub fn choose_base(
    snapshot: &Snapshot,
    project: Option<&Name>,
    written: &ImageRef,
    now: OffsetDateTime,
) -> BaseChoice {
    // Only what the name itself tells counts here; the layers are judged when the image has been read.
    let named = ImageFacts {
        references: vec![written.clone()],
        digests: written.digest().cloned().into_iter().collect(),
        ..ImageFacts::default()
    };
    let excused = |ban: &_| snapshot.excuse(project, written, Some(ban), now).is_some();
    let verdict = decide_unless(snapshot, &named, Door::From, now, excused);
    let judge = Judge { snapshot, written, now };
    let base = snapshot.base(written.repository());
    if matches!(verdict.rule, Rule::Banned(_)) && verdict.strict == Decision::Refuse {
        let ban = verdict.ban.as_ref().map(|ban| ban.origin.sequence);
        return banned(&judge, verdict.to_string(), ban, verdict.replacement, base);
    }
    // Its tag may point at what is banned under another name.
    if let Some(ban) = snapshot.bans_of(written, now).find(|ban| !excused(ban)) {
        let ActiveBan { record, ban, .. } = ban;
        let why = format!(
            "{written} is {} by another name, banned by {}: {}",
            ban.target,
            record.operator,
            crate::order::shortened(&ban.reason)
        );
        return banned(&judge, why, Some(record.sequence), ban.replacement.clone(), base);
    }
    let excuse = snapshot.excuse(project, written, None, now);
    if let Some(Excuse::Exception(exception)) = excuse {
        return BaseChoice::Keep { rule: FromRule::Exception(exception.name.clone(), excuse_text(excuse)) };
    }
    if let Some(publisher) = snapshot.publishes(written.repository()).filter(|_| base.is_none()) {
        return BaseChoice::Keep { rule: FromRule::Project(publisher.clone()) };
    }
    let Some(base) = base else {
        return replaced(&judge, format!("{written} is not in the catalog"), FromRule::NotListed);
    };
    let Some(tag) = written.tag() else { return by_digest(&judge, base) };
    let standing = base.standing(tag);
    let rule = FromRule::Catalog(base.repository.clone(), standing.to_string());
    match standing {
        Standing::Current | Standing::Allowed(_) => kept(&judge, base, rule),
        Standing::Outdated(_) => match excuse {
            // A hold keeps a version, not whatever digest stands beside its tag.
            Some(Excuse::Hold(hold)) if judge.is_placed() || hold.image.digest().is_some() => {
                BaseChoice::Keep { rule: FromRule::Hold(hold.project.clone(), excuse_text(excuse)) }
            }
            Some(_) | None => {
                let why = format!("{tag} is outdated; the catalog's current version is {}", base.current);
                judge.settle(judge.versions(base, &rule), why, rule)
            }
        },
        Standing::Unlisted => {
            replaced(&judge, format!("version {tag} of {} is not in the catalog", base.repository), rule)
        }
    }
}

/// The refusal of what is written as `written` and may be any image; `why` it cannot be told.
pub fn refuse_unresolved(snapshot: &Snapshot, written: &str, why: String, now: OffsetDateTime) -> BaseChoice {
    BaseChoice::Refuse { rule: FromRule::Unresolved, why, nearest: nearest(snapshot, written, None, now) }
}

/// Chooses for `source`, which ADD adds where no image lies below: a base that no catalog lists, so it is refused with that reason
/// unless an exception of the project opens it.
pub fn choose_added(
    snapshot: &Snapshot,
    project: Option<&Name>,
    source: &str,
    why: String,
    now: OffsetDateTime,
) -> BaseChoice {
    match snapshot.excuse_added(project, source, now) {
        Some(Excuse::Exception(exception)) => BaseChoice::Keep {
            rule: FromRule::Exception(exception.name.clone(), Excuse::Exception(exception).to_string()),
        },
        Some(Excuse::Hold(_)) | None => {
            let nearest = nearest(snapshot, source, None, now);
            BaseChoice::Refuse { rule: FromRule::Added, why, nearest }
        }
    }
}

/// Banned: what the ban names, then what the rules and the catalog know.
fn banned(
    judge: &Judge<'_>,
    why: String,
    ban: Option<Sequence>,
    replacement: Option<ImageRef>,
    base: Option<&Base>,
) -> BaseChoice {
    let rule = ban.map_or(FromRule::NotListed, FromRule::Ban);
    // The operator who named it knows whether it is older.
    let named = successors(judge, replacement);
    let mut candidates: Vec<Candidate> =
        named.into_iter().map(|image| Candidate::said(image, rule.clone())).collect();
    match answers(judge.snapshot.replacements(), judge.written) {
        Ok(answer) => {
            candidates.extend(answer.and_then(|(rule, target)| Some(Candidate::by(rule, target.ok()?))))
        }
        Err(conflict) if candidates.is_empty() => {
            return judge.refuse(format!("{why}; {conflict}"), rule);
        }
        Err(_) => {}
    }
    candidates.extend(base.into_iter().flat_map(|base| judge.versions(base, &rule)));
    judge.settle(candidates, why, rule)
}

/// The replacement that a ban names and, where a later ban covers that one, what the later ban names, and so on: each once.
fn successors(judge: &Judge<'_>, first: Option<ImageRef>) -> Vec<ImageRef> {
    let mut found: Vec<ImageRef> = Vec::new();
    let mut next = first;
    while let Some(image) = next.filter(|image| !found.contains(image)) {
        next = judge.snapshot.bans_of(&image, judge.now).find_map(|ban| ban.ban.replacement.clone());
        found.push(image);
    }
    found
}

/// Outside the catalog: where a replacement rule leads, or nowhere.
fn replaced(judge: &Judge<'_>, why: String, rule: FromRule) -> BaseChoice {
    match answers(judge.snapshot.replacements(), judge.written) {
        Ok(None) => judge.refuse(why, rule),
        Ok(Some((rule, Ok(target)))) => {
            let candidate = Candidate::by(rule, target);
            let rule = candidate.rule.clone();
            judge.settle(vec![candidate], why, rule)
        }
        Ok(Some((rule, Err(text)))) => {
            let fired = FromRule::Replacement(rule.name.clone());
            judge.refuse(
                format!("{why}, and rule {} makes `{text}` of it, which is no image", rule.name),
                fired,
            )
        }
        Err(conflict) => judge.refuse(format!("{why}, and its rules disagree: {conflict}"), rule),
    }
}

/// Allowed by its version; what remains is its digest.
fn kept(judge: &Judge<'_>, base: &Base, rule: FromRule) -> BaseChoice {
    let Some(tag) = judge.written.tag() else { return BaseChoice::Keep { rule } };
    let with = base.repository.at_tag(tag.clone());
    let why = if !judge.is_placed() {
        format!("{with} does not point at that digest")
    } else if judge.written.digest().is_none() && base.pins == Pins::Digest {
        format!("the catalog has {} named with its digest", base.repository)
    } else {
        return BaseChoice::Keep { rule };
    };
    let candidate = Candidate { image: with, rule: rule.clone(), said: true };
    judge.settle_at(vec![candidate], why, rule, Pins::Digest)
}

/// A digest without a tag: it is allowed where an allowed tag is known to point at it.
fn by_digest(judge: &Judge<'_>, base: &Base) -> BaseChoice {
    let Judge { snapshot, written, .. } = judge;
    let points = |tag: &&artifact::Tag| {
        let indexed = snapshot.indexed(&base.repository.at_tag((*tag).clone()));
        indexed.zip(written.digest()).is_some_and(|(indexed, digest)| indexed.digests.contains(digest))
    };
    match snapshot.indexed_tags(&base.repository).filter(|tag| base.allows(tag)).find(points) {
        Some(tag) => {
            let standing = base.standing(tag);
            BaseChoice::Keep { rule: FromRule::Catalog(base.repository.clone(), standing.to_string()) }
        }
        None => judge.refuse(
            format!(
                "{written} is pinned by digest alone, which the catalog cannot place; name its version too"
            ),
            FromRule::Catalog(base.repository.clone(), Standing::Unlisted.to_string()),
        ),
    }
}

fn excuse_text(excuse: Option<Excuse<'_>>) -> String {
    excuse.map(|excuse| excuse.to_string()).unwrap_or_default()
}

impl BaseChoice {
    /// The rule that fired.
    pub fn rule(&self) -> &FromRule {
        match self {
            Self::Keep { rule } | Self::Replace { rule, .. } | Self::Refuse { rule, .. } => rule,
        }
    }
}

impl fmt::Display for BaseChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep { rule } => write!(f, "allowed: {rule}"),
            Self::Replace { with, pin: _, rule, why } => {
                write!(f, "built on {with} instead ({rule}): {why}")
            }
            Self::Refuse { rule, why, nearest } => {
                write!(f, "{why} ({rule}); ")?;
                match nearest {
                    Some(nearest) => write!(f, "the nearest allowed base is {nearest}")?,
                    None => f.write_str("the catalog allows no base yet")?,
                }
                f.write_str("; who must stay on this one for a while asks operations for an exception")
            }
        }
    }
}

#[cfg(test)]
mod tests;
