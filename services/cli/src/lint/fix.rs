//! `--fix`: the edits that findings carry, made in the file itself. Not which edits are safe: the rule that made them answers for it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, fchown},
    path::Path,
};

use dockerfile::{Dockerfile, Edit};
use lint::Report;

use super::{
    batch::{Outcome, Verdict},
    catalog::Judge,
    scripts::Scripts,
};
use crate::exit::{Failure, remark};

/// The verdict on the file once it has been mended; the same verdict where nothing can be mended.
pub(super) fn mend(
    verdict: Verdict,
    judge: &Judge<'_>,
    scripts: Option<&Scripts>,
) -> Result<Verdict, Failure> {
    let Verdict { path, outcome } = verdict;
    let Outcome::Judged { text, findings, refused } = outcome else { return Ok(Verdict { path, outcome }) };
    let found = findings.len();
    // The catalog's images first: they may bring findings, and take some away.
    let replaced = match judge.replaced(&text) {
        Some(replaced) => {
            let Report { findings, refused: _ } = report(&path, &replaced, judge, scripts);
            Some((replaced, findings))
        }
        None => None,
    };
    let (before, told) = replaced.as_ref().map_or((&text, &findings), |(text, findings)| (text, findings));
    let edited = mended(before, told.iter().flat_map(|finding| &finding.fix));
    let Some(mended) = edited.or_else(|| replaced.map(|(text, _)| text)) else {
        return Ok(Verdict { path, outcome: Outcome::Judged { text, findings, refused } });
    };
    if path == "-" {
        return Err(Failure::Usage("--fix mends files; standard input has none: name the file".to_owned()));
    }
    replace(Path::new(&path), &mended)
        .map_err(|error| Failure::Fault(format!("{path} cannot be written: {error}")))?;
    let Report { findings: left, refused } = report(&path, &mended, judge, scripts);
    remark(format_args!("{path}: mended, {} of {found} findings left", left.len()));
    Ok(Verdict { path, outcome: Outcome::Judged { text: mended, findings: left, refused } })
}

fn report(path: &str, text: &str, judge: &Judge<'_>, scripts: Option<&Scripts>) -> Report {
    let file = Dockerfile::read(text);
    let said = match scripts {
        Some(scripts) => scripts.check(vec![lint::scripts(&file)]).pop().unwrap_or_default(),
        None => Vec::new(),
    };
    judge.report(path, &file, said)
}

/// The text with the edits made, those first found winning where two meet; none where there is nothing to change or where the
/// result could not be read as a definition any more.
fn mended<'a>(text: &str, edits: impl Iterator<Item = &'a Edit>) -> Option<String> {
    // Those chosen do not meet, so an edit meets one of its neighbours or none.
    let mut chosen: BTreeMap<(usize, usize), &Edit> = BTreeMap::new();
    for edit in edits {
        let place = (edit.span.start, edit.span.end);
        let meets = |other: &Edit| edit.span.start < other.span.end && other.span.start < edit.span.end;
        let before = chosen.range(..place).next_back();
        let behind = chosen.range(place..).next();
        if !before.into_iter().chain(behind).any(|(other, edit)| *other == place || meets(edit)) {
            chosen.insert(place, edit);
        }
    }
    if chosen.is_empty() {
        return None;
    }
    let file = Dockerfile::read(text);
    let chosen: Vec<Edit> = chosen.into_values().cloned().collect();
    let mended = file.rewrite(&chosen).ok()?;
    (Dockerfile::read(&mended).errors().len() <= file.errors().len()).then_some(mended)
}

/// Puts the new text in the file's place at once, so that a crash leaves one of the two, with the file's own owner and permissions.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link points at is mended, not the link.
    let path = fs::canonicalize(path)?;
    // A file that may not be written is not to be put aside either.
    let old = fs::OpenOptions::new().write(true).open(&path)?.metadata()?;
    if old.nlink() > 1 {
        // Another file in its place would leave its other names behind.
        return fs::write(&path, text);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    let new = file.as_file().metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(file.as_file(), Some(old.uid()), Some(old.gid()))?;
    }
    file.as_file().set_permissions(old.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, edits: &[(std::ops::Range<usize>, &str)], expected: Option<&str>) {
        let edits: Vec<Edit> = edits
            .iter()
            .map(|(span, replacement)| Edit { span: span.clone(), replacement: (*replacement).to_owned() })
            .collect();
        assert_eq!(mended(text, edits.iter()).as_deref(), expected);
    }

    #[test]
    fn edits_are_made_unless_they_meet() {
        let text = "from a as b\nCMD x\n";
        check(text, &[(0..4, "FROM"), (7..9, "AS")], Some("FROM a AS b\nCMD x\n"));
        check(text, &[(0..4, "FROM"), (0..4, "FROM")], Some("FROM a as b\nCMD x\n"));
        check(text, &[(0..4, "FROM"), (2..6, "XX")], Some("FROM a as b\nCMD x\n"));
        check(text, &[], None);
        let touching = [(0..1, "F"), (1..2, "R"), (2..3, "O"), (3..4, "M"), (4..4, " "), (2..9, "?")];
        check(text, &touching, Some("FROM  a as b\nCMD x\n"));
    }

    #[test]
    fn a_file_is_not_mended_to_pieces() {
        check("FROM a\nCMD x\n", &[(0..4, "FROMM")], None);
        check("FROM a\n", &[(5..900, "b")], None);
    }

    #[test]
    fn a_link_and_its_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("Dockerfile"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        let other = folder.path().join("other");
        fs::hard_link(&file, &other).unwrap();
        replace(&file, "newer").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "newer");
    }
}
