//! The variables in a word that the builder expands. Not the values that a build gives them.
//!
//! `$name`, `${name}`, `${name:-word}`, `${name:+word}` and the two without colon; nothing is expanded in single quotes, and the escape
//! character makes the next one plain.

use std::collections::HashMap;

/// The deepest `${a:-${b:-…}}` that is followed.
const DEEPEST_NESTING: usize = 16;

/// Whether the builder sets this variable for FROM.
pub(super) fn is_predefined(name: &str) -> bool {
    dockerfile::PLATFORM_ARGUMENTS.contains(&name)
}

/// The names of all variables in a word, in order, each as often as it stands there.
pub(super) fn names(word: &str, escape: char) -> Vec<String> {
    let mut names = Vec::new();
    let mut use_of = |name: &str| {
        names.push(name.to_owned());
        None
    };
    // A word that is not well formed has the names up to there.
    let _ = walk(word, escape, 0, &mut use_of);
    names
}

/// The bytes that the variables of one file may put somewhere: definitions that double each other end there.
pub(super) const MOST_BYTES: usize = 1024 * 1024;

/// The word with its variables replaced, unset ones by nothing; none if it holds something else than is expanded here, or takes more than
/// is `left`.
pub(super) fn expand(
    word: &str,
    escape: char,
    values: &HashMap<&str, String>,
    left: &mut usize,
) -> Option<String> {
    let text = walk(word, escape, 0, &mut |name| {
        let value = values.get(name)?;
        *left = left.saturating_sub(value.len());
        (*left > 0).then(|| value.clone())
    });
    text.filter(|_| *left > 0)
}

/// Puts the word together, asking for each variable in turn.
fn walk(
    word: &str,
    escape: char,
    depth: usize,
    value_of: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<String> {
    if depth > DEEPEST_NESTING {
        return None;
    }
    let mut text = String::new();
    let mut quote = None;
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        match c {
            '\'' | '"' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            _ if quote == Some('\'') => text.push(c),
            _ if c == escape => {
                let escaped = rest.chars().next()?;
                text.push(escaped);
                rest = rest.get(escaped.len_utf8()..)?;
            }
            '$' => match rest.strip_prefix('{') {
                Some(opened) => {
                    let (inside, behind) = braced(opened)?;
                    text.push_str(&substitution(inside, escape, depth, value_of)?);
                    rest = behind;
                }
                None => {
                    let length = name_length(rest);
                    let (name, behind) = rest.split_at_checked(length)?;
                    if name.is_empty() {
                        text.push('$');
                    } else {
                        text.push_str(&value_of(name).unwrap_or_default());
                    }
                    rest = behind;
                }
            },
            _ => text.push(c),
        }
    }
    Some(text)
}

/// What stands between `${` and its `}`, and what stands behind.
fn braced(rest: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((rest.get(..at)?, rest.get(at + 1..)?));
        }
    }
    None
}

fn substitution(
    inside: &str,
    escape: char,
    depth: usize,
    value_of: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<String> {
    let (name, operator) = inside.split_at_checked(name_length(inside))?;
    let value = value_of(name);
    let (word, present) = match operator.strip_prefix(':') {
        Some(word) => (word, value.clone().filter(|value| !value.is_empty())),
        None => (operator, value.clone()),
    };
    if word.is_empty() {
        return Some(value.unwrap_or_default());
    }
    let alternative = walk(word.get(1..)?, escape, depth + 1, value_of)?;
    match word.chars().next() {
        Some('-') => Some(present.unwrap_or(alternative)),
        Some('+') => Some(present.map(|_| alternative).unwrap_or_default()),
        _ => None,
    }
}

fn name_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}
