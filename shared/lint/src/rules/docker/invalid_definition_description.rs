//! InvalidDefinitionDescription: descriptions begin with the name.

use dockerfile::{Item, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "InvalidDefinitionDescription",
    level: Level::Ignore,
    page: include_str!("invalid_definition_description.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut above: Option<&str> = None;
    for item in subject.file.items() {
        match item {
            Item::Comment(comment) => above = Some(comment.text.as_str()).filter(|text| !text.is_empty()),
            Item::Instruction(instruction) => {
                let names: Vec<&str> = match instruction.keyword {
                    Keyword::Arg => instruction.pairs().iter().map(|pair| pair.name.text.as_str()).collect(),
                    Keyword::From => {
                        instruction.words().get(2).map(|word| word.text.as_str()).into_iter().collect()
                    }
                    _ => Vec::new(),
                };
                let described = above.take().and_then(|text| text.split(' ').next());
                if let (Some(word), Some(name)) = (described, names.first())
                    && !names.contains(&word)
                    && !word.contains('=')
                {
                    sink.report(
                        instruction.line,
                        format!("Begin the comment above with {name}, or put a blank line between."),
                    );
                }
            }
            Item::ByteOrderMark(_) | Item::Blank(_) | Item::Directive(_) => above = None,
        }
    }
}
