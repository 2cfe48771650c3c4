//! Calls of functions that nobody defines. The engine notices them only when it gets there, and a policy must not be found broken by the file that
//! it was written for. Reads words, not Rego: what it overlooks, the engine finds.

use std::collections::HashSet;

use regorus::unstable::BUILTINS;

use crate::{builtins, compile::Mistake};

/// Words before a bracket that call nothing, and functions that the engine has outside its table.
const KNOWN: [&str; 13] =
    ["not", "if", "in", "some", "every", "else", "with", "as", "contains", "default", "print", "set", "walk"];

/// The first call in `text` that is neither built in nor among `defined`, the functions of all modules by their own names.
pub(crate) fn unknown(file: &str, text: &str, defined: &HashSet<String>) -> Option<Mistake> {
    let mut raw = false;
    for (line, content) in (1..).zip(text.lines()) {
        let mut word = String::new();
        let mut column = 0;
        let mut characters = content.char_indices();
        let mut quoted = false;
        while let Some((at, character)) = characters.next() {
            match character {
                '`' if !quoted => raw = !raw,
                _ if raw => continue,
                '\\' if quoted => {
                    characters.next();
                }
                '"' => quoted = !quoted,
                _ if quoted => continue,
                '#' => break,
                '(' if !is_known(&word, defined) => {
                    let what = format!("there is no function `{word}`");
                    return Some(Mistake::Syntax { file: file.to_owned(), line, column, what });
                }
                c if c.is_alphanumeric() || c == '_' || c == '.' => {
                    if word.is_empty() {
                        column = content.get(..at).unwrap_or_default().chars().count() + 1;
                    }
                    word.push(c);
                    continue;
                }
                _ => {}
            }
            word.clear();
        }
    }
    None
}

fn is_known(word: &str, defined: &HashSet<String>) -> bool {
    let own = word.rsplit('.').next().unwrap_or(word);
    own.is_empty()
        || KNOWN.contains(&word)
        || BUILTINS.contains_key(word)
        || builtins::is_known(word)
        || defined.contains(own)
}
