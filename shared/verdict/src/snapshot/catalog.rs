//! The catalog's sections as they are folded: what contradicts itself, or leads where nobody may go, is turned down when it is ordered,
//! not when a build needs it. Bans that come later are the decision's to see (`from`).

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Digest, ImageRef, Repository};
use time::OffsetDateTime;

use super::{ActiveBan, Rejection, Snapshot};
use crate::{
    glob::Glob,
    order::{
        Base, CatalogSection, Excuse, ImagePattern, Name, Replacement, Severity, Standing, Template,
        WildcardPattern,
    },
};

/// More replacement rules than this are a catalog of their own; each pair is compared.
const MOST_REPLACEMENTS: usize = 64;

/// Why a section of the catalog changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogFault {
    /// One repository has two entries.
    #[error("{0} has two entries; write one with all its versions")]
    TwoEntries(Repository),
    /// The version to use is called outdated.
    #[error(
        "{0} is both current and outdated ({1}); name another current version, or take it out of the outdated ones"
    )]
    OutdatedCurrent(ImageRef, String),
    /// Two rules have one name.
    #[error("two replacement rules are called {0}; give each its own name")]
    TwoRules(Name),
    /// There are too many rules.
    #[error(
        "there are {0} replacement rules; {MOST_REPLACEMENTS} are the most, wildcards and groups make one of many"
    )]
    TooManyRules(usize),
    /// Rules lead in a circle.
    #[error("the rules lead in a circle: {0}")]
    Loop(String),
    /// Two rules lead one reference to different images.
    #[error(
        "{image} is replaced by {one} with rule {first} and by {other} with rule {second}; let one rule mean it"
    )]
    Conflict {
        /// The reference that both mean.
        image: String,
        /// The first rule.
        first: Name,
        /// Where it leads.
        one: String,
        /// The second rule.
        second: Name,
        /// Where it leads.
        other: String,
    },
    /// A rule leads away from what the catalog allows.
    #[error(
        "rule {0} replaces {1}, to which the catalog or another rule leads; take it out of the catalog, or out of the rule"
    )]
    ReplacesAllowed(Name, ImageRef),
    /// A rule leads outside the catalog.
    #[error(
        "rule {0} leads to {1}, which the catalog does not allow; change the rule, or apply `bases` that allow it"
    )]
    LeadsOutside(Name, ImageRef),
    /// Wherever a rule leads, it is outside the catalog.
    #[error(
        "rule {0} leads to {1}, and the catalog has no base of such a name; change the rule, or apply `bases` that have one"
    )]
    LeadsNowhere(Name, Template),
    /// A hold or an exception that is new has ended already.
    #[error("the {what} of {project} ended on {}; name a time to come, or leave it out", ends.date())]
    Ended {
        /// Which of them.
        what: &'static str,
        /// Whose.
        project: Name,
        /// When.
        ends: OffsetDateTime,
    },
    /// A rule leads to something banned.
    #[error("rule {0} leads to {1}, which is banned; name another image, or lift that ban first")]
    LeadsToBanned(Name, ImageRef),
}

/// A rule, and what it makes of a reference: an image, or the text that is none.
pub(crate) type Answer<'a> = (&'a Replacement, Result<ImageRef, String>);

impl From<CatalogFault> for Rejection {
    fn from(fault: CatalogFault) -> Self {
        Self::Catalog(Box::new(fault))
    }
}

impl Snapshot {
    /// The replacement rules, in the order they were written.
    pub fn replacements(&self) -> &[Replacement] {
        &self.replacements
    }

    /// Why `image` may stay in `project` although `ban` covers it; for no ban, although the catalog would have it otherwise.
    ///
    /// Nothing reaches past a critical ban. A hold keeps a version and opens nothing: whether the catalog lists it is the asker's to see.
    pub fn excuse(
        &self,
        project: Option<&Name>,
        image: &ImageRef,
        ban: Option<&ActiveBan>,
        now: OffsetDateTime,
    ) -> Option<Excuse<'_>> {
        let project = project?;
        let severity = ban.map(|ban| ban.ban.severity);
        if severity == Some(Severity::Critical) {
            return None;
        }
        let exception = self.exceptions.iter().filter(|exception| exception.holds(project, image, now)).find(
            |exception| match ban {
                Some(ban) => {
                    exception.max_class >= severity
                        && exception.ban.is_none_or(|only| only == ban.record.sequence)
                }
                None => exception.ban.is_none(),
            },
        );
        let hold = || self.holds.iter().find(|hold| hold.holds(project, image, now)).map(Excuse::Hold);
        exception.map(Excuse::Exception).or_else(hold)
    }

    /// Why `project` may add `source` where no image lies below: only an exception that says so (`add:…`).
    pub fn excuse_added(
        &self,
        project: Option<&Name>,
        source: &str,
        now: OffsetDateTime,
    ) -> Option<Excuse<'_>> {
        let project = project?;
        let mut exceptions = self.exceptions.iter();
        exceptions.find(|exception| exception.holds_added(project, source, now)).map(Excuse::Exception)
    }

    /// Whether the catalog allows `image` as it is written, or a project of ours publishes it.
    pub fn allows(&self, image: &ImageRef) -> bool {
        self.allows_in(&self.bases, image)
    }

    fn allows_in(&self, bases: &BTreeMap<Repository, Base>, image: &ImageRef) -> bool {
        let base = bases.get(image.repository());
        let listed = base.zip(image.tag()).is_some_and(|(base, tag)| base.allows(tag));
        listed || self.publishes(image.repository()).is_some()
    }

    /// The project that publishes into `repository`.
    pub fn publishes(&self, repository: &Repository) -> Option<&Name> {
        self.projects
            .values()
            .find(|project| project.image.repository() == repository)
            .map(|project| &project.name)
    }

    /// Whether a ban that holds at `now` covers `image`; see [`Snapshot::bans_of`].
    pub fn is_banned(&self, image: &ImageRef, now: OffsetDateTime) -> bool {
        self.bans_of(image, now).next().is_some()
    }

    /// The bans that hold at `now` and cover `image`, by its name, its digest, or what its tag points at where the catalog knows it.
    pub fn bans_of(&self, image: &ImageRef, now: OffsetDateTime) -> impl Iterator<Item = &ActiveBan> {
        let mut digests: BTreeSet<Digest> = image.digest().cloned().into_iter().collect();
        let mut chains = BTreeSet::new();
        if let Some(indexed) = self.indexed(image) {
            digests.extend(indexed.digests.iter().cloned());
            chains.extend(indexed.chains.iter().cloned());
        }
        let holding = self.bans.values().filter(move |ban| ban.holds_at(now));
        holding.filter(move |ban| {
            let coverage = self.coverage(ban);
            let touches = !coverage.digests.is_disjoint(&digests) || !coverage.chains.is_disjoint(&chains);
            touches || (ban.ban.names(image) && !coverage.cleared.newest)
        })
    }

    pub(super) fn check_section(
        &self,
        section: &CatalogSection,
        at: OffsetDateTime,
    ) -> Result<(), CatalogFault> {
        match section {
            CatalogSection::Bases(bases) => {
                check_bases(bases)?;
                // Rules that stood on the old entries must stand on the new ones; bans are no reason to refuse a catalog.
                self.check_targets(&by_repository(bases), &self.replacements)
            }
            CatalogSection::Replacements(rules) => {
                check_rules(rules)?;
                self.check_targets(&self.bases, rules)?;
                let mut targets = rules.iter().filter_map(|rule| Some((rule, rule.fixed_target()?)));
                match targets.find(|(_, target)| self.is_banned(target, at)) {
                    Some((rule, target)) => Err(CatalogFault::LeadsToBanned(rule.name.clone(), target)),
                    None => Ok(()),
                }
            }
            // What ended since may stay where it stands: the section is applied as a whole.
            CatalogSection::Holds(holds) => {
                let new = holds.iter().filter(|hold| !self.holds.contains(hold));
                check_ends(new.map(|hold| ("hold", &hold.project, hold.expires)), at)
            }
            CatalogSection::Exceptions(exceptions) => {
                let new = exceptions.iter().filter(|exception| !self.exceptions.contains(exception));
                check_ends(new.map(|exception| ("exception", &exception.project, exception.ends)), at)
            }
            CatalogSection::Remedies(_) | CatalogSection::Doors(_) => Ok(()),
        }
    }

    /// Whether that changed anything.
    pub(super) fn apply_section(&mut self, section: &CatalogSection) -> bool {
        match section {
            CatalogSection::Bases(bases) => {
                std::mem::replace(&mut self.bases, by_repository(bases)) != self.bases
            }
            CatalogSection::Remedies(remedies) => {
                let remedies = remedies.iter().map(|remedy| (remedy.name.clone(), remedy.clone())).collect();
                std::mem::replace(&mut self.remedies, remedies) != self.remedies
            }
            CatalogSection::Doors(doors) => std::mem::replace(&mut self.doors, doors.clone()) != self.doors,
            CatalogSection::Replacements(rules) => {
                std::mem::replace(&mut self.replacements, rules.clone()) != self.replacements
            }
            CatalogSection::Holds(holds) => std::mem::replace(&mut self.holds, holds.clone()) != self.holds,
            CatalogSection::Exceptions(exceptions) => {
                std::mem::replace(&mut self.exceptions, exceptions.clone()) != self.exceptions
            }
        }
    }

    /// Every fixed target is in a catalog of these `bases`, any other may be, and nothing is replaced that it names as allowed or
    /// to which a rule leads.
    fn check_targets(
        &self,
        bases: &BTreeMap<Repository, Base>,
        rules: &[Replacement],
    ) -> Result<(), CatalogFault> {
        let published = self.projects.values().map(|project| project.image.repository());
        let mut ends: Vec<ImageRef> = Vec::new();
        for rule in rules {
            match rule.fixed_target() {
                Some(target) if !self.allows_in(bases, &target) => {
                    return Err(CatalogFault::LeadsOutside(rule.name.clone(), target));
                }
                None if !bases.keys().chain(published.clone()).any(|base| may_lead_to(rule, base)) => {
                    return Err(CatalogFault::LeadsNowhere(rule.name.clone(), rule.to.clone()));
                }
                target => ends.extend(target),
            }
        }
        for base in bases.values() {
            let allowed = base.tags().filter(|tag| base.allows(tag));
            ends.extend(allowed.map(|tag| base.repository.at_tag(tag.clone())));
        }
        let replaces = |rule: &Replacement, end: &ImageRef| {
            rule.target(end).is_some_and(|target| target.as_ref() != Ok(end))
        };
        let found = rules.iter().find_map(|rule| Some((rule, ends.iter().find(|end| replaces(rule, end))?)));
        match found {
            Some((rule, end)) => Err(CatalogFault::ReplacesAllowed(rule.name.clone(), end.clone())),
            None => Ok(()),
        }
    }
}

/// Whether the rule may lead to some version of this image.
fn may_lead_to(rule: &Replacement, image: &Repository) -> bool {
    rule.targets().common(&Glob::new(&format!("{image}:*"))).is_some()
}

fn by_repository(bases: &[Base]) -> BTreeMap<Repository, Base> {
    bases.iter().map(|base| (base.repository.clone(), base.clone())).collect()
}

fn check_ends<'n>(
    mut excuses: impl Iterator<Item = (&'static str, &'n Name, OffsetDateTime)>,
    at: OffsetDateTime,
) -> Result<(), CatalogFault> {
    match excuses.find(|(_, _, ends)| *ends <= at) {
        Some((what, project, ends)) => Err(CatalogFault::Ended { what, project: project.clone(), ends }),
        None => Ok(()),
    }
}

fn check_bases(bases: &[Base]) -> Result<(), CatalogFault> {
    let mut seen = BTreeSet::new();
    for base in bases {
        if !seen.insert(&base.repository) {
            return Err(CatalogFault::TwoEntries(base.repository.clone()));
        }
        if let Some(rule) = base.outdated.iter().find(|rule| rule.tag() == Some(&base.current)) {
            let current = base.repository.at_tag(base.current.clone());
            return Err(CatalogFault::OutdatedCurrent(current, Standing::Outdated(rule).to_string()));
        }
    }
    Ok(())
}

/// What can be said of the rules alone: no circle, no two answers to one question.
fn check_rules(rules: &[Replacement]) -> Result<(), CatalogFault> {
    if rules.len() > MOST_REPLACEMENTS {
        return Err(CatalogFault::TooManyRules(rules.len()));
    }
    for (number, rule) in rules.iter().enumerate() {
        let others = rules.get(number + 1..).unwrap_or_default();
        if others.iter().any(|other| other.name == rule.name) {
            return Err(CatalogFault::TwoRules(rule.name.clone()));
        }
        check_circle(rules, rule)?;
    }
    let mut questions: Vec<ImageRef> = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        questions.extend(asked_by(rule));
        for other in rules.get(number + 1..).unwrap_or_default() {
            questions.extend(asked_by_both(rule, other));
        }
    }
    questions.iter().try_for_each(|image| answers(rules, image).map(|_| ()))
}

/// Follows what a rule leads to from rule to rule. Where that depends on what is written: what it makes of a reference that it means,
/// and what it may make of others that a rule means in turn.
fn check_circle(rules: &[Replacement], first: &Replacement) -> Result<(), CatalogFault> {
    if let Some(target) = first.fixed_target() {
        let path = match &first.from {
            ImagePattern::Exact(image) => vec![image.clone()],
            ImagePattern::Wildcard(_) | ImagePattern::Regex(_) => Vec::new(),
        };
        return follow(rules, path, target);
    }
    if let Some(image) = asked_by(first)
        && let Some(Ok(target)) = first.target(&image)
        && target != image
    {
        follow(rules, vec![image], target)?;
    }
    let targets = first.targets();
    let mut met = rules.iter().filter_map(|rule| targets.common(&rule.from.glob()?)?.parse().ok());
    met.try_for_each(|target| follow(rules, Vec::new(), target))
}

/// Follows the rules from one reference on.
fn follow(rules: &[Replacement], mut path: Vec<ImageRef>, mut at: ImageRef) -> Result<(), CatalogFault> {
    // Each step takes another rule or closes a circle.
    for _ in 0..=rules.len() {
        let closes = path.contains(&at);
        path.push(at.clone());
        if closes {
            break;
        }
        match rules.iter().find_map(|rule| rule.target(&at)) {
            Some(Ok(next)) if next != at => at = next,
            Some(_) | None => return Ok(()),
        }
    }
    let path: Vec<String> = path.iter().map(ToString::to_string).collect();
    Err(CatalogFault::Loop(path.join(" -> ")))
}

/// References that a rule means for certain.
fn asked_by(rule: &Replacement) -> Option<ImageRef> {
    match &rule.from {
        ImagePattern::Exact(image) => Some(image.clone()),
        ImagePattern::Wildcard(WildcardPattern(glob)) => glob.as_str().replace(['*', '?'], "x").parse().ok(),
        ImagePattern::Regex(_) => None,
    }
}

/// A reference that both rules mean, where both are wildcards; what a regular expression means beside others is seen when it is asked.
fn asked_by_both(one: &Replacement, other: &Replacement) -> Option<ImageRef> {
    match (&one.from, &other.from) {
        (ImagePattern::Wildcard(one), ImagePattern::Wildcard(other)) => {
            one.0.common(&other.0).and_then(|text| text.parse().ok())
        }
        _ => None,
    }
}

/// What the rules make of one reference, and the rule that says so; an error where two say different things.
pub(crate) fn answers<'a>(
    rules: &'a [Replacement],
    image: &ImageRef,
) -> Result<Option<Answer<'a>>, CatalogFault> {
    let mut found: Option<Answer<'_>> = None;
    let shown = |target: &Result<ImageRef, String>| match target {
        Ok(image) => image.to_string(),
        Err(text) => text.clone(),
    };
    for rule in rules {
        let Some(target) = rule.target(image) else { continue };
        match &found {
            Some((first, one)) if *one != target => {
                return Err(CatalogFault::Conflict {
                    image: image.to_string(),
                    first: first.name.clone(),
                    one: shown(one),
                    second: rule.name.clone(),
                    other: shown(&target),
                });
            }
            Some(_) => {}
            None => found = Some((rule, target)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
