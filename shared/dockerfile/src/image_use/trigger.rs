//! The uses that an ONBUILD trigger of the image below brings in: they stand in its configuration, and in no file. Not the triggers that a
//! file itself declares.

use artifact::BaseRole;

use super::{
    ImageUse,
    inner::{self, Site},
    resolve::{Meaning, Resolver},
};
use crate::{
    document::Dockerfile,
    error::ParseErrorKind,
    instruction::{Instruction, Keyword},
    stage::Stage,
};

/// Adds what the trigger `text` brings in, as if it stood right behind the FROM of `stage`: its names are those of this file.
pub(super) fn uses(resolver: &Resolver<'_>, stage: &Stage, text: &str, uses: &mut Vec<ImageUse>) {
    let first = uses.len();
    let trigger = Dockerfile::read(text);
    let unresolved = |role, reason, written: &str| {
        Meaning::Unresolved(reason).image_use(role, stage, stage.line, 0..0, written)
    };
    match single(&trigger) {
        Err(reason) => uses.extend(unresolved(BaseRole::Copy, reason, text)),
        Ok(instruction) => {
            let site = Site { file: &trigger, stage, line: stage.line, is_deferred: false, is_bare: false };
            inner::uses(resolver, &site, instruction, uses);
            if instruction.keyword == Keyword::Add {
                let foreign = inner::sources(&trigger, instruction)
                    .into_iter()
                    .filter(|(source, _)| is_foreign(source));
                uses.extend(foreign.filter_map(|(source, _)| {
                    let reason = format!("it adds {source}, which no catalog can place");
                    unresolved(BaseRole::Add, reason, &source)
                }));
            }
        }
    }
    for found in uses.iter_mut().skip(first) {
        found.span = 0..0;
        found.trigger = Some(text.to_owned());
    }
}

/// The one instruction that a trigger is. Builders differ on what is more than one line: some read each trigger by itself, some all of
/// them as one text.
fn single(trigger: &Dockerfile) -> Result<&Instruction, String> {
    let text = trigger.text();
    let is_one_line = !text.contains(['\n', '\r']) && !text.trim_end().ends_with(['\\', '`']);
    // A trigger has no FROM before it.
    let error = trigger
        .errors()
        .iter()
        .find(|error| !matches!(error.kind, ParseErrorKind::OutsideStage(_) | ParseErrorKind::NoStage));
    let mut instructions = trigger.instructions();
    match (instructions.next(), instructions.next(), error, trigger.disputes().first()) {
        (_, _, Some(error), _) => Err(format!("the trigger cannot be read: {error}")),
        (_, _, _, Some(dispute)) => Err(format!("builders read the trigger in two ways: {}", dispute.kind)),
        (Some(instruction), None, None, None) if is_one_line => match instruction.keyword {
            keyword @ (Keyword::From | Keyword::Onbuild | Keyword::Maintainer) => {
                Err(format!("{keyword} cannot be an ONBUILD trigger"))
            }
            _ => Ok(instruction),
        },
        _ => {
            Err("the trigger is not one instruction on one line, which builders read in two ways".to_owned())
        }
    }
}

/// Whether ADD fetches it from elsewhere, or may: the rest comes from the commit that is built.
fn is_foreign(source: &str) -> bool {
    let scp = source.split_once(':').is_some_and(|(host, _)| host.contains('@'));
    source.contains("://") || source.contains('$') || source.starts_with("github.com/") || scp
}
