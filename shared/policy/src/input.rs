//! A Dockerfile as conftest shows it to policies, and beside it what conftest lacks.
//!
//! `input` is a list of `{Cmd, SubCmd, JSON, Flags, Value, Stage}` in the order of the file, as conftest's Docker parser makes it from BuildKit's
//! tree (`parser/docker/docker.go`): `Cmd` in lower case; `Flags` the `--name=value` words; `Value` a list of words, the single text of a shell form,
//! the elements of a JSON form, or `name, value, "="` for each definition of ENV and LABEL (`""` where `=` was not written); the comments before an
//! instruction as commands of their own, `comment`. Variables and quotes stay as written; heredoc bodies, directives and comments inside a
//! continuation or behind the last instruction do not appear. `Stage` counts from 0.

use dockerfile::{Arguments, Dockerfile, Instruction, Item, Keyword, Pair, Word};
use serde_json::{Value, json};

/// What policies see of one file: two lists of the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The commands in conftest's shape.
    pub commands: Vec<Value>,
    /// The line of each command, from 1.
    pub lines: Vec<usize>,
}

/// The input for `file`. A file with mistakes has those instructions that could be read.
pub fn of(file: &Dockerfile) -> Input {
    let mut input = Input { commands: Vec::new(), lines: Vec::new() };
    let mut stages = 0_usize;
    let mut comments: Vec<(usize, &str)> = Vec::new();
    for item in file.items() {
        match item {
            // An empty comment cuts off what stands above it, as BuildKit's reader has it.
            Item::Comment(comment) if comment.text.is_empty() => comments.clear(),
            Item::Comment(comment) => comments.push((comment.line, &comment.text)),
            Item::Instruction(instruction) => {
                if instruction.keyword == Keyword::From {
                    stages += 1;
                }
                let stage = stages.saturating_sub(1);
                for (line, text) in comments.drain(..) {
                    input.lines.push(line);
                    input.commands.push(json!({
                        "Cmd": "comment", "SubCmd": "", "JSON": false, "Flags": null, "Value": [text], "Stage": stage,
                    }));
                }
                input.lines.push(instruction.line);
                input.commands.push(command(file, instruction, stage));
            }
            Item::ByteOrderMark(_) | Item::Blank(_) | Item::Directive(_) => {}
        }
    }
    input
}

fn command(file: &Dockerfile, instruction: &Instruction, stage: usize) -> Value {
    let flags: Vec<String> = instruction
        .flags
        .iter()
        .map(|flag| match &flag.value {
            Some(value) => format!("--{}={value}", flag.name),
            None => format!("--{}", flag.name),
        })
        .collect();
    // What an ONBUILD defers is shown in its place; its flags are not.
    let (shown, sub) = match instruction.trigger() {
        Some(trigger) => (trigger, file.source(&trigger.keyword_span)),
        None => (instruction, ""),
    };
    let (form, values) = arguments(file, shown.keyword, &shown.arguments);
    json!({
        "Cmd": file.source(&instruction.keyword_span).to_lowercase(),
        "SubCmd": sub,
        "JSON": form == Form::Json,
        "Flags": flags,
        // A list without elements is null there.
        "Value": if values.is_empty() { Value::Null } else { json!(values) },
        "Stage": stage,
    })
}

#[derive(PartialEq)]
enum Form {
    Json,
    Plain,
}

fn arguments(file: &Dockerfile, keyword: Keyword, arguments: &Arguments) -> (Form, Vec<String>) {
    match arguments {
        Arguments::None | Arguments::Trigger(_) => (Form::Plain, Vec::new()),
        Arguments::Text(text) => (Form::Plain, vec![text.text.clone()]),
        Arguments::Words(words) => (Form::Plain, words.iter().map(|word| word.text.clone()).collect()),
        Arguments::List(elements, _) => (Form::Json, elements.clone()),
        Arguments::Pairs(pairs) if keyword == Keyword::Arg => {
            (Form::Plain, pairs.iter().map(joined).collect())
        }
        Arguments::Pairs(pairs) => (Form::Plain, pairs.iter().flat_map(|pair| split(file, pair)).collect()),
        Arguments::Healthcheck(Word { text, .. }, command) => {
            let (form, mut values) = self::arguments(file, keyword, command);
            values.insert(0, text.clone());
            (form, values)
        }
    }
}

fn joined(pair: &Pair) -> String {
    match &pair.value {
        Some(value) => format!("{}={}", pair.name.text, value.text),
        None => pair.name.text.clone(),
    }
}

fn split(file: &Dockerfile, pair: &Pair) -> [String; 3] {
    let end = pair.name.span.end;
    let separator = if file.source(&(end..end + 1)) == "=" { "=" } else { "" };
    let value = pair.value.as_ref().map(|value| value.text.clone()).unwrap_or_default();
    [pair.name.text.clone(), value, separator.to_owned()]
}
