//! What goes into one layer of an image made by hand, and its archive. Not the image around it.

use anyhow::{Context, Result};

use crate::tools;

/// Programs that [`LayerRecipe::busybox`] links, enough for containers that wait, write and are looked at.
const APPLETS: [&str; 16] = [
    "sh", "cat", "cp", "date", "echo", "env", "false", "grep", "id", "ls", "mkdir", "ps", "rm", "sleep",
    "touch", "true",
];

/// What goes into one layer, in the order given.
#[derive(Debug, Clone, Default)]
pub struct LayerRecipe {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    File { path: String, contents: Vec<u8>, mode: u32 },
    Link { path: String, target: String },
}

impl LayerRecipe {
    /// A layer of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file that everybody may read; `path` has no leading slash.
    #[must_use]
    pub fn file(self, path: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.with(Entry::File { path: path.to_owned(), contents: contents.into(), mode: 0o644 })
    }

    /// Adds a file that everybody may run.
    #[must_use]
    pub fn program(self, path: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.with(Entry::File { path: path.to_owned(), contents: contents.into(), mode: 0o755 })
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.with(Entry::Link { path: path.to_owned(), target: target.to_owned() })
    }

    /// A layer with the static busybox of this machine as `/bin/busybox`, a shell and the usual small programs.
    ///
    /// # Errors
    /// When busybox is not installed.
    pub fn busybox() -> Result<Self> {
        let path = tools::busybox();
        let program = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let layer = Self::new().program("bin/busybox", program);
        Ok(APPLETS.iter().fold(layer, |layer, applet| layer.link(&format!("bin/{applet}"), "busybox")))
    }

    fn with(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// The layer as an archive, uncompressed, the same at every run.
    pub(super) fn tar(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for entry in &self.entries {
            let mut header = tar::Header::new_gnu();
            header.set_mtime(0);
            match entry {
                Entry::File { path, contents, mode } => {
                    header.set_mode(*mode);
                    header.set_size(contents.len() as u64);
                    archive.append_data(&mut header, path, contents.as_slice())?;
                }
                Entry::Link { path, target } => {
                    header.set_mode(0o777);
                    header.set_size(0);
                    header.set_entry_type(tar::EntryType::Symlink);
                    archive.append_link(&mut header, path, target)?;
                }
            }
        }
        archive.into_inner().context("ending the archive of a layer")
    }
}
