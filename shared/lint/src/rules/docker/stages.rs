//! Which stage a stage stands on. Not which image.

use dockerfile::Stage;

/// The number of the stage that this one stands on, if it is one of the file's before it.
pub(super) fn base_of(stages: &[Stage], stage: &Stage) -> Option<usize> {
    let base = stage.base.as_ref()?;
    let before = stages.iter().take(stage.index).rev();
    let is_base =
        |other: &&Stage| other.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&base.text));
    before.into_iter().find(is_base).map(|base| base.index)
}
