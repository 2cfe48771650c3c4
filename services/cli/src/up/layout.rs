//! The data folder: one place for everything that an embedded pipeline keeps.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use events::topology::Role;

use crate::exit::Failure;

#[derive(Debug, Clone)]
pub(super) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// The layout below `folder`, which is made where it is missing.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let unusable =
            |error| Failure::Fault(format!("the data folder {} cannot be used: {error}", folder.display()));
        fs::create_dir_all(folder.join("roles")).map_err(unusable)?;
        fs::create_dir_all(folder.join("logs")).map_err(unusable)?;
        Ok(Self { folder: fs::canonicalize(folder).map_err(unusable)? })
    }

    /// Holds the folder for as long as the file lives: two pipelines in one folder would overwrite each other.
    pub(super) fn lock(&self) -> Result<File, Failure> {
        let path = self.folder.join("lock");
        let file = File::create(&path)
            .map_err(|error| Failure::Fault(format!("{} cannot be made: {error}", path.display())))?;
        file.try_lock().map_err(|_| {
            Failure::Fault(format!(
                "another pipeline runs in {}; stop it, or choose another folder with --data",
                self.folder.display()
            ))
        })?;
        Ok(file)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    pub(super) fn broker(&self) -> PathBuf {
        self.folder.join("nats")
    }

    pub(super) fn context(&self, name: &str) -> PathBuf {
        self.folder.join("contexts").join(format!("{name}.json"))
    }

    pub(super) fn role_config(&self, role: Role) -> PathBuf {
        self.folder.join("roles").join(format!("{role}.toml"))
    }

    /// A role's own folder, for projections and work.
    pub(super) fn role_folder(&self, role: Role) -> PathBuf {
        self.folder.join("roles").join(role.as_str())
    }

    pub(super) fn log(&self, role: Role) -> PathBuf {
        self.folder.join("logs").join(format!("{role}.log"))
    }

    pub(super) fn gate_socket(&self) -> PathBuf {
        self.folder.join("gate.sock")
    }
}
