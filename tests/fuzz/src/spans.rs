//! Every place that a file as read names: inside the text, on the borders of characters, inside what it is a part of, in order.

use std::ops::Range;

use dockerfile::{Arguments, Dockerfile, Instruction, Item, Pair, Word};

/// Checks all of them.
pub fn check(file: &Dockerfile) {
    let mut end = 0;
    for item in file.items() {
        let span = item.span();
        assert_eq!(span.start, end, "the items follow each other: {item:?}");
        end = span.end;
        inside(file, &(0..file.text().len()), span);
        match item {
            Item::Directive(directive) => {
                inside(file, span, &directive.value_span);
                assert_eq!(file.source(&directive.value_span), directive.value);
            }
            Item::Instruction(instruction) => whole(file, span, instruction),
            Item::ByteOrderMark(_) | Item::Blank(_) | Item::Comment(_) => {}
        }
    }
    assert_eq!(end, file.text().len(), "the items are the file");
    for error in file.errors() {
        inside(file, &(0..end), &error.span);
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    }
    for dispute in file.disputes() {
        inside(file, &(0..end), &dispute.span);
    }
    for stage in file.stages() {
        if let Some(base) = &stage.base {
            inside(file, &(0..end), &base.span);
        }
    }
}

/// `span` is a piece of the text, and a piece of `outer`.
pub fn inside(file: &Dockerfile, outer: &Range<usize>, span: &Range<usize>) {
    assert!(file.text().get(span.clone()).is_some(), "{span:?} is no piece of the text");
    assert!(outer.start <= span.start && span.end <= outer.end, "{span:?} reaches out of {outer:?}");
}

fn whole(file: &Dockerfile, outer: &Range<usize>, instruction: &Instruction) {
    inside(file, outer, &instruction.span);
    inside(file, &instruction.span, &instruction.keyword_span);
    let mut end = instruction.keyword_span.end;
    for flag in &instruction.flags {
        inside(file, &(end..instruction.span.end), &flag.span);
        end = flag.span.end;
        let values = flag.fields.iter().map(|field| &field.value_span).chain([&flag.value_span]);
        values.flatten().for_each(|value| inside(file, &flag.span, value));
    }
    arguments(file, &instruction.span, &instruction.arguments);
    for heredoc in &instruction.heredocs {
        inside(file, &instruction.span, &heredoc.body);
        assert!(heredoc.body.start >= end, "a body stands behind its line, and behind the body before it");
        end = heredoc.body.end;
    }
}

fn arguments(file: &Dockerfile, outer: &Range<usize>, arguments: &Arguments) {
    let word = |word: &Word| inside(file, outer, &word.span);
    match arguments {
        Arguments::None => {}
        Arguments::Text(text) => word(text),
        Arguments::Words(words) => words.iter().for_each(word),
        Arguments::List(_, span) => inside(file, outer, span),
        Arguments::Pairs(pairs) => {
            for Pair { name, value } in pairs {
                word(name);
                value.iter().for_each(word);
            }
        }
        Arguments::Healthcheck(kind, command) => {
            word(kind);
            self::arguments(file, outer, command);
        }
        Arguments::Trigger(trigger) => whole(file, outer, trigger),
    }
}
