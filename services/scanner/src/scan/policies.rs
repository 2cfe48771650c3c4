//! What policies make of a definition: which of them hold, what their modules' findings are worth, and which of them refuse. Asking is done elsewhere; a
//! policy that holds and has no answer refuses.

use std::sync::Arc;

use evaluator::{Answer, Found};
use events::fact::Finding;
use lint::{Level, rules::elsewhere};
use verdict::{
    Snapshot,
    order::{Name, Policy, Rego, Silencing},
    snapshot::{Absence, PolicyInForce},
};

use super::line;

/// A policy that was asked about a definition.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The policy in the revision that was asked.
    pub policy: Arc<PolicyInForce>,
    /// What it says, or why it says nothing: to be read after its name.
    pub answer: Result<Answer, String>,
}

/// The policies that hold for `project`: the one that it names, then those that name it.
pub fn in_force<'s>(snapshot: &'s Snapshot, project: Option<&Name>) -> Vec<&'s Arc<PolicyInForce>> {
    let Some(name) = project else { return Vec::new() };
    let own = named(snapshot, name);
    let others = snapshot.policies().filter(|held| held.policy.reaches(name));
    own.into_iter()
        .chain(others.filter(|held| own.is_none_or(|own| own.policy.name != held.policy.name)))
        .collect()
}

fn named<'s>(snapshot: &'s Snapshot, project: &Name) -> Option<&'s Arc<PolicyInForce>> {
    snapshot.policy(snapshot.project(project)?.policy.as_ref()?)
}

/// What the linter's findings are held to: the policy that the project names, what any of its policies denies, and what the strictest of them lets comments
/// silence.
pub(super) fn of_linter(snapshot: &Snapshot, project: Option<&Name>) -> lint::Policy {
    let own = project.and_then(|project| named(snapshot, project)).map(|held| &held.policy);
    let all = in_force(snapshot, project);
    let denied = all.iter().flat_map(|held| held.policy.deny.iter().cloned());
    // What one policy forbids, another may not allow.
    let strictest = all.iter().map(|held| held.policy.silencing).max().unwrap_or_default();
    let built_in = lint::Policy::default();
    lint::Policy {
        // The order was read with the same words; none refuses by level alone.
        fail_on: own
            .map_or(built_in.fail_on, |own| own.fail_on.as_ref().and_then(|level| level.parse().ok())),
        deny: denied.collect(),
        ignore: own.map(|own| own.ignore.clone()).unwrap_or_default(),
        silencing: silencing(strictest),
        ..built_in
    }
}

fn silencing(ordered: Silencing) -> lint::Silencing {
    match ordered {
        Silencing::Heard => lint::Silencing::Heard,
        Silencing::WithReason => lint::Silencing::WithReason,
        Silencing::Forbidden => lint::Silencing::Forbidden,
    }
}

/// What the modules of all policies that hold have found, and whether any of it refuses.
pub(super) fn judge(snapshot: &Snapshot, project: Option<&Name>, asked: &[Asked]) -> (Vec<Finding>, bool) {
    let (mut findings, mut refused) = (Vec::new(), false);
    if let Some(absent) = absent(snapshot, project) {
        findings.push(absent);
        refused = true;
    }
    let all = in_force(snapshot, project);
    for held in &all {
        let Some(rego) = &held.policy.rego else { continue };
        // What one policy denies, another may not let pass: its own dry runs among them.
        let others = all.iter().filter(|other| other.policy.name != held.policy.name);
        let denied: Vec<&str> =
            others.flat_map(|other| other.policy.deny.iter().map(String::as_str)).collect();
        let same = |asked: &&Asked| asked.policy.revision == held.revision;
        let told = match asked.iter().find(same).map(|asked| &asked.answer) {
            Some(Ok(answer)) => {
                answer.findings.iter().filter_map(|found| told(&held.policy, rego, &denied, found)).collect()
            }
            Some(Err(why)) => vec![unanswered(held, rego, &denied, why)],
            None => vec![unanswered(held, rego, &denied, "was not asked; scan again")],
        };
        for (finding, refuses) in told {
            findings.push(finding);
            refused |= refuses;
        }
    }
    (findings, refused)
}

fn told(policy: &Policy, rego: &Rego, elsewhere: &[&str], found: &Found) -> Option<(Finding, bool)> {
    let Found { line: at, rule, denies, message } = found;
    let code = format!("{}/{rule}", policy.name);
    let denied_elsewhere = elsewhere.contains(&code.as_str());
    let denied = denied_elsewhere || policy.deny.contains(&code);
    if !denied && policy.ignore.contains(&code) {
        return None;
    }
    let own = if *denies { Level::Error } else { Level::Warning };
    let level = rego.level_of(rule).and_then(|level| level.parse().ok()).unwrap_or(own);
    let finding =
        Finding { line: line(*at), code, level: level.as_str().to_owned(), message: message.clone() };
    let is_dry = rego.is_dry(rule) && !denied_elsewhere;
    Some(if is_dry { (dry(finding), false) } else { (finding, denied || reaches(policy, level)) })
}

/// A project that wants to be judged by a policy is not judged by less: what cannot be read is not waved through.
fn absent(snapshot: &Snapshot, project: Option<&Name>) -> Option<Finding> {
    let policy = snapshot.project(project?)?.policy.as_ref()?;
    let absence = snapshot.absence(policy)?;
    let advice = match absence {
        Absence::Awaited(_) => "push again when it is accepted (`plimsoll policy list`)",
        Absence::Unknown | Absence::Rejected(..) => {
            "apply it (`plimsoll policy apply`), or have the project name another, then push again"
        }
    };
    Some(Finding {
        line: 1,
        code: elsewhere::ABSENT.code.to_owned(),
        level: elsewhere::ABSENT.level.as_str().to_owned(),
        message: format!("the project wants to be judged by the policy {policy}, {absence}; {advice}"),
    })
}

/// Whether the policy that the project names waits for its first acceptance.
pub(crate) fn is_awaited(snapshot: &Snapshot, project: Option<&Name>) -> bool {
    let policy = project.and_then(|project| snapshot.project(project)?.policy.as_ref());
    policy.is_some_and(|policy| matches!(snapshot.absence(policy), Some(Absence::Awaited(_))))
}

/// Nobody knows what it would have said: that refuses, unless nothing it says ever does.
fn unanswered(held: &PolicyInForce, rego: &Rego, denied: &[&str], why: &str) -> (Finding, bool) {
    let PolicyInForce { policy, revision, .. } = held;
    let finding = Finding {
        line: 1,
        code: elsewhere::UNANSWERED.code.to_owned(),
        level: Level::Error.as_str().to_owned(),
        message: format!("policy {} of revision {revision} {why}", policy.name),
    };
    let own = |code: &&str| code.split_once('/').is_some_and(|(name, _)| name == policy.name.as_str());
    if rego.is_all_dry() && !denied.iter().any(own) { (dry(finding), false) } else { (finding, true) }
}

/// A finding that is only told: its level is harmless to whoever reads levels alone.
fn dry(finding: Finding) -> Finding {
    let Finding { line, code, level, message } = finding;
    Finding {
        line,
        code,
        level: Level::Info.as_str().to_owned(),
        message: format!("dry run, {level}: {message}"),
    }
}

fn reaches(policy: &Policy, level: Level) -> bool {
    let threshold = policy.fail_on.as_ref().and_then(|level| level.parse::<Level>().ok());
    threshold.is_some_and(|threshold| level >= threshold)
}

#[cfg(test)]
mod tests;
