//! What policies call and the engine does not have, or not as OPA and conftest do. Each takes the place of an engine's own of that name.

use dockerfile::Dockerfile;
use regorus::{Engine, Value};

use crate::{
    compile::{Mistake, mistake},
    deprecated, format, input, regular,
};

/// What a call makes of its arguments: undefined where their types do not fit, an error where nobody may take that for an answer.
pub(crate) type Answer = Result<Option<Value>, String>;
type Function = fn(&[Value]) -> Answer;

/// Each by its name, with how many arguments it takes.
const FUNCTIONS: [(&str, u8, Function); 18] = [
    ("parse_config", 2, parse_config),
    ("sprintf", 2, sprintf),
    ("regex.match", 2, regular::matches),
    ("regex.is_valid", 1, regular::is_valid),
    ("regex.find_n", 3, regular::find),
    ("regex.find_all_string_submatch_n", 3, regular::find_groups),
    ("regex.replace", 3, regular::replace),
    ("regex.split", 2, regular::split),
    ("re_match", 2, regular::matches),
    ("all", 1, |arguments| Ok(deprecated::all(arguments))),
    ("any", 1, |arguments| Ok(deprecated::any(arguments))),
    ("set_diff", 2, |arguments| Ok(deprecated::set_diff(arguments))),
    ("cast_array", 1, |arguments| Ok(deprecated::cast_array(arguments))),
    ("cast_set", 1, |arguments| Ok(deprecated::cast_set(arguments))),
    ("cast_string", 1, |arguments| {
        Ok(deprecated::cast(arguments, |value| matches!(value, Value::String(_))))
    }),
    ("cast_boolean", 1, |arguments| Ok(deprecated::cast(arguments, |value| matches!(value, Value::Bool(_))))),
    ("cast_null", 1, |arguments| Ok(deprecated::cast(arguments, |value| matches!(value, Value::Null)))),
    ("cast_object", 1, |arguments| {
        Ok(deprecated::cast(arguments, |value| matches!(value, Value::Object(_))))
    }),
];

pub(crate) fn is_known(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, ..)| *known == name)
}

/// Gives all of them to an engine.
pub(crate) fn add_to(engine: &mut Engine) -> Result<(), Mistake> {
    for (name, arity, function) in FUNCTIONS {
        let call = move |arguments: Vec<Value>| match function(&arguments) {
            Ok(value) => Ok(value.unwrap_or(Value::Undefined)),
            Err(why) => Err(std::io::Error::other(why).into()),
        };
        engine.add_extension(name.to_owned(), arity, Box::new(call)).map_err(|error| mistake(&error))?;
    }
    Ok(())
}

/// The engine's own gives up where OPA writes into the text what does not fit: a message that cannot be made would make its `deny` undefined.
fn sprintf(arguments: &[Value]) -> Answer {
    let [Value::String(pattern), Value::Array(arguments)] = arguments else {
        // OPA's types do not let such a call pass either.
        return Err("sprintf takes a text and a list".to_owned());
    };
    format::sprintf(pattern, arguments.iter()).map(|text| Some(Value::from(text)))
}

/// conftest's `parse_config("dockerfile", text)`, with which unit tests make their input. The parser's value is the list of files, of which there is one.
fn parse_config(arguments: &[Value]) -> Answer {
    let [Value::String(format), Value::String(text)] = arguments else { return Ok(None) };
    if format.as_ref() != "dockerfile" {
        return Err(format!("parse_config reads `dockerfile` alone, and not `{format}`"));
    }
    let Ok(file) = Dockerfile::parse(text) else { return Ok(None) };
    let files = serde_json::Value::from(vec![serde_json::Value::from(input::of(&file).commands)]);
    Value::from_json_str(&files.to_string()).map(Some).map_err(|error| error.to_string())
}
