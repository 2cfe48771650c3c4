//! What ShellCheck said before, on disk: one small file a script, under the hash of everything the answer depends on. May be deleted
//! at any time. What cannot be read or written is as if it were not there.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::report::Note;

/// Changes when the way a script is asked about, or the form of the files, changes.
const FORM: &str = "1";
/// The most answers in one of the 256 folders: about 30,000 in all, or 120 MB where a file takes 4 KiB.
const ANSWERS_A_FOLDER: usize = 120;

/// The kept answers of one ShellCheck.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// The hash so far: the form and which ShellCheck.
    hasher: Sha256,
}

impl Cache {
    /// The answers in `folder` of the ShellCheck that is `identity`.
    pub(crate) fn new(folder: PathBuf, identity: &str) -> Self {
        let hasher =
            Sha256::new().chain_update(FORM).chain_update("\n").chain_update(identity).chain_update("\n");
        Self { folder, hasher }
    }

    /// What was said about that script.
    pub(crate) fn get(&self, script: &str) -> Option<Vec<Note>> {
        let (_, file) = self.place(script);
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// Keeps what was said about that script.
    pub(crate) fn put(&self, script: &str, notes: &[Note]) {
        let (folder, file) = self.place(script);
        let kept = || -> std::io::Result<()> {
            fs::create_dir_all(&folder)?;
            make_room(&folder)?;
            // Whole or not at all, also where two runs keep the same.
            let mut whole = tempfile::NamedTempFile::new_in(&folder)?;
            whole.write_all(&serde_json::to_vec(notes)?)?;
            whole.persist(file)?;
            Ok(())
        };
        // An answer that is not kept is asked for again.
        let _ = kept();
    }

    fn place(&self, script: &str) -> (PathBuf, PathBuf) {
        let hash = hex::encode(self.hasher.clone().chain_update(script).finalize());
        let (folder, name) = hash.split_at_checked(2).unwrap_or_default();
        let folder = self.folder.join(folder);
        let file = folder.join(name);
        (folder, file)
    }
}

/// Removes the older half of a full folder.
fn make_room(folder: &Path) -> std::io::Result<()> {
    let answers: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    if answers.len() < ANSWERS_A_FOLDER {
        return Ok(());
    }
    let mut by_age = Vec::new();
    for answer in answers {
        by_age.push((answer.metadata()?.modified()?, answer.path()));
    }
    by_age.sort();
    by_age.iter().take(ANSWERS_A_FOLDER / 2).try_for_each(|(_, old)| fs::remove_file(old))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_folder_keeps_the_newer_half() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned(), "x");
        let first = cache.place("0").0;
        let mut same = (0..).map(|n: u32| n.to_string()).filter(|script| cache.place(script).0 == first);
        let same: Vec<String> = same.by_ref().take(ANSWERS_A_FOLDER * 3).collect();
        for script in &same {
            cache.put(script, &[]);
            assert!(cache.get(script).is_some());
            assert!(fs::read_dir(&first).unwrap().count() <= ANSWERS_A_FOLDER);
        }
        assert!(cache.get(&same[0]).is_none());
    }
}
