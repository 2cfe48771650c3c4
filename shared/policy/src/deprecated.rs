//! Builtins that Rego v1 has taken back and policies of v0 still call; OPA runs them to this day, the engine no longer. A type that does not fit is
//! undefined, as in any other builtin.
//!
//! Source: OPA, "Policy Reference", its deprecated built-in functions.

use std::collections::BTreeSet;

use regorus::Value;

pub(crate) fn all(arguments: &[Value]) -> Option<Value> {
    Some(elements(arguments)?.all(is_true).into())
}

pub(crate) fn any(arguments: &[Value]) -> Option<Value> {
    Some(elements(arguments)?.any(is_true).into())
}

pub(crate) fn set_diff(arguments: &[Value]) -> Option<Value> {
    let [Value::Set(set), Value::Set(without)] = arguments else { return None };
    Some(set.iter().filter(|value| !without.contains(value)).cloned().collect::<BTreeSet<_>>().into())
}

pub(crate) fn cast_array(arguments: &[Value]) -> Option<Value> {
    Some(elements(arguments)?.cloned().collect::<Vec<_>>().into())
}

pub(crate) fn cast_set(arguments: &[Value]) -> Option<Value> {
    Some(elements(arguments)?.cloned().collect::<BTreeSet<_>>().into())
}

/// The other casts change nothing: they say whether a value is of a kind.
pub(crate) fn cast(arguments: &[Value], fits: fn(&Value) -> bool) -> Option<Value> {
    arguments.iter().find(|value| fits(value)).cloned()
}

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
