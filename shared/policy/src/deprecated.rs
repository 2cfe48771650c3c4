//! Builtins that Rego v1 has taken back and policies of v0 still call; OPA runs them to this day, the engine no longer. A type that does not fit is
//! undefined, as in any other builtin.
//!
//! Source: OPA, "Policy Reference", its deprecated built-in functions.

use std::collections::BTreeSet;

use regex::Regex;
use regorus::Value;

/// What one of them makes of its arguments.
type Function = fn(&[Value]) -> Option<Value>;

/// Each by its name, with how many arguments it takes.
pub(crate) const FUNCTIONS: [(&str, u8, Function); 10] = [
    ("all", 1, |arguments| elements(arguments).map(|mut all| all.all(is_true).into())),
    ("any", 1, |arguments| elements(arguments).map(|mut all| all.any(is_true).into())),
    ("re_match", 2, re_match),
    ("set_diff", 2, set_diff),
    ("cast_array", 1, |arguments| elements(arguments).map(|all| all.cloned().collect::<Vec<_>>().into())),
    ("cast_set", 1, |arguments| elements(arguments).map(|all| all.cloned().collect::<BTreeSet<_>>().into())),
    ("cast_string", 1, |arguments| same(arguments, |value| matches!(value, Value::String(_)))),
    ("cast_boolean", 1, |arguments| same(arguments, |value| matches!(value, Value::Bool(_)))),
    ("cast_null", 1, |arguments| same(arguments, |value| matches!(value, Value::Null))),
    ("cast_object", 1, |arguments| same(arguments, |value| matches!(value, Value::Object(_)))),
];

/// The elements of the one argument, where it is a list or a set.
fn elements(arguments: &[Value]) -> Option<Box<dyn Iterator<Item = &Value> + '_>> {
    match arguments {
        [Value::Array(list)] => Some(Box::new(list.iter())),
        [Value::Set(set)] => Some(Box::new(set.iter())),
        _ => None,
    }
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

fn re_match(arguments: &[Value]) -> Option<Value> {
    let [Value::String(pattern), Value::String(text)] = arguments else { return None };
    Some(Regex::new(pattern).ok()?.is_match(text).into())
}

fn set_diff(arguments: &[Value]) -> Option<Value> {
    let [Value::Set(set), Value::Set(without)] = arguments else { return None };
    Some(set.iter().filter(|value| !without.contains(value)).cloned().collect::<BTreeSet<_>>().into())
}

fn same(arguments: &[Value], fits: fn(&Value) -> bool) -> Option<Value> {
    arguments.iter().find(|value| fits(value)).cloned()
}
