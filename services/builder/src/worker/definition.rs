//! From what the scan says of a definition to the definition that is built, and to the change that the team is told. Pure.

use std::{collections::BTreeMap, ops::Range};

use artifact::{BaseRole, Digest, ImageRef};
use dockerfile::{Dockerfile, Edit, ImageUse, Inputs};
use events::rpc::{ScanReply, ScannedUse};

use super::failure::Failure;

/// An image use that may be built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedUse {
    pub(super) role: BaseRole,
    pub(super) line: u32,
    pub(super) written: String,
    pub(super) used: ImageRef,
    /// The trigger in the base's configuration that brings it in, if it is no line of the file's.
    pub(super) trigger: Option<String>,
    /// How many orders were known when it was allowed.
    pub(super) as_of: u64,
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

/// The verdict, if it is about the definition that is `built`: nothing is built on one about another.
pub(super) fn about(scan: ScanReply, built: Digest) -> Result<ScanReply, Failure> {
    if scan.definition_digest.as_ref() == Some(&built) {
        Ok(scan)
    } else {
        Err(Failure::OtherVerdict { judged: scan.definition_digest, built })
    }
}

/// The uses of a scan that let the build go on, as far as they are images.
pub(super) fn allowed_uses(scan: &ScanReply) -> Result<Vec<AllowedUse>, Failure> {
    // What is added and was let in needs no image.
    let is_image = |scanned: &&ScannedUse| {
        scanned.role != BaseRole::Add || scanned.used.is_some() || scanned.choice == "refuse"
    };
    scan.uses.iter().filter(is_image).map(|scanned| allowed_use(scanned, scan.as_of)).collect()
}

fn allowed_use(scanned: &ScannedUse, as_of: u64) -> Result<AllowedUse, Failure> {
    let ScannedUse {
        line,
        role,
        written,
        choice,
        used,
        reason,
        start,
        end,
        rule: _,
        nearest: _,
        pin,
        trigger,
    } = scanned;
    let place = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX);
    match used {
        Some(used) if choice != "refuse" => Ok(AllowedUse {
            role: *role,
            line: *line,
            written: written.clone(),
            used: used.clone(),
            trigger: Some(trigger.clone()).filter(|trigger| !trigger.is_empty()),
            as_of,
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
    inputs: &Inputs,
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
    let text = definition.replace_images(inputs, &images);
    let text =
        text.map_err(|error| Failure::Refused(format!("the definition cannot be rewritten: {error}")))?;
    Ok(Dockerfile::read(&text))
}

/// The changed definition with every image pinned to the digest that was read and judged: what is built.
pub(super) fn pinned(
    definition: &Dockerfile,
    changed: &Dockerfile,
    inputs: &Inputs,
    uses: &[AllowedUse],
    digests: &BTreeMap<ImageRef, ImageRef>,
) -> Result<String, Failure> {
    let edit = |(before, after): (ImageUse, ImageUse)| {
        let allowed = uses.iter().find(|allowed| allowed.span == before.span)?;
        Some(Edit { span: after.span, replacement: digests.get(&allowed.used)?.to_string() })
    };
    // What replaces images keeps their uses in number and order.
    let both = definition.image_uses(inputs).into_iter().zip(changed.image_uses(inputs));
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
pub(super) mod tests {
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
            trigger: String::new(),
        }
    }

    fn none() -> Inputs {
        Inputs::default()
    }

    /// A verdict that lets everything pass.
    pub(in crate::worker) fn reply(uses: Vec<ScannedUse>) -> ScanReply {
        ScanReply {
            refused: false,
            findings: vec![],
            uses,
            as_of: 1,
            definition_digest: Some(Digest::of(b"FROM a:1\n")),
            catalog_revision: 1,
            policy_revision: 0,
        }
    }

    #[test]
    fn nothing_is_built_on_a_verdict_about_another_definition() {
        assert!(about(reply(vec![]), Digest::of(b"FROM a:1\n")).is_ok());
        let other = about(reply(vec![]), Digest::of(b"FROM a:2\n")).unwrap_err();
        assert!(matches!(other, Failure::OtherVerdict { .. }) && other.goes_back(1).is_some(), "{other}");
        let unbound = ScanReply { definition_digest: None, ..reply(vec![]) };
        assert!(about(unbound, Digest::of(b"FROM a:1\n")).is_err());
    }

    #[test]
    fn the_team_is_told_of_the_version_and_the_build_is_pinned_to_the_digest() {
        let text = "ARG V=1\nFROM r.io/os:$V\nRUN true\n";
        let file = Dockerfile::parse(text).unwrap();
        let uses = allowed_uses(&reply(vec![scanned(text, "r.io/os:$V", "r.io/os:2", "replace")])).unwrap();
        let used: ImageRef = "r.io/os:2".parse().unwrap();
        let digest = artifact::Digest::of(b"2");
        let digests = BTreeMap::from([(used.clone(), used.pinned(digest.clone()))]);
        let changed = changed(&file, &none(), &uses, &BTreeMap::new()).unwrap();
        assert_eq!(changed.text(), "ARG V=2\nFROM r.io/os:$V\nRUN true\n");
        let built = pinned(&file, &changed, &none(), &uses, &digests).unwrap();
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
        assert_eq!(
            changed(&file, &none(), &uses, &BTreeMap::new()).unwrap().text(),
            text,
            "nothing was read yet"
        );
        let digests = BTreeMap::from([(used.clone(), used.pinned(digest.clone()))]);
        let said = changed(&file, &none(), &uses, &digests).unwrap();
        assert_eq!(said.text(), format!("FROM r.io/os:2@{digest} AS a\n"));
    }

    #[test]
    fn what_was_kept_changes_nothing_for_the_team() {
        let text = "FROM r.io/os:2\n";
        let file = Dockerfile::parse(text).unwrap();
        let uses = allowed_uses(&reply(vec![scanned(text, "r.io/os:2", "r.io/os:2", "keep")])).unwrap();
        assert_eq!(changed(&file, &none(), &uses, &BTreeMap::new()).unwrap().text(), text);
    }

    #[test]
    fn what_cannot_be_rewritten_is_the_teams_to_mend() {
        let text = "ARG V=1\nFROM r.io/os:$V\nFROM r.io/other:$V\n";
        let file = Dockerfile::parse(text).unwrap();
        let scan = reply(vec![
            scanned(text, "r.io/os:$V", "r.io/os:2", "replace"),
            scanned(text, "r.io/other:$V", "r.io/other:1", "keep"),
        ]);
        let error = changed(&file, &none(), &allowed_uses(&scan).unwrap(), &BTreeMap::new()).unwrap_err();
        assert!(matches!(&error, Failure::Refused(message) if message.contains("ARG V")), "{error}");
    }

    #[test]
    fn a_refused_use_names_its_line() {
        let text = "FROM evil:1\n";
        let error = allowed_uses(&reply(vec![scanned(text, "evil:1", "", "refuse")])).unwrap_err();
        assert!(matches!(&error, Failure::Refused(message) if message.contains("line 1: evil:1")), "{error}");
    }

    #[test]
    fn what_is_added_and_let_in_is_no_image_to_fetch() {
        let added = |choice: &str| ScannedUse {
            role: BaseRole::Add,
            ..scanned("ADD rootfs.tar /", "rootfs.tar", "", choice)
        };
        assert_eq!(allowed_uses(&reply(vec![added("keep")])).unwrap(), vec![]);
        assert!(allowed_uses(&reply(vec![added("refuse")])).is_err());
    }

    #[test]
    fn a_reference_to_the_platform_is_pinned_like_any_other() {
        let text = "FROM --platform=$BUILDPLATFORM r.io/os-$TARGETARCH:2\n";
        let file = Dockerfile::parse(text).unwrap();
        let inputs = Inputs { platform: "linux/arm64".parse().ok(), ..Inputs::default() };
        let uses =
            allowed_uses(&reply(vec![scanned(text, "r.io/os-$TARGETARCH:2", "r.io/os-arm64:2", "keep")]))
                .unwrap();
        let used: ImageRef = "r.io/os-arm64:2".parse().unwrap();
        let pin = used.pinned(artifact::Digest::of(b"2"));
        let pins = BTreeMap::from([(used, pin.clone())]);
        let changed = changed(&file, &inputs, &uses, &pins).unwrap();
        assert_eq!(changed.text(), text);
        let built = pinned(&file, &changed, &inputs, &uses, &pins).unwrap();
        assert_eq!(built, format!("FROM --platform=$BUILDPLATFORM {pin}\n"));
    }
}
