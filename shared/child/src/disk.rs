//! How much disk a directory takes, and a watch on it. Not a quota: a writer can overshoot for as long as one look takes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

/// What an entry counts at least, so that a million empty files are not free.
const ENTRY_BYTES: u64 = 1024;
/// The time between two looks, unless a look takes long.
const PAUSE: Duration = Duration::from_millis(500);
/// A look may take this part of the time at most, so that watching a large tree does not slow the build down.
const PAUSES_A_LOOK: u32 = 20;

/// Ready as soon as `dir` takes more than `limit` bytes; never before. Yields what it takes.
pub async fn exceeds(dir: PathBuf, limit: u64) -> u64 {
    loop {
        let started = Instant::now();
        let dir = dir.clone();
        // A panic in there is a bug of ours; the wall time still bounds the build.
        let bytes = spawn_blocking(move || used(&dir)).await.unwrap_or(0);
        if bytes > limit {
            return bytes;
        }
        sleep(PAUSE.max(started.elapsed() * PAUSES_A_LOOK)).await;
    }
}

/// The bytes on disk of everything under `dir`. What vanishes or cannot be read while looking counts nothing.
pub fn used(dir: &Path) -> u64 {
    let mut total = 0;
    let mut unread = vec![dir.to_owned()];
    while let Some(dir) = unread.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total += (metadata.blocks() * 512).max(ENTRY_BYTES);
            if metadata.is_dir() {
                unread.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn empty_files_count_and_the_watch_ends() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("below")).unwrap();
        for n in 0..100 {
            std::fs::write(dir.path().join(format!("below/{n}")), "").unwrap();
        }
        assert!(used(dir.path()) >= 100 * ENTRY_BYTES);
        assert!(exceeds(dir.path().to_owned(), 50 * ENTRY_BYTES).await >= 100 * ENTRY_BYTES);
    }
}
