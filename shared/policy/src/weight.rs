//! A bound on how deep one rule can be, before the engine reads it: its parser bounds brackets, but not chains such as `1 + 1 + …`, whose tree is as
//! deep as the chain is long, and a deep enough tree ends the process. Not a parser: it counts what could make a chain.

/// Operators, dots, brackets and `not` in one rule. Long rules that people write have some hundreds.
const MOST_IN_A_RULE: usize = 1_000;

/// Words behind which an expression goes on in the next line.
const GOES_ON: [&str; 9] = ["not", "in", "some", "every", "with", "as", "if", "else", "contains"];

/// The line on which a rule becomes too heavy, from 1.
pub(crate) fn too_heavy(text: &str) -> Option<usize> {
    let mut weight = 0;
    let mut last = Last::Start;
    let mut word = String::new();
    for (line, content) in (1..).zip(text.lines()) {
        let begins = content.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if begins && last != Last::Operator {
            weight = 0;
        }
        let mut characters = content.chars().peekable();
        while let Some(character) = characters.next() {
            if character.is_alphanumeric() || character == '_' {
                word.push(character);
                last = Last::Operand;
                if characters.peek().is_some_and(|next| next.is_alphanumeric() || *next == '_') {
                    continue;
                }
                if GOES_ON.contains(&word.as_str()) {
                    last = Last::Operator;
                    weight += 1;
                }
                word.clear();
            } else if character == '#' {
                break;
            } else if "+-*/%|&=<>!.:[({,;".contains(character) {
                weight += usize::from(!",;:".contains(character));
                last = Last::Operator;
            } else if !character.is_whitespace() {
                last = Last::Operand;
            }
        }
        if weight > MOST_IN_A_RULE {
            return Some(line);
        }
    }
    None
}

#[derive(PartialEq)]
enum Last {
    Start,
    Operand,
    Operator,
}
