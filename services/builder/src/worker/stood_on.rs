//! What is known of the images below once they have been read, and no definition shows: what they bring in by their ONBUILD triggers, and whom they
//! are for. The scanner judges it as it judges the definition, and what triggers name is read and judged as any other image.

use std::{collections::BTreeMap, path::Path};

use artifact::{BaseRole, ImageRef, Platform};
use events::{
    fact::{BuildJob, Finding},
    rpc::{KnownBase, ScanRequest},
};

use crate::driver;

use super::{
    definition::{self, AllowedUse},
    failure::Failure,
    inputs::{self, Input},
    known,
    pipeline::{Pipeline, passed, question},
};

/// The most bytes of triggers and platforms that the images of one build may have together: they travel in one question with the definition.
const MOST_BYTES: usize = 128 * 1024;

/// Asks about the images that stages stand on, and gathers what they bring in. Where they bring in nothing and are for the platform that is built
/// for, nothing is asked.
pub(super) async fn gather(
    pipeline: &Pipeline,
    job: &BuildJob,
    text: &str,
    uses: &[AllowedUse],
    folder: &Path,
    inputs: &mut BTreeMap<ImageRef, Input>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<AllowedUse>, Failure> {
    // What a FROM asks for itself is the scanner's to read.
    let platform = driver::platform().filter(|_| !text.contains("--platform"));
    let bases = of_bases(uses, inputs, platform.as_ref())?;
    if bases.is_empty() {
        return Ok(Vec::new());
    }
    let question = ScanRequest { bases, ..question(job, text) };
    let reply = pipeline.ask(question.clone()).await?;
    known::keep(pipeline, job, question).await?;
    pipeline.tell_scanned(job, text, &reply).await?;
    // The definition's own, and those about the triggers.
    findings.clone_from(&reply.findings);
    let mut brought = definition::allowed_uses(&passed(reply)?)?;
    brought.retain(|allowed| allowed.trigger.is_some());
    inputs::gather(pipeline, job, &brought, folder, inputs).await?;
    Ok(brought)
}

/// What the scanner does not know of the images that stages stand on: only a FROM sets triggers off. That an image is for `platform` need not be said; without one,
/// whom each is for is.
fn of_bases(
    uses: &[AllowedUse],
    inputs: &BTreeMap<ImageRef, Input>,
    platform: Option<&Platform>,
) -> Result<Vec<KnownBase>, Failure> {
    let mut bases: BTreeMap<&ImageRef, &Input> = BTreeMap::new();
    let mut bytes = 0;
    for allowed in uses.iter().filter(|allowed| matches!(allowed.role, BaseRole::Base | BaseRole::Stage)) {
        let Some(input) = inputs.get(&allowed.used) else { continue };
        let is_ours = platform.is_some_and(|platform| input.platforms.contains(platform));
        let says_nothing = input.triggers.is_empty() && (is_ours || input.platforms.is_empty());
        if says_nothing || bases.insert(&allowed.used, input).is_some() {
            continue;
        }
        bytes += input.triggers.iter().map(String::len).sum::<usize>();
        bytes += input.platforms.iter().map(|platform| platform.to_string().len()).sum::<usize>();
        if bytes > MOST_BYTES {
            return Err(Failure::Refused(format!(
                "line {}: with those of {}, the ONBUILD triggers and platforms are longer than {MOST_BYTES} bytes; name another base",
                allowed.line, allowed.used
            )));
        }
    }
    let whole = |(image, input): (&ImageRef, &Input)| KnownBase {
        image: image.clone(),
        triggers: input.triggers.clone(),
        platforms: input.platforms.clone(),
    };
    Ok(bases.into_iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use artifact::Digest;
    use events::rpc::ScannedUse;

    use super::*;

    /// A definition's uses in these roles, each of an image of its own that has the triggers and platforms.
    #[track_caller]
    fn check(roles: &[BaseRole], triggers: &[&str], platforms: &[&str], expected: Option<usize>) {
        check_for("linux/amd64", roles, triggers, platforms, expected);
    }

    /// The same where that platform is built for; none where FROMs say so themselves.
    #[track_caller]
    fn check_for(
        platform: &str,
        roles: &[BaseRole],
        triggers: &[&str],
        platforms: &[&str],
        expected: Option<usize>,
    ) {
        let image = |index: usize| format!("r.io/os:{index}").parse::<ImageRef>().unwrap();
        let used = |(index, role): (usize, &BaseRole)| ScannedUse {
            line: 1,
            role: *role,
            written: image(index).to_string(),
            choice: "keep".to_owned(),
            used: Some(image(index)),
            reason: String::new(),
            start: 0,
            end: 0,
            rule: String::new(),
            nearest: None,
            pin: false,
            trigger: String::new(),
        };
        let uses = roles.iter().enumerate().map(used).collect();
        let uses = definition::allowed_uses(&definition::tests::reply(uses)).unwrap();
        let input = |allowed: &AllowedUse| Input {
            pinned: allowed.used.pinned(Digest::of(b"os")),
            layout: PathBuf::new(),
            excused: Default::default(),
            triggers: triggers.iter().map(|text| (*text).to_owned()).collect(),
            platforms: platforms.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let inputs = uses.iter().map(|allowed| (allowed.used.clone(), input(allowed))).collect();
        let found = of_bases(&uses, &inputs, platform.parse().ok().as_ref());
        assert_eq!(found.as_ref().ok().map(Vec::len), expected, "{found:?}");
        assert!(found.is_ok() || matches!(found, Err(Failure::Refused(_))));
    }

    #[test]
    fn only_what_a_stage_stands_on_sets_its_triggers_off() {
        use BaseRole::{Base, Copy, Frontend, Mount, Stage};
        check(&[Base, Stage, Copy, Mount, Frontend], &["RUN x"], &[], Some(2));
        check(&[Base, Stage], &[], &[], Some(0));
    }

    #[test]
    fn a_base_for_another_platform_is_told() {
        check(&[BaseRole::Base], &[], &["linux/arm64/v8"], Some(1));
        check(&[BaseRole::Base], &[], &["linux/arm64", "linux/amd64"], Some(0));
        check_for("", &[BaseRole::Base], &[], &["linux/amd64"], Some(1));
    }

    #[test]
    fn triggers_that_fill_a_question_are_refused() {
        let long = "x".repeat(MOST_BYTES / 2);
        check(&[BaseRole::Base], &[&long, &long], &[], Some(1));
        check(&[BaseRole::Base], &[&long, &long, "x"], &[], None);
        check(&[BaseRole::Base, BaseRole::Stage], &[&long, "x"], &[], None);
    }
}
