//! Instructions into stages, and what is wrong with the file as a whole. Not what is wrong inside a line.

use crate::{
    document::Item,
    error::{ParseError, ParseErrorKind},
    instruction::{Instruction, Keyword},
    stage::Stage,
};

/// The stages of a file, in order; appends the mistakes of its structure.
pub(super) fn stages(items: &[Item], errors: &mut Vec<ParseError>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut first = None;
    for (position, item) in items.iter().enumerate() {
        let Some(instruction) = item.instruction() else { continue };
        first = first.or(Some(instruction));
        let mut error = |kind| {
            let span = instruction.keyword_span.clone();
            errors.push(ParseError { line: instruction.line, span, kind });
        };
        match (instruction.keyword, stages.last_mut()) {
            (Keyword::From, _) => {
                stages.push(stage(instruction, stages.len(), position, &mut error));
            }
            (_, Some(stage)) => stage.body.end = position + 1,
            (Keyword::Arg | Keyword::Unknown, None) => {}
            (keyword, None) => error(ParseErrorKind::OutsideStage(keyword)),
        }
    }
    match (first, stages.first()) {
        (_, Some(_)) => {}
        (None, None) => errors.push(ParseError { line: 1, span: 0..0, kind: ParseErrorKind::NoInstructions }),
        (Some(first), None) => {
            let span = first.keyword_span.clone();
            errors.push(ParseError { line: first.line, span, kind: ParseErrorKind::NoStage });
        }
    }
    stages
}

fn stage(from: &Instruction, index: usize, position: usize, error: &mut impl FnMut(ParseErrorKind)) -> Stage {
    let words = from.words();
    let name = match words {
        [_] => None,
        [_, between, name] if between.text.eq_ignore_ascii_case("as") => {
            if !is_stage_name(&name.text) {
                error(ParseErrorKind::InvalidStageName(name.text.chars().take(80).collect()));
            }
            Some(name.text.as_str().into())
        }
        other => {
            error(ParseErrorKind::FromArguments(other.len()));
            None
        }
    };
    let body = position + 1..position + 1;
    Stage { index, name, line: from.line, base: words.first().cloned(), body }
}

/// `^[a-z][a-z0-9-_.]*$`, in any case (BuildKit, `instructions/parse.go`).
fn is_stage_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
