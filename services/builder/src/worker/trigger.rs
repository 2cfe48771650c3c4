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
    let reply = pipeline.ask(ScanRequest { bases, ..question(job, text) }).await?;
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
