//! ConsistentInstructionCasing: one case for all instructions.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "ConsistentInstructionCasing",
    level: Level::Ignore,
    page: include_str!("consistent_instruction_casing.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let stages = subject.file.instructions().skip_while(|instruction| instruction.keyword != Keyword::From);
    let words: Vec<_> =
        stages.map(|instruction| (instruction, subject.file.source(&instruction.keyword_span))).collect();
    let is_lower = |word: &str| !word.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_upper = |word: &str| !word.bytes().any(|byte| byte.is_ascii_lowercase());
    let lower = words.iter().filter(|(_, word)| is_lower(word)).count();
    let upper = words.iter().filter(|(_, word)| is_upper(word)).count();
    for (instruction, word) in words {
        let (fits, case) = if lower > upper { (is_lower(word), "lower") } else { (is_upper(word), "upper") };
        if !fits {
            let message = format!("Write {word} in {case} case, as most instructions here.");
            sink.report_at(instruction.line, &instruction.keyword_span, message);
        }
    }
}
