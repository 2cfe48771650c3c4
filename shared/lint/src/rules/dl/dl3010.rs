//! DL3010: ADD unpacks archives.

use std::collections::BTreeMap;

use dockerfile::{Arguments, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink, When},
    script::Command,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3010", level: Level::Info, page: include_str!("dl3010.md"), check: Check::File(check) };

/// What ADD unpacks, by what stands behind the last dot of the name.
const ARCHIVES: [&str; 15] =
    ["tar", "gz", "tgz", "bz2", "tb2", "tbz", "tbz2", "xz", "txz", "lz", "lzma", "tlz", "Z", "tZ", "tpz"];
/// What unpacks, whatever its flags.
const UNPACKERS: [&str; 10] =
    ["bunzip2", "bzcat", "gunzip", "gzcat", "uncompress", "unlzma", "unxz", "unzip", "xzcat", "zcat"];

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    if !subject.runs().iter().any(|run| run.script.commands.iter().any(unpacks)) {
        return;
    }
    // The archives copied in this stage so far, under their names in the image, with the lines of their COPYs.
    let mut copied: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    // The COPYs of archives that were unpacked. Those of other stages than the last do not stay in the image.
    let mut unpacked: Vec<usize> = Vec::new();
    let mut runs = subject.runs().iter().filter(|run| run.when == When::Now);
    for instruction in subject.file.instructions() {
        match instruction.keyword {
            Keyword::From => {
                copied.clear();
                unpacked.clear();
            }
            Keyword::Copy if instruction.flag("from").is_none() => {
                for name in archives(instruction) {
                    copied.entry(name).or_default().push(instruction.line);
                }
            }
            Keyword::Run => {
                let Some(run) = runs.next().filter(|_| !copied.is_empty()) else { continue };
                let words =
                    run.script.commands.iter().filter(|call| unpacks(call)).flat_map(|call| &call.words);
                for word in words {
                    unpacked.extend(copied.remove(name_of(word)).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    unpacked.sort_unstable();
    unpacked.dedup();
    for line in unpacked {
        sink.report(line, "Bring the archive in with ADD, which unpacks it, instead of COPY.");
    }
}

/// The archives that a COPY brings in, under their names in the image.
fn archives(copy: &Instruction) -> impl Iterator<Item = &str> {
    let (words, list) = match &copy.arguments {
        Arguments::Words(words) => (words.as_slice(), [].as_slice()),
        Arguments::List(list, _) => ([].as_slice(), list.as_slice()),
        _ => ([].as_slice(), [].as_slice()),
    };
    let words = words.iter().map(|word| word.text.trim_matches('"'));
    let mut sources = words.chain(list.iter().map(String::as_str));
    let target = sources.next_back().filter(|target| is_archive(target));
    sources.filter(|source| is_archive(source)).map(move |source| name_of(target.unwrap_or(source)))
}

fn is_archive(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| ARCHIVES.contains(&end))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn unpacks(call: &Command<'_>) -> bool {
    match call.program.as_ref() {
        "tar" => call.has_flag(&["x", "extract", "get"]),
        program => UNPACKERS.contains(&program),
    }
}
