//! One definition, one answer: findings of the linter, and the catalog's choice for every image use. Pure.

pub mod alone;
mod catalog;
mod most;
pub mod policies;

use std::collections::BTreeMap;

use artifact::{BaseRole, Digest, ImageRef, Platform};
use dockerfile::{Dispute, Dockerfile, Inputs};
use events::{
    fact::Finding,
    rpc::{KnownBase, ScanReply, ScanRequest, ScannedUse},
};
use lint::{Context, Level, Linter, rules::elsewhere};
use time::OffsetDateTime;
use verdict::{Door, Mode, Snapshot, snapshot::Rulebook};

use self::{catalog::Judge, policies::Asked};

/// The text is no Dockerfile.
const UNREADABLE: &str = "DL1000";
/// The catalog or a ban refuses an image use.
const REFUSED: &str = elsewhere::REFUSED.code;
/// The most triggers that are followed, counted for each stage that stands on their image. Images in the field have a handful.
const MOST_TRIGGERS: usize = 10_000;

/// Scans one definition under the orders of this moment, asking neither ShellCheck nor organisation policies: those that hold for its project refuse.
pub fn scan(snapshot: &Snapshot, request: &ScanRequest, now: OffsetDateTime) -> ScanReply {
    scan_with(snapshot, request, &[], &[], now)
}

/// As [`scan`], with what the policies that hold were asked, and with what others found in its scripts.
pub fn scan_with(
    snapshot: &Snapshot,
    request: &ScanRequest,
    asked: &[Asked],
    scripts: &[lint::Finding],
    now: OffsetDateTime,
) -> ScanReply {
    let ScanRequest { definition, project, build_args, platform, contexts, bases } = request;
    let Rulebook { catalog, policies } = snapshot.rulebook();
    let reply = ScanReply {
        refused: true,
        findings: Vec::new(),
        uses: Vec::new(),
        as_of: snapshot.as_of().orders,
        definition_digest: Some(Digest::of(definition.as_bytes())),
        catalog_revision: catalog,
        policy_revision: policies,
    };
    let file = match Dockerfile::parse(definition) {
        Ok(file) => file,
        Err(errors) => {
            let findings = errors.0.iter().map(|error| Finding {
                line: line(error.line),
                code: UNREADABLE.to_owned(),
                level: Level::Error.as_str().to_owned(),
                message: format!("{error}; {}", error.hint()),
            });
            return ScanReply { findings: most::of(findings.collect()), ..reply };
        }
    };
    let mut inputs = Inputs {
        arguments: build_args.clone().into_iter().collect(),
        platform: platform.clone(),
        contexts: contexts.clone().into_iter().collect(),
        triggers: BTreeMap::new(),
    };
    let mut judge = Judge { snapshot, project: project.as_ref(), now, bases: BTreeMap::new() };
    let mut judged = judge.all(&file, &inputs);
    // What a base brings in by its triggers is known once it is known what the base is.
    judge.bases = stood_on(&judged, bases);
    let policy = policies::of_linter(snapshot, project.as_ref());
    let context = around(&judged, &judge.bases, platform.as_ref());
    let report = Linter::new(&policy).lint_in(&file, &context, scripts.to_vec());
    let mut findings: Vec<Finding> = report.findings.iter().map(finding).collect();
    let (said, refused) = policies::judge(snapshot, project.as_ref(), asked);
    let mut refused = report.refused || refused;
    findings.extend(said);
    if let Some((finding, refuses)) = behind(snapshot) {
        findings.push(finding);
        refused |= refuses;
    }
    let brought: usize = judge.bases.values().map(|base| base.triggers.len()).sum();
    if brought > MOST_TRIGGERS {
        refused = true;
        findings.push(overwhelmed(brought));
    } else if brought > 0 {
        let triggers = |base: &&KnownBase| base.triggers.clone();
        inputs.triggers = judge.bases.iter().map(|(stage, base)| (*stage, triggers(base))).collect();
        judged = judge.all(&file, &inputs);
    }
    let disputes = disputed(&file);
    refused |= !disputes.is_empty();
    findings.extend(disputes);
    let mut uses = Vec::new();
    for catalog::Judged { stage: _, scanned, finding, offered: _ } in judged {
        refused |= scanned.choice == catalog::REFUSE;
        findings.extend(finding);
        uses.push(scanned);
    }
    if let Some(finding) = unwritable(&file, &inputs, &uses) {
        refused = true;
        findings.push(finding);
    }
    ScanReply { refused, findings: most::of(findings), uses, ..reply }
}

/// What a snapshot that could not read an order says, and whether that refuses: as at the gate where the door enforces. Policies refuse at whatever mode
/// the door has, and the order may be one of them.
fn behind(snapshot: &Snapshot) -> Option<(Finding, bool)> {
    if !snapshot.behind() {
        return None;
    }
    let refuses = snapshot.mode(Door::From) == Mode::Enforce || snapshot.policies().next().is_some();
    let level = if refuses { elsewhere::BEHIND.level } else { Level::Info };
    let finding = Finding {
        line: 1,
        code: elsewhere::BEHIND.code.to_owned(),
        level: level.as_str().to_owned(),
        message:
            "the scanner cannot read an order that is in force; operations must update it, then push again"
                .to_owned(),
    };
    Some((finding, refuses))
}

/// What two builders read in two ways: what is judged here may not be what is built, and no worker builds it.
fn disputed(file: &Dockerfile) -> Vec<Finding> {
    let finding = |dispute: &Dispute| Finding {
        line: line(dispute.line),
        code: elsewhere::DISPUTED.code.to_owned(),
        level: elsewhere::DISPUTED.level.as_str().to_owned(),
        message: dispute.kind.to_string(),
    };
    file.disputes().iter().map(finding).collect()
}

/// More triggers than anybody follows.
fn overwhelmed(brought: usize) -> Finding {
    Finding {
        line: 1,
        code: REFUSED.to_owned(),
        level: Level::Error.as_str().to_owned(),
        message: format!(
            "the bases bring in {brought} triggers, and {MOST_TRIGGERS} are the most that are followed; stand on images with fewer, or in fewer stages"
        ),
    }
}

/// The bases whose triggers are known, by the number of the stage that stands on them.
fn stood_on<'a>(judged: &[catalog::Judged], bases: &'a [KnownBase]) -> BTreeMap<usize, &'a KnownBase> {
    // Of two that speak of one image the first counts.
    let by_image: BTreeMap<&ImageRef, &KnownBase> =
        bases.iter().rev().map(|base| (&base.image, base)).collect();
    let base = |image: &ImageRef| by_image.get(image).copied();
    judged
        .iter()
        .filter(|judged| matches!(judged.scanned.role, BaseRole::Base | BaseRole::Stage))
        .filter_map(|judged| Some((judged.stage?, base(judged.scanned.used.as_ref()?)?)))
        .collect()
}

/// What the linter is told besides the text: which platforms the images are for that the file's FROMs name.
fn around(
    judged: &[catalog::Judged],
    bases: &BTreeMap<usize, &KnownBase>,
    platform: Option<&Platform>,
) -> Context {
    let mut base_platforms = BTreeMap::new();
    for catalog::Judged { stage, scanned, .. } in judged {
        let stands = matches!(scanned.role, BaseRole::Base | BaseRole::Stage) && scanned.trigger.is_empty();
        let Some(base) = stage.filter(|_| stands).and_then(|stage| bases.get(&stage)) else { continue };
        if !base.platforms.is_empty() {
            let platforms = base.platforms.iter().map(Platform::to_string).collect();
            base_platforms.insert(scanned.written.clone(), platforms);
        }
    }
    Context { base_platforms, platform: platform.map(Platform::to_string), ignore_file: None }
}

/// What is replaced must also be written: where the file does not let it, the team is told before anything is built.
fn unwritable(file: &Dockerfile, inputs: &Inputs, uses: &[ScannedUse]) -> Option<Finding> {
    let place = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX);
    let replaced = uses.iter().filter(|scanned| scanned.choice == catalog::REPLACE);
    let images: Vec<_> = replaced
        .filter_map(|scanned| Some((place(scanned.start)..place(scanned.end), scanned.used.clone()?)))
        .collect();
    let error = file.replace_images(inputs, &images).err()?;
    Some(Finding {
        line: line(error.line().unwrap_or(1)),
        code: REFUSED.to_owned(),
        level: Level::Error.as_str().to_owned(),
        message: error.to_string(),
    })
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
mod doors;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod tests;
