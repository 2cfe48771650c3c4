//! SecretsUsedInArgOrEnv: no secrets in ARG and ENV.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "SecretsUsedInArgOrEnv",
    level: Level::Ignore,
    page: include_str!("secrets_used_in_arg_or_env.md"),
    check: Check::Instructions(&[Keyword::Arg, Keyword::Env], check),
};

const SECRET: [&str; 10] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];
const OPEN: [&str; 3] = ["public", "file", "version"];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let in_stage = here.subject.file.stages().first().is_some_and(|stage| stage.line < here.line);
    if !in_stage || here.when == When::Deferred {
        return;
    }
    for pair in here.instruction.pairs() {
        let has = |words: &[&str]| {
            pair.name.text.split('_').any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
        };
        if has(&SECRET) && !has(&OPEN) {
            let message = format!("{} stays readable in the image; mount it as a secret.", pair.name.text);
            sink.report_at(here.line, &pair.name.span, message);
        }
    }
}
