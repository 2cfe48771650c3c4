//! Which variables a RUN finds declared, as hadolint counts them. Not their values: a rule only asks whether somebody gives one.
//!
//! An ARG counts from its line on in every stage behind it, under the first of its names; an ENV in its stage and in those that stand
//! on that one by name, whatever registry is before it. What ONBUILD declares counts for what ONBUILD defers behind it, in every stage,
//! and for nothing else.

use std::collections::BTreeMap;

use dockerfile::{Dockerfile, Instruction, Keyword};

use super::{image::Image, quotes};
use crate::{rule::When, subject::Run};

/// The variables of one file.
#[derive(Debug, Default)]
pub(super) struct Declared<'a> {
    now: World<'a>,
    deferred: World<'a>,
    /// The stages as a forest: each with those that stand on it.
    forest: Vec<Nest>,
}

/// What is declared in this build, or in those on its image.
#[derive(Debug, Default)]
struct World<'a> {
    /// The first line of each.
    arguments: BTreeMap<&'a str, usize>,
    /// The first line of each in a stage.
    environment: BTreeMap<(&'a str, usize), usize>,
    /// For each name, where the nests begin and end that inherit it; none inside another.
    inherited: BTreeMap<&'a str, BTreeMap<usize, usize>>,
}

/// A stage's number in the order of a walk over the forest, and the first number behind those that stand on it.
#[derive(Debug, Clone, Copy, Default)]
struct Nest {
    number: usize,
    behind: usize,
}

impl<'a> Declared<'a> {
    pub(super) fn of(file: &'a Dockerfile) -> Self {
        let mut declared = Self { forest: forest(file), ..Self::default() };
        let mut stages = 0_usize;
        for outer in file.instructions() {
            stages += usize::from(outer.keyword == Keyword::From);
            let stage = stages.saturating_sub(1);
            let nest = declared.forest.get(stage).copied().unwrap_or_default();
            match outer.trigger() {
                Some(trigger) => declared.deferred.add_everywhere(trigger, outer.line),
                None => declared.now.add(outer, outer.line, stage, nest),
            }
        }
        declared
    }

    /// Whether `run` finds this variable declared.
    pub(super) fn knows(&self, name: &str, run: &Run<'_>) -> bool {
        let world = match run.when {
            When::Now => &self.now,
            When::Deferred => &self.deferred,
        };
        let is_above = |line: Option<&usize>| line.is_some_and(|line| *line <= run.line);
        let number = self.forest.get(run.stage).copied().unwrap_or_default().number;
        is_above(world.arguments.get(name))
            || is_above(world.environment.get(&(name, run.stage)))
            || world.inherited.get(name).is_some_and(|nests| {
                let nest = nests.range(..number).next_back();
                nest.is_some_and(|(_, behind)| number < *behind)
            })
    }
}

impl<'a> World<'a> {
    fn add_everywhere(&mut self, instruction: &'a Instruction, line: usize) {
        let names = instruction.pairs().iter().map(|pair| pair.name.text.as_str());
        let count = if instruction.keyword == Keyword::Arg { 1 } else { usize::MAX };
        if matches!(instruction.keyword, Keyword::Arg | Keyword::Env) {
            for name in names.take(count) {
                self.arguments.entry(quotes::bare(name)).or_insert(line);
            }
        }
    }

    fn add(&mut self, instruction: &'a Instruction, line: usize, stage: usize, nest: Nest) {
        let names = instruction.pairs().iter().map(|pair| pair.name.text.as_str());
        match instruction.keyword {
            Keyword::Arg => {
                for name in names.take(1) {
                    self.arguments.entry(name).or_insert(line);
                }
            }
            Keyword::Env => {
                for name in names.map(quotes::bare) {
                    self.environment.entry((name, stage)).or_insert(line);
                    // What a stage inherits was declared above it: of two nests the outer one comes first.
                    let nests = self.inherited.entry(name).or_default();
                    let around = nests.range(..=nest.number).next_back();
                    if around.is_none_or(|(_, behind)| *behind <= nest.number) {
                        nests.insert(nest.number, nest.behind);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The stages in the order of a walk from each to those that stand on it.
fn forest(file: &Dockerfile) -> Vec<Nest> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); file.stages().len()];
    let mut roots = Vec::new();
    for stage in file.stages() {
        let below = stage.base.as_ref().and_then(|base| known.get(Image::of(&base.text).name));
        match below.and_then(|below| children.get_mut(*below)) {
            Some(children) => children.push(stage.index),
            None => roots.push(stage.index),
        }
        known.extend(stage.name.as_deref().map(|name| (name, stage.index)));
    }
    let mut forest = vec![Nest::default(); children.len()];
    let mut number = 0;
    // A stage twice: once for its number, once when all that stand on it have theirs.
    let mut open: Vec<(usize, bool)> = roots.into_iter().rev().map(|root| (root, false)).collect();
    while let Some((stage, is_done)) = open.pop() {
        let Some(nest) = forest.get_mut(stage) else { continue };
        if is_done {
            nest.behind = number;
            continue;
        }
        nest.number = number;
        number += 1;
        open.push((stage, true));
        open.extend(children.get(stage).into_iter().flatten().rev().map(|child| (*child, false)));
    }
    forest
}

/// The names of the variables that stand in a word as `${NAME}`.
pub(super) fn names_in(word: &str) -> impl Iterator<Item = &str> {
    word.split("${").skip(1).filter_map(|behind| behind.split_once('}')).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Context,
        subject::{Step, Subject},
    };

    /// Which of the RUNs find `V` declared.
    #[track_caller]
    fn check(text: &str, expected: &[bool]) {
        let file = Dockerfile::read(text);
        let context = Context::default();
        let steps = Step::all(&file);
        let subject = Subject::new(&file, &context, &steps);
        let declared = Declared::of(&file);
        let found: Vec<bool> = subject.runs().iter().map(|run| declared.knows("V", run)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn arguments_count_from_their_line_on() {
        check("FROM a\nRUN x\nARG V\nRUN x\nFROM b\nRUN x\n", &[false, true, true]);
        check("ARG V=1\nFROM a\nRUN x\n", &[true]);
        check("FROM a\nARG W V\nRUN x\n", &[false]);
        check("FROM a\nARG \"V\"=1\nRUN x\n", &[false]);
    }

    #[test]
    fn what_the_environment_holds_is_inherited() {
        check("FROM a\nRUN x\nENV W=1 'V'=2\nRUN x\nFROM b\nRUN x\n", &[false, true, false]);
        check(
            "FROM a AS b\nENV V 1\nFROM x\nRUN x\nFROM b AS c\nRUN x\nFROM c\nRUN x\n",
            &[false, true, true],
        );
        check(
            "FROM a AS b\nFROM b AS c\nENV V=1\nFROM b\nRUN x\nFROM c\nRUN x\nFROM c\nRUN x\n",
            &[false, true, true],
        );
        check("FROM a AS b\nENV V=1\nFROM q.io/b:1\nRUN x\n", &[true]);
        // The name means the stage above, whatever has it below.
        check("FROM a AS b\nFROM b\nRUN x\nFROM a AS b\nENV V=1\nFROM b\nRUN x\n", &[false, true]);
        check(
            "FROM a AS b\nENV V=1\nFROM b AS c\nENV V=1\nFROM c\nRUN x\nFROM b\nRUN x\nFROM a\nRUN x\n",
            &[true, true, false],
        );
    }

    #[test]
    fn what_is_deferred_is_a_world_of_its_own() {
        check("FROM a\nARG V\nONBUILD RUN x\n", &[false]);
        check("FROM a\nONBUILD ENV V=1\nRUN x\nONBUILD RUN x\n", &[false, true]);
        check("FROM a\nONBUILD ENV V=1\nFROM b\nONBUILD RUN x\n", &[true]);
    }

    #[test]
    fn names_stand_in_braces() {
        assert_eq!(names_in("a-${V}-$W${X").collect::<Vec<_>>(), ["V"]);
        assert_eq!(names_in("${A}${B:-1}").collect::<Vec<_>>(), ["A", "B:-1"]);
    }
}
