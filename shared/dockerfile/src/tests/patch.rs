//! Our patches, applied by git itself.

use std::{fs, path::Path, process::Command};

use crate::{Dockerfile, Inputs, unified_diff};

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Every use of `old` becomes `new`; git must make the same file of the patch, and the old one of its reverse.
#[track_caller]
fn check(path: &str, old: &str, image: (&str, &str)) {
    let file = Dockerfile::read(old);
    let images: Vec<_> = file
        .image_uses(&Inputs::default())
        .into_iter()
        .filter(|image_use| image_use.resolved.as_ref().is_ok_and(|used| used.to_string() == image.0))
        .map(|image_use| (image_use.span, image.1.parse().unwrap()))
        .collect();
    let new = file.replace_images(&Inputs::default(), &images).unwrap();
    assert_ne!(old, new);
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    let place = folder.path().join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, old).unwrap();
    fs::write(folder.path().join("change.patch"), unified_diff(old, &new, path)).unwrap();
    git(folder.path(), &["apply", "change.patch"]);
    assert_eq!(fs::read_to_string(&place).unwrap(), new, "{path}: {old:?}");
    git(folder.path(), &["apply", "--reverse", "change.patch"]);
    assert_eq!(fs::read_to_string(&place).unwrap(), old, "{path}: {old:?}");
}

#[test]
fn git_applies_what_we_write() {
    let images = ("r.io/os:1", "r.io/os:2");
    check("Dockerfile", "FROM r.io/os:1\nRUN x\n", images);
    check("Dockerfile", "FROM r.io/os:1", images);
    check("Dockerfile", "ARG B=r.io/os:1\n# c\n\nFROM $B AS a\nFROM a", images);
    let far = "RUN x\n".repeat(40);
    check("deploy/Dockerfile", &format!("FROM r.io/os:1\n{far}COPY --from=r.io/os:1 / /\n{far}"), images);
    check("deploy/images/web.Dockerfile", "FROM r.io/\\\nos:1\nRUN <<E\nFROM r.io/os:1\nE\n", images);
    for path in ["a b/Docker file", "Dock\u{e9}rfile", "a\"b\\c", "-x"] {
        check(path, "FROM r.io/os:1\nRUN x\n", images);
    }
}

#[test]
fn git_applies_carriage_returns_and_open_ends() {
    let images = ("r.io/os:1", "r.io/os:2");
    for old in [
        "FROM r.io/os:1\r\nRUN x\r\nRUN y\r\n",
        "FROM r.io/os:1\r\nRUN x",
        "FROM r.io/os:1\r",
        "\u{feff}FROM r.io/os:1\nRUN x \\\r\n y\n",
        "ARG X=1\rY\nFROM r.io/os:1\n",
    ] {
        check("Dockerfile", old, images);
    }
}
