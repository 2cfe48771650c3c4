//! Which files are compared, said in one way to both halves: `just test-differential` gives them the same arguments. Not how they are compared.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use dockerfile::Dockerfile;

/// What both halves are told.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// The seed of the generated files; taken from the clock if left out, and printed.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How many files are generated; as many as the comparison needs if left out.
    #[arg(long, value_name = "NUMBER")]
    files: Option<u64>,
    /// How many disagreements are shown.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub show: usize,
    /// Files, and folders whose files are compared too.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Selection {
    /// The seed of this run; ask once.
    pub fn seed(&self) -> u64 {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.seed.unwrap_or_else(clock)
    }

    /// How many files are generated, where `enough` are if nothing else is said.
    pub fn count(&self, enough: u64) -> u64 {
        self.files.unwrap_or(enough)
    }

    /// The names and texts of the files that were named, folders' files in the order of their names. What is no text is left out.
    pub fn named(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut named = Vec::new();
        for path in &self.paths {
            let mut found = if path.is_dir() { files_in(path)? } else { vec![path.clone()] };
            found.sort();
            for path in found {
                let name = path.display().to_string();
                let bytes = fs::read(&path).with_context(|| format!("reading {name}"))?;
                if let Ok(text) = Dockerfile::text_of(&bytes) {
                    named.push((name, text.to_owned()));
                }
            }
        }
        Ok(named)
    }
}

fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.is_file()).collect())
}
