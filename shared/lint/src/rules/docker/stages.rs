//! Which stage a stage stands on. Not which image.

use std::collections::HashMap;

use dockerfile::Stage;

/// How many stages down a question goes: deeper than anybody stacks them, and a bound for files that do it on purpose.
pub(super) const DEEPEST: usize = 32;

/// The stages met so far, by name.
#[derive(Debug, Default)]
pub(super) struct Met(HashMap<String, usize>);

impl Met {
    /// The number of the stage before that this one stands on, if it is one of the file's. To be asked for each stage in order.
    pub(super) fn base_of(&mut self, stage: &Stage) -> Option<usize> {
        let base = stage.base.as_ref().and_then(|base| self.0.get(&base.text.to_ascii_lowercase())).copied();
        if let Some(name) = &stage.name {
            self.0.insert(name.to_ascii_lowercase(), stage.index);
        }
        base
    }
}
