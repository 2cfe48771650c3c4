//! The variables that a FROM sees: the ARGs before the first stage, under the build arguments, and what a builder says of its platform.
//! Not ENV, not a stage's own ARGs.

use std::{cell::Cell, collections::HashMap};

use artifact::Platform;

use crate::{
    directive::Escape,
    inputs::Inputs,
    instruction::Pair,
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

/// The steps that one file's variables may take: beyond what any that was written by hand or by a generator does.
const MOST_STEPS: usize = 4 * 1024 * 1024;
/// The longest reason that is kept for an unknown value; each use repeats it.
const LONGEST_REASON: usize = 400;

/// How much work is left for the variables of one file: bytes that they put somewhere, steps that their patterns take.
///
/// Each expansion has an end of its own, but a file may hold a hundred thousand of them, each of which puts another 4 KiB into a line
/// of ten bytes.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

impl Budget {
    pub(crate) fn new(steps: usize) -> Self {
        Self(Cell::new(steps))
    }

    /// Takes so many steps, and tells whether there is anything left.
    pub(crate) fn spend(&self, steps: usize) -> bool {
        self.0.set(self.0.get().saturating_sub(steps));
        self.0.get() > 0
    }
}

/// The global scope of one file under the inputs of one build.
pub(crate) struct Scope<'a> {
    inputs: &'a Inputs,
    values: HashMap<String, Value>,
    escape: char,
    budget: Budget,
}

impl<'a> Scope<'a> {
    /// The scope that the definitions `globals` make, in their order.
    pub(crate) fn new<'b>(
        globals: impl Iterator<Item = &'b Pair>,
        escape: Escape,
        inputs: &'a Inputs,
    ) -> Self {
        Self::within(Budget::new(MOST_STEPS), globals, escape, inputs)
    }

    /// As [`Scope::new`], within another budget.
    pub(crate) fn within<'b>(
        budget: Budget,
        globals: impl Iterator<Item = &'b Pair>,
        escape: Escape,
        inputs: &'a Inputs,
    ) -> Self {
        let mut scope = Self { inputs, values: HashMap::new(), escape: escape.as_char(), budget };
        for pair in globals {
            let name = &pair.name.text;
            let value = match (inputs.arguments.get(name), &pair.value) {
                (Some(given), _) => Value::Set(given.clone()),
                (None, Some(default)) => {
                    let value = match scope.expand(&default.text) {
                        Ok(value) => Value::Set(value),
                        // What another one is not known for is the reason here too.
                        Err(ShellError::Unknown(reason)) => Value::Unknown(reason),
                        Err(error) => Value::Unknown(reason(&format!(
                            "the default of ARG {name} is not known: {error}"
                        ))),
                    };
                    match predefined(name, inputs) {
                        // Builders differ on whether a default overrides what they know of the platform.
                        Some(own) if own != value => Value::Unknown(format!(
                            "{name} is predefined, and builders differ on whether its default counts; declare it without one"
                        )),
                        Some(_) | None => value,
                    }
                }
                // Declared again without a default: what it was stays.
                (None, None) => continue,
            };
            scope.values.insert(name.clone(), value);
        }
        scope
    }

    /// The word with its quotes removed and its variables replaced.
    pub(crate) fn expand(&self, word: &str) -> Result<String, ShellError> {
        shell::expand(word, self.escape, &|name| self.value(name), &self.budget)
    }

    fn value(&self, name: &str) -> Value {
        let declared = self.values.get(name).cloned();
        declared.or_else(|| predefined(name, self.inputs)).unwrap_or(Value::Unset)
    }
}

/// What BuildKit sets `name` to by itself, if it does; a build argument of that name comes first.
fn predefined(name: &str, inputs: &Inputs) -> Option<Value> {
    if !PLATFORM_ARGUMENTS.contains(&name) {
        return None;
    }
    if let Some(given) = inputs.arguments.get(name) {
        return Some(Value::Set(given.clone()));
    }
    let Some(platform) = &inputs.platform else {
        return Some(Value::Unknown(format!("{name} depends on the platform of the build")));
    };
    let Platform { os, architecture, variant } = platform;
    // The only variant that 64-bit ARM is built for goes without saying.
    let variant = variant.as_deref().filter(|variant| (architecture.as_str(), *variant) != ("arm64", "v8"));
    Some(Value::Set(match name.strip_prefix("BUILD").or(name.strip_prefix("TARGET")).unwrap_or_default() {
        "PLATFORM" => Platform { variant: variant.map(str::to_owned), ..platform.clone() }.to_string(),
        "OS" => os.clone(),
        "ARCH" => architecture.clone(),
        "VARIANT" => variant.unwrap_or_default().to_owned(),
        // No other stage than the last is asked for.
        "STAGE" => "default".to_owned(),
        // Only Windows has versions here.
        _ => String::new(),
    }))
}

/// A reason, cut to what can be read.
fn reason(whole: &str) -> String {
    whole.chars().take(LONGEST_REASON).collect()
}
