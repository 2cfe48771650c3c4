//! Where the external programs are. Not their installation: `deploy/dev/setup.sh` does that and writes `target/dev/env`.
//!
//! An environment variable decides first, then the file that the set-up wrote (so that plain `cargo test` finds the same
//! programs as `just test`), then the usual place.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The nats-server to test with: `NATS_SERVER`, else the one on the path.
#[must_use]
pub fn nats_server() -> PathBuf {
    find("NATS_SERVER", "nats-server")
}

/// The Docker daemon: `DOCKERD`, else Debian's place, which is not on everybody's path.
#[must_use]
pub fn dockerd() -> PathBuf {
    find("DOCKERD", "/usr/sbin/dockerd")
}

/// The Docker command line that belongs to [`dockerd`]: `DOCKER`, else Debian's.
#[must_use]
pub fn docker() -> PathBuf {
    find("DOCKER", "/usr/bin/docker")
}

/// The registry: `DOCKER_REGISTRY`, else the one on the path.
#[must_use]
pub fn docker_registry() -> PathBuf {
    find("DOCKER_REGISTRY", "docker-registry")
}

/// A static busybox, the one program of test images: `BUSYBOX`, else Debian's place.
#[must_use]
pub fn busybox() -> PathBuf {
    find("BUSYBOX", "/bin/busybox")
}

/// A Python 3 that imports `nats` and `nkeys`: `PYTHON`, else the one on the path.
#[must_use]
pub fn python() -> PathBuf {
    find("PYTHON", "python3")
}

fn find(variable: &str, usual: &str) -> PathBuf {
    std::env::var_os(variable).map(PathBuf::from).or_else(|| from_setup(variable)).unwrap_or(usual.into())
}

fn from_setup(variable: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/dev/env");
    let text = std::fs::read_to_string(file).ok()?;
    // A part may have been removed since; then the usual place is the better guess.
    value(&text, variable).map(PathBuf::from).filter(|path| path.exists())
}

/// The value in a file of lines `export NAME='value'`.
fn value<'a>(text: &'a str, variable: &str) -> Option<&'a OsStr> {
    let line =
        text.lines().find_map(|line| line.strip_prefix("export ")?.strip_prefix(variable)?.strip_prefix('='));
    line.map(|value| OsStr::new(value.trim_matches('\'')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_setup_writes() {
        let text = "# head\nexport DOCKERD='/opt/a b/dockerd'\nexport DOCKER='/opt/docker'\n";
        assert_eq!(value(text, "DOCKERD"), Some(OsStr::new("/opt/a b/dockerd")));
        assert_eq!(value(text, "DOCKER"), Some(OsStr::new("/opt/docker")));
        assert_eq!(value(text, "PYTHON"), None);
    }
}
