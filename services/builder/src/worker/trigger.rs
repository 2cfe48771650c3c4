//! What the images below bring in by their ONBUILD triggers: a door that no definition shows. The triggers are known once the bases have
//! been read; the scanner judges them as it judges the definition, and what they name is read and judged as any other image.

use std::{collections::BTreeMap, path::Path};

use artifact::{BaseRole, ImageRef};
use events::{
    fact::{BuildJob, Finding},
    rpc::{BaseTriggers, ScanRequest},
};

use super::{
    definition::{self, AllowedUse},
    failure::Failure,
    inputs::{self, Input},
    known,
    pipeline::{Pipeline, passed, question},
};

/// The most bytes of triggers that the images of one build may have together: they travel in one question with the definition.
const MOST_BYTES: usize = 128 * 1024;

/// Asks about the triggers of the images that stages stand on, and gathers what they bring in; without triggers nothing is asked.
pub(super) async fn gather(
    pipeline: &Pipeline,
    job: &BuildJob,
    text: &str,
    uses: &[AllowedUse],
    folder: &Path,
    inputs: &mut BTreeMap<ImageRef, Input>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<AllowedUse>, Failure> {
    let bases = of_bases(uses, inputs)?;
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

/// The triggers of every image that a stage stands on: only a FROM sets them off.
fn of_bases(uses: &[AllowedUse], inputs: &BTreeMap<ImageRef, Input>) -> Result<Vec<BaseTriggers>, Failure> {
    let mut bases: BTreeMap<&ImageRef, &[String]> = BTreeMap::new();
    let mut bytes = 0;
    for allowed in uses.iter().filter(|allowed| matches!(allowed.role, BaseRole::Base | BaseRole::Stage)) {
        let triggers = inputs.get(&allowed.used).map(|input| input.triggers.as_slice()).unwrap_or_default();
        if triggers.is_empty() || bases.insert(&allowed.used, triggers).is_some() {
            continue;
        }
        bytes += triggers.iter().map(String::len).sum::<usize>();
        if bytes > MOST_BYTES {
            return Err(Failure::Refused(format!(
                "line {}: with those of {}, the ONBUILD triggers are longer than {MOST_BYTES} bytes; name another base",
                allowed.line, allowed.used
            )));
        }
    }
    let whole = |(image, triggers): (&ImageRef, &[String])| BaseTriggers {
        image: image.clone(),
        triggers: triggers.to_vec(),
    };
    Ok(bases.into_iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use artifact::Digest;
    use events::rpc::ScannedUse;

    use super::*;

    /// A definition's uses in these roles, each of an image of its own that has the triggers.
    #[track_caller]
    fn check(roles: &[BaseRole], triggers: &[&str], expected: Option<usize>) {
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
        };
        let inputs = uses.iter().map(|allowed| (allowed.used.clone(), input(allowed))).collect();
        let found = of_bases(&uses, &inputs);
        assert_eq!(found.as_ref().ok().map(Vec::len), expected, "{found:?}");
        assert!(found.is_ok() || matches!(found, Err(Failure::Refused(_))));
    }

    #[test]
    fn only_what_a_stage_stands_on_sets_its_triggers_off() {
        use BaseRole::{Base, Copy, Frontend, Mount, Stage};
        check(&[Base, Stage, Copy, Mount, Frontend], &["RUN x"], Some(2));
        check(&[Base, Stage], &[], Some(0));
    }

    #[test]
    fn triggers_that_fill_a_question_are_refused() {
        let long = "x".repeat(MOST_BYTES / 2);
        check(&[BaseRole::Base], &[&long, &long], Some(1));
        check(&[BaseRole::Base], &[&long, &long, "x"], None);
        check(&[BaseRole::Base, BaseRole::Stage], &[&long, "x"], None);
    }
}
