//! The variables that a FROM sees: the ARGs before the first stage, under the build arguments, and what a builder says of its platform.
//! Not ENV, not a stage's own ARGs.

use std::collections::HashMap;

use artifact::Platform;

use crate::{
    directive::Escape,
    inputs::Inputs,
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

/// The global scope of one file under the inputs of one build.
pub(crate) struct Scope<'a> {
    inputs: &'a Inputs,
    values: HashMap<String, Value>,
    escape: char,
}

impl<'a> Scope<'a> {
    /// The scope that the ARG instructions `globals` make, in their order.
    pub(crate) fn new<'b>(
        globals: impl Iterator<Item = &'b Instruction>,
        escape: Escape,
        inputs: &'a Inputs,
    ) -> Self {
        let mut scope = Self { inputs, values: HashMap::new(), escape: escape.as_char() };
        for pair in globals.flat_map(Instruction::pairs) {
            let name = &pair.name.text;
            let value = match (inputs.arguments.get(name), &pair.value) {
                (Some(given), _) => Value::Set(given.clone()),
                (None, Some(default)) => {
                    let value = match scope.expand(&default.text) {
                        Ok(value) => Value::Set(value),
                        Err(error) => {
                            Value::Unknown(format!("the default of ARG {name} is not known: {error}"))
                        }
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
        shell::expand(word, self.escape, &|name| self.value(name))
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
