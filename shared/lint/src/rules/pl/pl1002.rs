//! PL1002: no keys and passwords among the files of an image.

use dockerfile::{Arguments, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
    rules::quotes,
};

pub(crate) const RULE: Rule = Rule {
    code: "PL1002",
    level: Level::Error,
    page: include_str!("pl1002.md"),
    check: Check::Instructions(&[Keyword::Add, Keyword::Copy], check),
};

/// Files that hold nothing but secrets, by the end of their path.
const FILES: [&str; 16] = [
    ".aws/credentials",
    ".docker/config.json",
    ".dockercfg",
    ".env",
    ".git-credentials",
    ".htpasswd",
    ".kube/config",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kubeconfig",
];
/// Kinds of files that hold private keys; `.pem` may be a certificate and is not among them.
const KINDS: [&str; 6] = [".jks", ".kdbx", ".key", ".p12", ".pfx", ".ppk"];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let (words, list) = match &here.instruction.arguments {
        Arguments::Words(words) => (words.as_slice(), [].as_slice()),
        Arguments::List(list, _) => ([].as_slice(), list.as_slice()),
        _ => return,
    };
    let words = words.iter().map(|word| quotes::bare(&word.text));
    let mut sources = words.chain(list.iter().map(String::as_str));
    let _target = sources.next_back();
    if let Some(secret) = sources.find(|source| is_secret(source)) {
        sink.report(
            here.line,
            format!(
                "{secret} stays in the image; mount it where it is needed: RUN --mount=type=secret,id=<id>."
            ),
        );
    }
}

fn is_secret(path: &str) -> bool {
    let is =
        |file: &str| path.strip_suffix(file).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    FILES.iter().any(|file| is(file)) || KINDS.iter().any(|kind| path.ends_with(kind))
}
