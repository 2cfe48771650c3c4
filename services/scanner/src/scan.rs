//! One definition, one answer: findings of the linter, and the catalog's choice for every image use. Pure.

use std::collections::BTreeMap;

use artifact::ImageRef;
use dockerfile::{Dockerfile, ImageUse};
use events::{
    fact::Finding,
    rpc::{ScanReply, ScanRequest, ScannedUse},
};
use lint::{Level, Policy, rules::elsewhere};
use time::OffsetDateTime;
use verdict::{
    BaseChoice, Door, FromRule, Mode, Snapshot, choose_base,
    order::{Name, Pins},
};

/// The text is no Dockerfile.
const UNREADABLE: &str = "DL1000";
/// The catalog or a ban refuses an image use.
const REFUSED: &str = elsewhere::REFUSED.code;
/// The catalog or a ban replaces an image use.
const REPLACED: &str = elsewhere::REPLACED.code;
/// A hold or an exception keeps an image use as it is.
const KEPT: &str = elsewhere::KEPT.code;

/// Scans one definition under the orders of this moment.
pub fn scan(snapshot: &Snapshot, request: &ScanRequest, now: OffsetDateTime) -> ScanReply {
    let ScanRequest { definition, project, build_args } = request;
    let as_of = snapshot.as_of().orders;
    let file = match Dockerfile::parse(definition) {
        Ok(file) => file,
        Err(errors) => {
            let findings = errors.0.iter().map(|error| Finding {
                line: line(error.line),
                code: UNREADABLE.to_owned(),
                level: Level::Error.as_str().to_owned(),
                message: format!("{error}; {}", error.hint()),
            });
            return ScanReply { refused: true, findings: findings.collect(), uses: Vec::new(), as_of };
        }
    };
    let policy = project
        .as_ref()
        .and_then(|name| snapshot.project(name)?.policy.as_ref())
        .and_then(|name| snapshot.policy(name))
        .map(policy)
        .unwrap_or_default();
    let report = lint::lint(&file, &policy);
    let mut refused = report.refused;
    let mut findings: Vec<Finding> = report.findings.iter().map(finding).collect();
    let build_args: BTreeMap<String, String> = build_args.clone().into_iter().collect();
    let mut uses = Vec::new();
    for image_use in file.image_uses(&build_args) {
        let (scanned, told) = judge(snapshot, project.as_ref(), &image_use, now);
        refused |= scanned.choice == "refuse";
        findings.extend(told);
        uses.push(scanned);
    }
    if let Some(finding) = unwritable(&file, &build_args, &uses) {
        refused = true;
        findings.push(finding);
    }
    findings.sort_by_key(|finding| finding.line);
    ScanReply { refused, findings, uses, as_of }
}

/// What is replaced must also be written: where the file does not let it, the team is told before anything is built.
fn unwritable(
    file: &Dockerfile,
    build_args: &BTreeMap<String, String>,
    uses: &[ScannedUse],
) -> Option<Finding> {
    let place = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX);
    let replaced = uses.iter().filter(|scanned| scanned.choice == "replace");
    let images: Vec<_> = replaced
        .filter_map(|scanned| Some((place(scanned.start)..place(scanned.end), scanned.used.clone()?)))
        .collect();
    let error = file.replace_images(build_args, &images).err()?;
    Some(Finding {
        line: line(error.line().unwrap_or(1)),
        code: REFUSED.to_owned(),
        level: Level::Error.as_str().to_owned(),
        message: error.to_string(),
    })
}

fn judge(
    snapshot: &Snapshot,
    project: Option<&Name>,
    image_use: &ImageUse,
    now: OffsetDateTime,
) -> (ScannedUse, Option<Finding>) {
    let choice = match &image_use.resolved {
        Ok(image) => choose_base(snapshot, project, image, now),
        // What cannot be told cannot be in the catalog.
        Err(unresolved) => {
            BaseChoice::Refuse { rule: FromRule::Unresolved, why: unresolved.to_string(), nearest: None }
        }
    };
    let written = image_use.resolved.as_ref().ok().cloned();
    let (text, rule) = (choice.to_string(), choice.rule().to_string());
    let reason = match &choice {
        // Whoever is told knows what it was built on.
        BaseChoice::Replace { why, .. } => format!("{why} ({rule})"),
        BaseChoice::Keep { .. } | BaseChoice::Refuse { .. } => text.clone(),
    };
    let nearest = match &choice {
        BaseChoice::Refuse { nearest, .. } => nearest.clone(),
        BaseChoice::Keep { .. } | BaseChoice::Replace { .. } => None,
    };
    let outcome = outcome(snapshot.mode(Door::From), choice, written);
    let scanned = ScannedUse {
        line: line(image_use.line),
        role: image_use.role,
        written: image_use.written.clone(),
        choice: outcome.choice.to_owned(),
        used: outcome.used,
        reason: if outcome.choice == "keep" { String::new() } else { reason },
        start: image_use.span.start as u64,
        end: image_use.span.end as u64,
        rule,
        nearest,
        pin: outcome.pin,
    };
    let finding = outcome.finding.map(|(code, level)| Finding {
        line: line(image_use.line),
        code: code.to_owned(),
        level: level.as_str().to_owned(),
        message: format!("{}: {text}", image_use.written),
    });
    (scanned, finding)
}

struct Outcome {
    choice: &'static str,
    used: Option<ImageRef>,
    pin: bool,
    finding: Option<(&'static str, Level)>,
}

/// What the door makes of the catalog's choice: only an enforcing one changes or refuses anything.
fn outcome(mode: Mode, choice: BaseChoice, written: Option<ImageRef>) -> Outcome {
    let level = match mode {
        Mode::Observe => Level::Info,
        Mode::Warn => Level::Warning,
        Mode::Enforce => Level::Error,
    };
    let kept = |written, finding| Outcome { choice: "keep", used: written, pin: false, finding };
    match (choice, mode, written) {
        (BaseChoice::Keep { rule: FromRule::Hold(..) | FromRule::Exception(..) }, _, written) => {
            kept(written, Some((KEPT, Level::Info)))
        }
        (BaseChoice::Keep { .. }, _, written) => kept(written, None),
        (BaseChoice::Replace { with, pin, .. }, Mode::Enforce, _) => Outcome {
            choice: "replace",
            used: Some(with),
            pin: pin == Pins::Digest,
            finding: Some((REPLACED, Level::Info)),
        },
        (BaseChoice::Replace { .. }, Mode::Observe | Mode::Warn, written) => {
            kept(written, Some((REPLACED, level)))
        }
        // Without a reference there is nothing to build on, in whatever mode.
        (BaseChoice::Refuse { .. }, Mode::Enforce, _) | (BaseChoice::Refuse { .. }, _, None) => {
            Outcome { choice: "refuse", used: None, pin: false, finding: Some((REFUSED, Level::Error)) }
        }
        (BaseChoice::Refuse { .. }, Mode::Observe | Mode::Warn, written) => {
            kept(written, Some((REFUSED, level)))
        }
    }
}

fn policy(policy: &verdict::order::Policy) -> Policy {
    let verdict::order::Policy { name: _, fail_on, deny, ignore } = policy;
    Policy {
        // The order was read with the same words; none refuses by level alone.
        fail_on: fail_on.as_ref().and_then(|level| level.parse().ok()),
        deny: deny.clone(),
        ignore: ignore.clone(),
        ..Policy::default()
    }
}

fn finding(finding: &lint::Finding) -> Finding {
    Finding {
        line: line(finding.line),
        code: finding.code.clone().into_owned(),
        level: finding.level.as_str().to_owned(),
        message: finding.message.clone().into_owned(),
    }
}

fn line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod pages;
#[cfg(test)]
mod tests;
