//! What the catalog makes of one image use, whatever door it comes in by: the same choice for all, and what the door's mode makes of it.

use std::collections::BTreeMap;

use artifact::{BaseRole, ImageRef};
use dockerfile::{Dockerfile, ImageUse, Inputs};
use events::{
    fact::Finding,
    rpc::{KnownBase, ScannedUse},
};
use lint::{Level, rules::elsewhere};
use time::OffsetDateTime;
use verdict::{
    BaseChoice, Door, FromRule, Mode, Snapshot, choose_added, choose_base,
    order::{Name, Pins},
    refuse_unresolved,
};

use super::{REFUSED, line};

/// The catalog or a ban replaces an image use.
const REPLACED: &str = elsewhere::REPLACED.code;
/// A hold or an exception keeps an image use as it is.
pub(super) const KEPT: &str = elsewhere::KEPT.code;

/// The words for what becomes of a use.
pub(super) const KEEP: &str = "keep";
pub(super) const REPLACE: &str = "replace";
pub(super) const REFUSE: &str = "refuse";

/// One project's definition under the orders of this moment.
pub(super) struct Judge<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) project: Option<&'a Name>,
    pub(super) now: OffsetDateTime,
    /// What is known of the images that stages stand on, by the stage's number.
    pub(super) bases: BTreeMap<usize, &'a KnownBase>,
}

/// A use with what becomes of it.
pub(super) struct Judged {
    pub(super) stage: Option<usize>,
    pub(super) scanned: ScannedUse,
    pub(super) finding: Option<Finding>,
    /// What the catalog would have in its place, whatever the door makes of that.
    pub(super) offered: Option<ImageRef>,
}

impl Judge<'_> {
    /// Every use of the file, in its order.
    pub(super) fn all(&self, file: &Dockerfile, inputs: &Inputs) -> Vec<Judged> {
        file.image_uses(inputs).iter().map(|image_use| self.one(image_use)).collect()
    }

    fn one(&self, image_use: &ImageUse) -> Judged {
        let ImageUse { role, stage, stage_name: _, line: at, span, written: text_written, trigger, resolved } =
            image_use;
        let choice = self.choice(image_use);
        let written = resolved.as_ref().ok().cloned();
        let (text, rule) = (choice.to_string(), choice.rule().to_string());
        let text = match (trigger, stage.and_then(|stage| self.bases.get(&stage))) {
            (Some(trigger), Some(base)) => {
                format!("{} brings it in by its trigger `ONBUILD {trigger}`: {text}", base.image)
            }
            _ => text,
        };
        let reason = match &choice {
            // Whoever is told knows what it was built on.
            BaseChoice::Replace { why, .. } => format!("{why} ({rule})"),
            BaseChoice::Keep { .. } | BaseChoice::Refuse { .. } => text.clone(),
        };
        let nearest = match &choice {
            BaseChoice::Refuse { nearest, .. } => nearest.clone(),
            BaseChoice::Keep { .. } | BaseChoice::Replace { .. } => None,
        };
        let offered = match &choice {
            BaseChoice::Replace { with, .. } => Some(with.clone()),
            BaseChoice::Keep { .. } | BaseChoice::Refuse { .. } => None,
        };
        let outcome = outcome(self.snapshot.mode(Door::From), choice, *role, written);
        let scanned = ScannedUse {
            line: line(*at),
            role: *role,
            written: text_written.clone(),
            choice: outcome.choice.to_owned(),
            used: outcome.used,
            reason: if outcome.choice == KEEP { String::new() } else { reason },
            start: span.start as u64,
            end: span.end as u64,
            rule,
            nearest,
            pin: outcome.pin,
            trigger: trigger.clone().unwrap_or_default(),
        };
        let finding = outcome.finding.map(|(code, level)| Finding {
            line: line(*at),
            code: code.to_owned(),
            level: level.as_str().to_owned(),
            message: told_of(text_written, text),
        });
        Judged { stage: *stage, scanned, finding, offered }
    }

    fn choice(&self, image_use: &ImageUse) -> BaseChoice {
        let Self { snapshot, project, now, bases: _ } = *self;
        let written = image_use.written.as_str();
        let choice = match (&image_use.resolved, image_use.role) {
            (Ok(image), _) => choose_base(snapshot, project, image, now),
            (Err(why), BaseRole::Add) => choose_added(snapshot, project, written, why.to_string(), now),
            (Err(why), _) => refuse_unresolved(snapshot, written, why.to_string(), now),
        };
        match choice {
            // No file of the project's names it, so none can be made to name another.
            BaseChoice::Replace { with, why, rule, pin: _ } if image_use.trigger.is_some() => {
                let why = format!("{why}, and what a base's trigger names cannot be replaced");
                BaseChoice::Refuse { rule, why, nearest: Some(with) }
            }
            choice => choice,
        }
    }
}

/// What is said of an image, with the image as it is written, once.
fn told_of(written: &str, text: String) -> String {
    let names_it = text.strip_prefix(written).is_some_and(|behind| behind.starts_with(' '));
    if names_it { text } else { format!("{written}: {text}") }
}

struct Outcome {
    choice: &'static str,
    used: Option<ImageRef>,
    pin: bool,
    finding: Option<(&'static str, Level)>,
}

/// What the door makes of the catalog's choice: only an enforcing one changes or refuses anything.
fn outcome(mode: Mode, choice: BaseChoice, role: BaseRole, written: Option<ImageRef>) -> Outcome {
    let level = match mode {
        Mode::Observe => Level::Info,
        Mode::Warn => Level::Warning,
        Mode::Enforce => Level::Error,
    };
    let kept = |written, finding| Outcome { choice: KEEP, used: written, pin: false, finding };
    match (choice, mode, written) {
        (BaseChoice::Keep { rule: FromRule::Hold(..) | FromRule::Exception(..) }, _, written) => {
            kept(written, Some((KEPT, Level::Info)))
        }
        (BaseChoice::Keep { .. }, _, written) => kept(written, None),
        (BaseChoice::Replace { with, pin, .. }, Mode::Enforce, _) => Outcome {
            choice: REPLACE,
            used: Some(with),
            pin: pin == Pins::Digest,
            finding: Some((REPLACED, Level::Info)),
        },
        (BaseChoice::Replace { .. }, Mode::Observe | Mode::Warn, written) => {
            kept(written, Some((REPLACED, level)))
        }
        // Without a reference there is nothing to build on, in whatever mode; what is added needs none.
        (BaseChoice::Refuse { .. }, mode, written)
            if mode == Mode::Enforce || (written.is_none() && role != BaseRole::Add) =>
        {
            Outcome { choice: REFUSE, used: None, pin: false, finding: Some((REFUSED, Level::Error)) }
        }
        (BaseChoice::Refuse { .. }, _, written) => kept(written, Some((REFUSED, level))),
    }
}
