//! An alarm before a disk is full: once it is, the broker stores nothing and projections cannot be written.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bus::Conditions;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Between two looks. A disk that fills at 100 MB/s passes the reserve of 5 GiB in fifty seconds.
const INTERVAL: Duration = Duration::from_secs(5);

/// The alarm is raised when less than this part of a disk is left, or this many bytes where that is less: a tenth of a large disk is much.
const RESERVE_PART: u64 = 10;
const RESERVE_BYTES: u64 = 5 << 30;

/// The space of a file system, for processes without privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total_bytes: u64,
    /// What can still be written.
    pub available_bytes: u64,
}

impl Space {
    /// The space of the file system on which `folder` lies. Blocks as long as the file system does.
    ///
    /// # Errors
    /// When it cannot be asked; the folder may be missing.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Self { total_bytes: bytes(found.f_blocks), available_bytes: bytes(found.f_bavail) })
    }

    /// How much should be left.
    pub fn reserve_bytes(self) -> u64 {
        (self.total_bytes / RESERVE_PART).min(RESERVE_BYTES)
    }

    /// Whether too little is left. An alarm that was raised stays until half as much again is free.
    fn is_low(self, was_low: bool) -> bool {
        let reserve = self.reserve_bytes();
        self.available_bytes < if was_low { reserve + reserve / 2 } else { reserve }
    }
}

/// Raises a condition while the disk of one of `folders` is nearly full, until `stop`. Folders on one disk count once.
pub async fn watch(folders: Vec<PathBuf>, conditions: Conditions, stop: CancellationToken) {
    loop {
        let (asked, raised) = (folders.clone(), conditions.clone());
        // A file system may block: a network that is away, a disk that fails.
        let looked = tokio::task::spawn_blocking(move || look(&asked, &raised));
        if stop.run_until_cancelled(looked).await.is_none() {
            return;
        }
        if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

fn look(folders: &[PathBuf], conditions: &Conditions) {
    let mut disks: BTreeMap<u64, &Path> = BTreeMap::new();
    for folder in folders {
        match fs::metadata(folder) {
            Ok(found) => {
                disks.entry(found.dev()).or_insert(folder);
            }
            // The folder may be made later.
            Err(error) => debug!(%error, folder = %folder.display(), "The space of a disk is unknown."),
        }
    }
    for folder in disks.into_values() {
        let key = format!("disk-{}", folder.display());
        match Space::of(folder) {
            Ok(space) if space.is_low(conditions.has(&key)) => conditions.raise(
                &key,
                format!(
                    "the disk of {} is nearly full: less than {} MiB are left; make room, before nothing can be stored",
                    folder.display(),
                    (space.reserve_bytes() * 3 / 2) >> 20
                ),
            ),
            Ok(_) => conditions.clear(&key),
            Err(error) => debug!(%error, folder = %folder.display(), "The space of a disk is unknown."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_begins_at_the_reserve_and_ends_above_it() {
        const GIB: u64 = 1 << 30;
        for (total_bytes, available_bytes, was_low, low) in [
            (100, 10, false, false),
            (100, 9, false, true),
            (100, 14, true, true),
            (100, 15, true, false),
            (1000 * GIB, 5 * GIB, false, false),
            (1000 * GIB, 5 * GIB - 1, false, true),
            (0, 0, false, false),
        ] {
            let space = Space { total_bytes, available_bytes };
            assert_eq!(space.is_low(was_low), low, "{space:?}, before: {was_low}");
        }
    }

    #[test]
    fn the_space_of_a_real_disk_is_known() {
        let space = Space::of(&std::env::temp_dir()).unwrap();
        assert!(space.total_bytes > 0 && space.available_bytes <= space.total_bytes, "{space:?}");
    }
}
