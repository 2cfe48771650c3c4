//! The directory in which one build happens, and its end. Not what the build sees of the machine: see `inner.sh`.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::{fs, io};

use tempfile::TempDir;

/// What every workspace's name starts with, and nothing else's in the scratch directory.
const PREFIX: &str = "build-";
/// What the build may write, below `build`: `home` and `tmp` for its programs, `storage` and `run` for images, `output`.
const WRITABLE: [&str; 6] = ["", "home", "tmp", "storage", "run", "output"];

/// A directory that only root may enter; removed on drop.
#[derive(Debug)]
pub(crate) struct Workspace {
    dir: TempDir,
}

impl Workspace {
    /// A fresh one in `scratch`, whose writable part belongs to the user and group `owner`.
    pub(crate) fn create(scratch: &Path, owner: u32) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(scratch)?;
        fs::create_dir(dir.path().join("root"))?;
        for name in WRITABLE {
            let path = dir.path().join("build").join(name);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
            chown(&path, Some(owner), Some(owner))?;
        }
        Ok(Self { dir })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Its name, which no other workspace has.
    pub(crate) fn name(&self) -> String {
        self.dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What the build sees as /build.
    pub(crate) fn build(&self) -> PathBuf {
        self.dir.path().join("build")
    }

    /// Where the image is left.
    pub(crate) fn output(&self) -> PathBuf {
        self.build().join("output")
    }

    /// Whether the isolation was complete and the command started.
    pub(crate) fn is_ready(&self) -> bool {
        fs::metadata(self.dir.path().join("ready")).is_ok_and(|ready| ready.len() > 0)
    }

    /// Removes it and says whether that worked, which a drop does not.
    pub(crate) fn remove(self) -> io::Result<()> {
        self.dir.close()
    }
}

/// The names of the workspaces that a killed worker left in `scratch`.
pub(crate) fn left_behind(scratch: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(scratch)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.starts_with(PREFIX)));
    }
    Ok(names)
}
