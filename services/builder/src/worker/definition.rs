//! From what the scan says of a definition to the definition that is built, and to the change that the team is told. Pure.

use std::{collections::BTreeMap, ops::Range};

use artifact::{BaseRole, ImageRef};
use dockerfile::{Dockerfile, Edit, ImageUse};
use events::rpc::{ScanReply, ScannedUse};

use super::failure::Failure;

/// An image use that may be built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedUse {
    pub(super) role: BaseRole,
    pub(super) line: u32,
    pub(super) written: String,
    pub(super) used: ImageRef,
    span: Range<usize>,
    change: Change,
    reason: String,
}

/// What the source should say instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// What it says.
    None,
    /// Another version.
    Version,
    /// A version with the digest that was read.
    Digest,
}

/// The uses of a scan that let the build go on.
pub(super) fn allowed_uses(scan: &ScanReply) -> Result<Vec<AllowedUse>, Failure> {
    scan.uses.iter().map(allowed_use).collect()
}

fn allowed_use(scanned: &ScannedUse) -> Result<AllowedUse, Failure> {
    let ScannedUse { line, role, written, choice, used, reason, start, end, rule: _, nearest: _, pin } =
        scanned;
    let place = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX);
    match used {
        Some(used) if choice != "refuse" => Ok(AllowedUse {
            role: *role,
            line: *line,
            written: written.clone(),
            used: used.clone(),
            span: place(*start)..place(*end),
            change: match (choice.as_str(), pin) {
                ("replace", true) => Change::Digest,
                ("replace", false) => Change::Version,
                _ => Change::None,
            },
            reason: reason.clone(),
        }),
        _ => Err(Failure::Refused(format!("line {line}: {written}: {reason}"))),
    }
}

/// The definition with what was replaced: what the source should say. A digest is only said where it has been read.
pub(super) fn changed(
    definition: &Dockerfile,
    uses: &[AllowedUse],
    digests: &BTreeMap<ImageRef, ImageRef>,
) -> Result<Dockerfile, Failure> {
    let images: Vec<_> = uses
        .iter()
        .filter_map(|AllowedUse { change, used, span, .. }| {
            let image = match change {
                Change::None => return None,
                Change::Version => used,
                Change::Digest => digests.get(used).unwrap_or(used),
            };
            Some((span.clone(), image.clone()))
        })
        .collect();
    let text = definition.replace_images(&BTreeMap::new(), &images);
    let text =
        text.map_err(|error| Failure::Refused(format!("the definition cannot be rewritten: {error}")))?;
    Ok(Dockerfile::read(&text))
}

/// The changed definition with every image pinned to the digest that was read and judged: what is built.
pub(super) fn pinned(
    definition: &Dockerfile,
    changed: &Dockerfile,
    uses: &[AllowedUse],
    digests: &BTreeMap<ImageRef, ImageRef>,
) -> Result<String, Failure> {
    let none = BTreeMap::new();
    let edit = |(before, after): (ImageUse, ImageUse)| {
        let allowed = uses.iter().find(|allowed| allowed.span == before.span)?;
        Some(Edit { span: after.span, replacement: digests.get(&allowed.used)?.to_string() })
    };
    // What replaces images keeps their uses in number and order.
    let both = definition.image_uses(&none).into_iter().zip(changed.image_uses(&none));
    let edits: Vec<Edit> = both.filter_map(edit).collect();
    changed.rewrite(&edits).map_err(|error| Failure::Failed {
        message: format!("the definition cannot be rewritten: {error}; name each image on its own"),
    })
}

/// What was replaced, for people.
pub(super) fn replacements(uses: &[AllowedUse]) -> Vec<String> {
    uses.iter()
        .filter(|allowed| allowed.change != Change::None)
        .map(|allowed| {
            format!(
                "line {}: {} was built on {} instead: {}",
                allowed.line, allowed.written, allowed.used, allowed.reason
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str, written: &str, used: &str, choice: &str) -> ScannedUse {
        let start = text.find(written).unwrap();
        ScannedUse {
            line: 1,
            role: BaseRole::Base,
            written: written.to_owned(),
            choice: choice.to_owned(),
            used: used.parse().ok(),
            reason: "outdated".to_owned(),
            start: start as u64,
            end: (start + written.len()) as u64,
            rule: "catalog".to_owned(),
            nearest: None,
            pin: false,
        }
    }

    fn reply(uses: Vec<ScannedUse>) -> ScanReply {
        ScanReply { refused: false, findings: vec![], uses, as_of: 1 }
    }

    #[test]
    fn the_team_is_told_of_the_version_and_the_build_is_pinned_to_the_digest() {
        let text = "ARG V=1\nFROM r.io/os:$V\nRUN true\n";
        let file = Dockerfile::parse(text).unwrap();
        let uses = allowed_uses(&reply(vec![scanned(text, "r.io/os:$V", "r.io/os:2", "replace")])).unwrap();
        let used: ImageRef = "r.io/os:2".parse().unwrap();
        let digest = artifact::Digest::of(b"2");
        let digests = BTreeMap::from([(used.clone(), used.pinned(digest.clone()))]);
        let changed = changed(&file, &uses, &BTreeMap::new()).unwrap();
        assert_eq!(changed.text(), "ARG V=2\nFROM r.io/os:$V\nRUN true\n");
        let built = pinned(&file, &changed, &uses, &digests).unwrap();
        assert_eq!(built, format!("ARG V=2\nFROM r.io/os:2@{digest}\nRUN true\n"));
        assert_eq!(replacements(&uses).len(), 1);
    }

    #[test]
    fn a_pin_names_the_digest_that_was_read() {
        let text = "FROM r.io/os:2 AS a\n";
        let file = Dockerfile::parse(text).unwrap();
        let pinning = ScannedUse { pin: true, ..scanned(text, "r.io/os:2", "r.io/os:2", "replace") };
        let uses = allowed_uses(&reply(vec![pinning])).unwrap();
        let used: ImageRef = "r.io/os:2".parse().unwrap();
        let digest = artifact::Digest::of(b"2");
        assert_eq!(changed(&file, &uses, &BTreeMap::new()).unwrap().text(), text, "nothing was read yet");
        let digests = BTreeMap::from([(used.clone(), used.pinned(digest.clone()))]);
        let said = changed(&file, &uses, &digests).unwrap();
        assert_eq!(said.text(), format!("FROM r.io/os:2@{digest} AS a\n"));
    }

    #[test]
    fn what_was_kept_changes_nothing_for_the_team() {
        let text = "FROM r.io/os:2\n";
        let file = Dockerfile::parse(text).unwrap();
        let uses = allowed_uses(&reply(vec![scanned(text, "r.io/os:2", "r.io/os:2", "keep")])).unwrap();
        assert_eq!(changed(&file, &uses, &BTreeMap::new()).unwrap().text(), text);
    }

    #[test]
    fn what_cannot_be_rewritten_is_the_teams_to_mend() {
        let text = "ARG V=1\nFROM r.io/os:$V\nFROM r.io/other:$V\n";
        let file = Dockerfile::parse(text).unwrap();
        let scan = reply(vec![
            scanned(text, "r.io/os:$V", "r.io/os:2", "replace"),
            scanned(text, "r.io/other:$V", "r.io/other:1", "keep"),
        ]);
        let error = changed(&file, &allowed_uses(&scan).unwrap(), &BTreeMap::new()).unwrap_err();
        assert!(matches!(&error, Failure::Refused(message) if message.contains("ARG V")), "{error}");
    }

    #[test]
    fn a_refused_use_names_its_line() {
        let text = "FROM evil:1\n";
        let error = allowed_uses(&reply(vec![scanned(text, "evil:1", "", "refuse")])).unwrap_err();
        assert!(matches!(&error, Failure::Refused(message) if message.contains("line 1: evil:1")), "{error}");
    }
}
