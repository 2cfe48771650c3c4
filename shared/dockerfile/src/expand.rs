//! The variables that a FROM sees: the ARGs before the first stage, under the build arguments. Not ENV, not a stage's own ARGs.

use std::collections::{BTreeMap, HashMap};

use crate::{
    directive::Escape,
    instruction::Instruction,
    shell::{self, ShellError, Value},
};

/// Set by the builder from the platforms it builds on and for, whether declared or not.
pub const PLATFORM_ARGUMENTS: [&str; 11] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];

/// The global scope of one file under one set of build arguments.
pub(crate) struct Scope<'a> {
    build_arguments: &'a BTreeMap<String, String>,
    values: HashMap<String, Value>,
    escape: char,
}

impl<'a> Scope<'a> {
    /// The scope that the ARG instructions `globals` make, in their order.
    pub(crate) fn new<'b>(
        globals: impl Iterator<Item = &'b Instruction>,
        escape: Escape,
        build_arguments: &'a BTreeMap<String, String>,
    ) -> Self {
        let mut scope = Self { build_arguments, values: HashMap::new(), escape: escape.as_char() };
        for pair in globals.flat_map(Instruction::pairs) {
            let name = &pair.name.text;
            let value = match (build_arguments.get(name), &pair.value) {
                (Some(given), _) => Value::Set(given.clone()),
                // Builders differ on whether a default overrides what they know of the platform.
                (None, _) if PLATFORM_ARGUMENTS.contains(&name.as_str()) => continue,
                (None, Some(default)) => match scope.expand(&default.text) {
                    Ok(value) => Value::Set(value),
                    Err(error) => Value::Unknown(format!("the default of ARG {name} is not known: {error}")),
                },
                // Declared again without a default: what it was stays.
                (None, None) => continue,
            };
            scope.values.insert(name.clone(), value);
        }
        scope
    }

    /// The word with its quotes removed and its variables replaced.
    pub(crate) fn expand(&self, word: &str) -> Result<String, ShellError> {
        shell::expand(word, self.escape, &|name| self.value(name))
    }

    fn value(&self, name: &str) -> Value {
        match self.values.get(name) {
            Some(value) => value.clone(),
            None if PLATFORM_ARGUMENTS.contains(&name) => match self.build_arguments.get(name) {
                Some(given) => Value::Set(given.clone()),
                None => Value::Unknown(format!("{name} depends on the platform of the build")),
            },
            None => Value::Unset,
        }
    }
}
