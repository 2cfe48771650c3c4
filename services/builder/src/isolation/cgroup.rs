//! The control group of one build: memory and processes bounded, and its end. Not disk, time and output.
//!
//! On hosts with the old hierarchy (and hybrid ones) a group is a directory under each controller; on unified ones it is one.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::{Error, Limits};

const MOUNT: &str = "/sys/fs/cgroup";
/// How long killed processes may take to go.
const EMPTY_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Which limit the kernel had to enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// A process was killed for memory.
    Memory,
    /// A process could not be started.
    Processes,
}

/// A group that exists; removed on drop as far as that is possible without waiting.
#[derive(Debug)]
pub(crate) struct Group {
    hierarchy: Hierarchy,
    /// One per controller, or the one.
    dirs: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hierarchy {
    Unified,
    PerController,
}

impl Hierarchy {
    fn of_this_machine() -> Result<Self, Error> {
        let is_dir = |name: &str| Path::new(MOUNT).join(name).is_dir();
        match (Path::new(MOUNT).join("cgroup.controllers").exists(), is_dir("memory") && is_dir("pids")) {
            (true, _) => Ok(Self::Unified),
            (false, true) => Ok(Self::PerController),
            (false, false) => Err(Error::NoCgroups),
        }
    }

    fn parents(self, parent: &str) -> Vec<PathBuf> {
        let (mount, parent) = (Path::new(MOUNT), parent.trim_matches('/'));
        match self {
            Self::Unified => vec![mount.join(parent)],
            Self::PerController => {
                ["memory", "pids"].map(|controller| mount.join(controller).join(parent)).into()
            }
        }
    }
}

impl Group {
    /// Makes the group `name` below `parent` and sets its limits.
    pub(crate) fn create(parent: &str, name: &str, limits: &Limits) -> Result<Self, Error> {
        let hierarchy = Hierarchy::of_this_machine()?;
        // From here on a failure removes what was made.
        let mut group = Self { hierarchy, dirs: Vec::new() };
        for parent in hierarchy.parents(parent) {
            let dir = make(hierarchy, &parent, name)?;
            group.dirs.push(dir);
        }
        group.limit(limits)?;
        Ok(group)
    }

    /// What a killed worker left of the group `name` below `parent`, if anything.
    pub(crate) fn left_behind(parent: &str, name: &str) -> Result<Self, Error> {
        let hierarchy = Hierarchy::of_this_machine()?;
        let dirs = hierarchy.parents(parent).into_iter().map(|parent| parent.join(name));
        Ok(Self { hierarchy, dirs: dirs.filter(|dir| dir.exists()).collect() })
    }

    fn limit(&self, limits: &Limits) -> Result<(), Error> {
        let (memory, processes) = (limits.memory_bytes.to_string(), limits.processes.to_string());
        // A kernel without swap accounting lacks the third file; then swap is not counted.
        let settings = match self.hierarchy {
            Hierarchy::Unified => {
                [("memory.max", memory.as_str()), ("pids.max", &processes), ("memory.swap.max", "0")]
            }
            Hierarchy::PerController => [
                ("memory.limit_in_bytes", memory.as_str()),
                ("pids.max", &processes),
                ("memory.memsw.limit_in_bytes", &memory),
            ],
        };
        for (name, value) in settings {
            let swap = name.contains("sw");
            let failed = |path: &Path, source| Error::Cgroup { path: path.to_owned(), source };
            match self.file(name) {
                Some(path) => fs::write(&path, value).map_err(|source| failed(&path, source))?,
                None if swap => {}
                None => return Err(failed(Path::new(name), io::ErrorKind::NotFound.into())),
            }
        }
        Ok(())
    }

    /// The directories into whose `cgroup.procs` the first process writes itself.
    pub(crate) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The limit that was enforced so far. Steps may hide it: a pipeline whose first half was killed exits with 0.
    pub(crate) fn reached(&self) -> Option<Reached> {
        let memory = match self.hierarchy {
            Hierarchy::Unified => self.count("memory.events", "oom_kill"),
            Hierarchy::PerController => self.count("memory.oom_control", "oom_kill"),
        };
        match (memory, self.count("pids.events", "max")) {
            (1.., _) => Some(Reached::Memory),
            (0, 1..) => Some(Reached::Processes),
            (0, 0) => None,
        }
    }

    /// Kills what is left and removes the group.
    pub(crate) async fn remove(mut self) -> Result<(), Error> {
        let until = Instant::now() + EMPTY_WITHIN;
        loop {
            match self.try_remove() {
                Ok(()) => return Ok(()),
                Err((path, source)) if Instant::now() > until => return Err(Error::Cgroup { path, source }),
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    fn try_remove(&mut self) -> Result<(), (PathBuf, io::Error)> {
        while let Some(dir) = self.dirs.last() {
            match fs::remove_dir(dir) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    kill_all(dir);
                    return Err((dir.clone(), error));
                }
            }
            if let Some(parent) = dir.parent() {
                // Stays while another build is in it; the last one leaves nothing behind.
                let _ = fs::remove_dir(parent);
            }
            self.dirs.pop();
        }
        Ok(())
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.dirs.iter().map(|dir| dir.join(name)).find(|path| path.exists())
    }

    /// The number behind `key` in a file of lines `key number`; 0 where there is none.
    fn count(&self, file: &str, key: &str) -> u64 {
        let text = self.file(file).and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Something is left here only when a build was dropped midway: a group cannot be awaited then, and goes in milliseconds.
        for _ in 0..100 {
            if self.try_remove().is_ok() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Makes the group `name` at `parent`. The last build in `parent` removes that, perhaps between our two steps.
fn make(hierarchy: Hierarchy, parent: &Path, name: &str) -> Result<PathBuf, Error> {
    let dir = parent.join(name);
    let mut attempts = 0;
    loop {
        attempts += 1;
        match make_once(hierarchy, parent, &dir) {
            Ok(()) => return Ok(dir),
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound && attempts < 10 => {}
            Err((path, source)) => return Err(Error::Cgroup { path, source }),
        }
    }
}

fn make_once(hierarchy: Hierarchy, parent: &Path, dir: &Path) -> Result<(), (PathBuf, io::Error)> {
    fs::create_dir_all(parent).map_err(|error| (parent.to_owned(), error))?;
    if hierarchy == Hierarchy::Unified {
        // Controllers are handed down level by level.
        for level in [Path::new(MOUNT), parent] {
            let control = level.join("cgroup.subtree_control");
            fs::write(&control, "+memory +pids").map_err(|error| (control, error))?;
        }
    }
    fs::create_dir(dir).map_err(|error| (dir.to_owned(), error))
}

/// Kills every process in the group at `dir`.
fn kill_all(dir: &Path) {
    let processes = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
        // It may have gone in the meantime.
        let _ = kill_process(process, Signal::KILL);
    }
}
