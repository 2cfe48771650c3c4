//! Which files a `lint` is about: those named, and the definitions in the folders named. Not what they say.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ignore::{DirEntry, WalkBuilder};

use crate::exit::Failure;

/// Of so many paths each is asked whether it is a folder. Of more, those called like a definition are not: that would cost a third of
/// reading them, and what is called like one is one as a rule.
const FEW_PATHS: usize = 64;

/// Where a definition is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `-`: standard input.
    Input,
    /// A file, or one of many paths: a folder that is called like a definition, which shows when it is read.
    File(PathBuf),
}

/// The definitions that the paths mean, in the order of the paths and by name within a folder.
///
/// A file that is named is taken whatever it is called; a folder is walked as git sees it, without what `.gitignore` leaves out.
pub(super) fn places(paths: &[PathBuf]) -> Result<Vec<Place>, Failure> {
    let are_few = paths.len() <= FEW_PATHS;
    let mut places = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            places.push(Place::Input);
        } else if (are_few || !is_called_definition(path)) && path.is_dir() {
            places.extend(within(path)?);
        } else {
            places.push(Place::File(path.clone()));
        }
    }
    Ok(places)
}

/// A report must not take the place of what it is about.
pub(super) fn keep_apart(output: &Path, places: &[Place]) -> Result<(), Failure> {
    let Ok(output_file) = fs::canonicalize(output) else { return Ok(()) };
    let is_output = |place: &Place| match place {
        Place::File(path) => fs::canonicalize(path).is_ok_and(|path| path == output_file),
        Place::Input => false,
    };
    match output_file.is_file() && places.iter().any(is_output) {
        true => Err(Failure::Usage(format!(
            "{} is one of the files to be judged; write the report to another, such as report.txt",
            output.display()
        ))),
        false => Ok(()),
    }
}

/// The definitions in a folder, by name.
pub(super) fn within(folder: &Path) -> Result<Vec<Place>, Failure> {
    let found = walk(folder)?;
    if found.is_empty() {
        // In a pipeline a slip of the pen must not look like a clean bill of health.
        return Err(Failure::Usage(format!(
            "{}: no definition in this folder (Dockerfile*, *.Dockerfile, Containerfile*); name the file itself",
            folder.display()
        )));
    }
    Ok(found.into_iter().map(Place::File).collect())
}

fn walk(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    // A folder in CI is often an archive of the repository: .gitignore counts there too. Folders with a dot are part of the repository,
    // but for git's own, and no other tool's list may hide a definition.
    let walk = WalkBuilder::new(folder)
        .require_git(false)
        .hidden(false)
        .ignore(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_name(Ord::cmp)
        .build();
    let mut found = Vec::new();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            // What cannot be read is told when it is read; the rest of the folder is judged all the same.
            Err(error) => {
                let Some(path) = unread(&error).filter(|path| *path != folder) else {
                    return Err(Failure::Fault(format!("{}: {error}", folder.display())));
                };
                found.push(path.to_owned());
                continue;
            }
        };
        if is_definition(&entry.file_name().to_string_lossy()) && leads_to_file(&entry) {
            let path = entry.into_path();
            found.push(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path));
        }
    }
    Ok(found)
}

/// The path that could not be walked.
fn unread(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => unread(err),
        _ => None,
    }
}

/// Whether it is a file, or a link that leads to one or nowhere: what cannot be read is told when it is read, and not passed over. Links to
/// folders are not followed, as git does not.
fn leads_to_file(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| {
        kind.is_file()
            || kind.is_symlink() && fs::metadata(entry.path()).map_or(true, |there| there.is_file())
    })
}

fn is_called_definition(path: &Path) -> bool {
    path.file_name().is_some_and(|name| is_definition(&name.to_string_lossy()))
}

/// `Dockerfile*`, `*.Dockerfile`, `Containerfile*` in the cases in use; not what says which files a build leaves out.
fn is_definition(name: &str) -> bool {
    let named = ["Dockerfile", "dockerfile", "Containerfile", "containerfile"]
        .iter()
        .any(|base| name.starts_with(base));
    let suffixed = [".Dockerfile", ".dockerfile", ".Containerfile", ".containerfile"]
        .iter()
        .any(|suffix| name.len() > suffix.len() && name.ends_with(suffix));
    (named || suffixed) && !name.ends_with(".dockerignore") && !name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_definitions() {
        for name in [
            "Dockerfile",
            "dockerfile",
            "Dockerfile.alpine",
            "Dockerfile-dev",
            "Dockerfile_old",
            "web.Dockerfile",
            "web.dockerfile",
            "Containerfile",
            "Containerfile.in",
            "Dockerfile2",
            "DockerfileProd",
            "Dockerfile (copy)",
        ] {
            assert!(is_definition(name), "{name}");
        }
        for name in [
            "Dockerfile.dockerignore",
            ".dockerignore",
            "docker-compose.yml",
            ".Dockerfile",
            "Dockerfile~",
            "",
        ] {
            assert!(!is_definition(name), "{name}");
        }
    }

    #[test]
    fn folders_are_walked_as_git_sees_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in [
            "b/Dockerfile",
            "a/web.Dockerfile",
            "out/Dockerfile",
            "a/README.md",
            ".git/Dockerfile",
            ".devcontainer/Dockerfile",
            "c/Dockerfile",
        ] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), "FROM a:1\n").unwrap();
        }
        fs::write(root.join(".gitignore"), "out/\n").unwrap();
        fs::write(root.join(".ignore"), "c/\n").unwrap();
        let odd = root.join("a/README.md");
        let found = places(&[root.to_owned(), odd.clone(), "-".into(), "gone".into()]).unwrap();
        let expected = [
            Place::File(root.join(".devcontainer/Dockerfile")),
            Place::File(root.join("a/web.Dockerfile")),
            Place::File(root.join("b/Dockerfile")),
            Place::File(root.join("c/Dockerfile")),
            Place::File(odd),
            Place::Input,
            Place::File("gone".into()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_without_definitions_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(places(&[folder.path().to_owned()]), Err(Failure::Usage(_))));
    }
}
