//! Build stages: what each FROM opens, and which stage a name means. Not which image a stage stands on.

use std::{collections::HashMap, ops::Range, sync::Arc};

use crate::{
    document::{Dockerfile, Item},
    instruction::{Instruction, Keyword, Pair, Word},
};

/// One build stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its number, from 0.
    pub index: usize,
    /// Its name as written; builders differ on whether case counts.
    pub name: Option<Arc<str>>,
    /// The line of its FROM.
    pub line: usize,
    /// What it stands on, as written; none where FROM has no argument.
    pub base: Option<Word>,
    /// Where its instructions behind the FROM are among [`Dockerfile::items`].
    pub(crate) body: Range<usize>,
}

impl Dockerfile {
    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The instructions of a stage of this file behind its FROM, in order.
    pub fn body(&self, stage: &Stage) -> impl DoubleEndedIterator<Item = &Instruction> {
        self.items.get(stage.body.clone()).unwrap_or_default().iter().filter_map(Item::instruction)
    }

    /// The FROM that opens a stage of this file.
    pub(crate) fn opening(&self, stage: &Stage) -> Option<&Instruction> {
        self.items.get(stage.body.start.checked_sub(1)?)?.instruction()
    }

    /// The ARG instructions before the first FROM, in order.
    pub fn global_arguments(&self) -> impl Iterator<Item = &Instruction> {
        self.instructions()
            .take_while(|instruction| instruction.keyword != Keyword::From)
            .filter(|instruction| instruction.keyword == Keyword::Arg)
    }

    /// The definitions in those, in order.
    pub(crate) fn global_pairs(&self) -> impl Iterator<Item = &Pair> {
        self.global_arguments().flat_map(Instruction::pairs)
    }
}

/// What a name is among the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Nothing,
    /// The one stage of exactly that name.
    Stage(usize),
    /// The one stage whose name differs in case alone.
    OtherCase(usize),
    /// The last of several stages with that name.
    Several(usize),
}

/// The stages by name.
pub(crate) struct StageNames(HashMap<String, Vec<(usize, Arc<str>)>>);

impl StageNames {
    pub(crate) fn new(stages: &[Stage]) -> Self {
        let mut names: HashMap<String, Vec<(usize, Arc<str>)>> = HashMap::new();
        for stage in stages {
            if let Some(name) = &stage.name {
                names.entry(name.to_ascii_lowercase()).or_default().push((stage.index, name.clone()));
            }
        }
        Self(names)
    }

    pub(crate) fn named(&self, name: &str) -> Named {
        match self.0.get(&name.to_ascii_lowercase()).map(Vec::as_slice) {
            None | Some([]) => Named::Nothing,
            Some([(index, own)]) if **own == *name => Named::Stage(*index),
            Some([(index, _)]) => Named::OtherCase(*index),
            Some([.., (index, _)]) => Named::Several(*index),
        }
    }
}
