//! `regex.…` as OPA has it: expressions are Go's, of which the engine's own take only those that mean the same to it, and are silent about the rest; a `deny`
//! would then be a yes. An expression that cannot be read here either is an error, so that its policy has no verdict.

mod syntax;

use std::{cell::RefCell, collections::HashMap};

use regex::{Captures, Match, Regex, RegexBuilder};
use regorus::Value;

use crate::builtins::Answer;

/// What an expression may take compiled. The child that evaluates has bounds of its own.
const LARGEST: usize = 10 << 20;

/// Expressions that are kept compiled; a policy has a handful, and asks each about every step of a file.
const KEPT: usize = 100;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    if let Some(regex) = COMPILED.with_borrow(|kept| kept.get(pattern).cloned()) {
        return Ok(regex);
    }
    let regex = compile(pattern)?;
    COMPILED.with_borrow_mut(|kept| {
        // Policies that make their expressions as they go keep none of the others for long.
        if kept.len() == KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
    });
    Ok(regex)
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(&syntax::translated(pattern)).size_limit(LARGEST).build();
    built.map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("the regular expression `{pattern}` cannot be read: {why}")
    })
}

/// `regex.match`, and `re_match` of Rego v0.
pub(crate) fn matches(arguments: &[Value]) -> Answer {
    let [Value::String(pattern), Value::String(text)] = arguments else { return Ok(None) };
    Ok(Some(compiled(pattern)?.is_match(text).into()))
}

pub(crate) fn is_valid(arguments: &[Value]) -> Answer {
    let is_valid = |pattern: &Value| matches!(pattern, Value::String(pattern) if compiled(pattern).is_ok());
    Ok(arguments.first().map(|pattern| is_valid(pattern).into()))
}

pub(crate) fn find(arguments: &[Value]) -> Answer {
    let [Value::String(pattern), Value::String(text), count] = arguments else { return Ok(None) };
    let Some(most) = most(count) else { return Ok(None) };
    let pattern = compiled(pattern)?;
    Ok(Some(
        pattern
            .find_iter(text)
            .take(most)
            .map(|found| Value::from(found.as_str()))
            .collect::<Vec<_>>()
            .into(),
    ))
}

pub(crate) fn find_groups(arguments: &[Value]) -> Answer {
    let [Value::String(pattern), Value::String(text), count] = arguments else { return Ok(None) };
    let Some(most) = most(count) else { return Ok(None) };
    let text_of = |group: Option<Match<'_>>| Value::from(group.map_or("", |group| group.as_str()));
    let groups = |found: Captures<'_>| Value::from(found.iter().map(text_of).collect::<Vec<_>>());
    let pattern = compiled(pattern)?;
    Ok(Some(pattern.captures_iter(text).take(most).map(groups).collect::<Vec<_>>().into()))
}

pub(crate) fn replace(arguments: &[Value]) -> Answer {
    let [Value::String(text), Value::String(pattern), Value::String(with)] = arguments else {
        return Ok(None);
    };
    Ok(Some(Value::from(compiled(pattern)?.replace_all(text, with.as_ref()).as_ref())))
}

/// Go splits at no empty match at the beginning, and at none at the end.
pub(crate) fn split(arguments: &[Value]) -> Answer {
    let [Value::String(pattern), Value::String(text)] = arguments else { return Ok(None) };
    let pattern = compiled(pattern)?;
    if text.is_empty() {
        return Ok(Some(vec![Value::from("")].into()));
    }
    let mut parts = Vec::new();
    let (mut from, mut to) = (0, 0);
    for found in pattern.find_iter(text) {
        to = found.start();
        if found.end() != 0 {
            parts.push(Value::from(text.get(from..to).unwrap_or_default()));
        }
        from = found.end();
    }
    if to != text.len() {
        parts.push(Value::from(text.get(from..).unwrap_or_default()));
    }
    Ok(Some(parts.into()))
}

/// How many are wanted: all, where the number is below zero.
fn most(count: &Value) -> Option<usize> {
    let count = count.as_i64().ok()?;
    Some(usize::try_from(count).unwrap_or(usize::MAX))
}
