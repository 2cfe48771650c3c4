//! JSONArgsRecommended: JSON for what runs.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::docker::stages,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "JSONArgsRecommended",
    level: Level::Ignore,
    page: include_str!("json_args_recommended.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut met = stages::Met::default();
    let mut sets_shell: Vec<bool> = Vec::new();
    for stage in subject.file.stages() {
        let mut is_set = met.base_of(stage).and_then(|base| sets_shell.get(base)).copied().unwrap_or(false);
        for instruction in subject.file.body(stage) {
            is_set |= instruction.keyword == Keyword::Shell;
            let runs = matches!(instruction.keyword, Keyword::Cmd | Keyword::Entrypoint);
            if runs && instruction.text().is_some() && !is_set {
                let message = format!("Write {} as a JSON list.", instruction.keyword);
                sink.report_at(instruction.line, &instruction.keyword_span, message);
            }
        }
        sets_shell.push(is_set);
    }
}
