//! hadolint, asked as a program: many files a process. It is GPL, and neither linked nor read.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{Findings, Found};

/// Files a process: enough that its start costs nothing, few enough that a crash is found soon.
const BATCH: usize = 200;

/// The program.
#[derive(Debug, Clone)]
pub struct Hadolint {
    program: PathBuf,
    version: String,
}

/// Why it could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It cannot be started, or its files cannot be written.
    #[error("asking {program}: install it with deploy/dev/peers.sh, and name it in HADOLINT")]
    Io {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It answered something else than a list of findings.
    #[error("hadolint answered what is no list of findings: {0}")]
    Answer(String),
}

impl Hadolint {
    /// The program, once it has told its version.
    pub fn new(program: &Path) -> Result<Self, PeerError> {
        let asked = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        let output = asked.map_err(|source| PeerError::Io { program: program.to_owned(), source })?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { program: program.to_owned(), version })
    }

    /// What it says of itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it finds in each file under this configuration, in order; none where it crashes.
    pub fn lint(&self, files: &[&(String, String)], yaml: &str) -> Result<Vec<Option<Findings>>, PeerError> {
        let mut found = Vec::with_capacity(files.len());
        for batch in files.chunks(BATCH) {
            found.extend(self.batch(batch, yaml)?);
        }
        Ok(found)
    }

    fn batch(&self, files: &[&(String, String)], yaml: &str) -> Result<Vec<Option<Findings>>, PeerError> {
        let wrong = |source| PeerError::Io { program: self.program.clone(), source };
        let folder = tempfile::tempdir().map_err(wrong)?;
        let configuration = folder.path().join("hadolint.yaml");
        fs::write(&configuration, yaml).map_err(wrong)?;
        let mut command = Command::new(&self.program);
        command.args(["--no-fail", "--format", "json", "--config"]).arg(&configuration);
        for (index, (_, text)) in files.iter().enumerate() {
            fs::write(folder.path().join(index.to_string()), text).map_err(wrong)?;
            command.arg(index.to_string());
        }
        let output = command.current_dir(folder.path()).stdin(Stdio::null()).output().map_err(wrong)?;
        match (output.status.success(), files.split_at_checked(files.len() / 2)) {
            (true, _) => findings(&output.stdout, files.len()),
            // One file takes the whole batch with it; the halves show which.
            (false, Some((first, rest))) if files.len() > 1 => {
                let mut found = self.batch(first, yaml)?;
                found.extend(self.batch(rest, yaml)?);
                Ok(found)
            }
            (false, _) => Ok(files.iter().map(|_| None).collect()),
        }
    }
}

/// The findings of a JSON report on files that are called by their number.
fn findings(json: &[u8], files: usize) -> Result<Vec<Option<Findings>>, PeerError> {
    let no_list = || PeerError::Answer(String::from_utf8_lossy(json).chars().take(200).collect());
    let list: Vec<Value> = serde_json::from_slice(json).map_err(|_| no_list())?;
    let mut found = vec![Some(Findings::new()); files];
    for finding in &list {
        let field = |name| finding.get(name).and_then(Value::as_str).ok_or_else(no_list);
        let code = field("code")?;
        let line = finding.get("line").and_then(Value::as_u64).ok_or_else(no_list)?;
        let file: usize = field("file")?.parse().map_err(|_| no_list())?;
        let of_file = found.get_mut(file).and_then(Option::as_mut).ok_or_else(no_list)?;
        if code.starts_with("DL") {
            let line = usize::try_from(line).unwrap_or(usize::MAX);
            of_file.insert(Found { line, code: code.to_owned(), level: field("level")?.to_owned() });
        }
    }
    Ok(found)
}
