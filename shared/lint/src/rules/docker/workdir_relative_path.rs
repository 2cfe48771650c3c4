//! WorkdirRelativePath: WORKDIR begins at the root.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::{docker::stages, quotes},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "WorkdirRelativePath",
    level: Level::Ignore,
    page: include_str!("workdir_relative_path.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut met = stages::Met::default();
    let mut has_one: Vec<bool> = Vec::new();
    for stage in subject.file.stages() {
        let inherited = met.base_of(stage).and_then(|base| has_one.get(base)).copied().unwrap_or(false);
        let mut workdirs =
            subject.file.body(stage).filter(|instruction| instruction.keyword == Keyword::Workdir);
        let first = workdirs.next();
        if let Some((workdir, path)) =
            first.filter(|_| !inherited).and_then(|first| Some((first, first.text()?)))
            && is_relative(quotes::bare(&path.text))
        {
            sink.report_at(workdir.line, &path.span, format!("Write the whole path of {}.", path.text));
        }
        has_one.push(inherited || first.is_some());
    }
}

/// Neither from the root, nor from a drive, nor from a variable.
fn is_relative(path: &str) -> bool {
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    !path.starts_with(['/', '\\', '$']) && !is_drive
}
