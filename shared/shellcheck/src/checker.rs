//! An installed ShellCheck and what it said before. Not how it is called (see `run`).

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs,
    num::NonZeroUsize,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use lint::{Finding, Script};
use tokio::task::spawn_blocking;

use crate::{
    cache::Cache,
    report::Note,
    run::{self, Error},
};

/// A step of a Dockerfile takes ShellCheck some milliseconds: one that is not through by then has met something pathological.
const WITHIN: Duration = Duration::from_secs(60);
/// ShellCheck prints when it is through with all its files; this bounds what it holds, and what a command line may be long.
const SCRIPTS_A_PROCESS: usize = 500;

/// What a script costs however short it is, in bytes of a longer one.
const WEIGHT_OF_A_SCRIPT: usize = 200;
/// What is worth a process: less is read sooner than another one starts.
const LEAST_SHARE: usize = 16 * 1024;

/// Where ShellCheck is and how much of the machine it may have.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program.
    pub program: PathBuf,
    /// Where answers are kept between runs; none keeps nothing.
    pub cache: Option<PathBuf>,
    /// How many processes run side by side.
    pub processes: NonZeroUsize,
    /// How long one process may take before the check is given up.
    pub within: Duration,
}

/// An installed ShellCheck, ready to be asked any number of times.
#[derive(Debug)]
pub struct Checker {
    options: Options,
    cache: Option<Cache>,
}

impl Options {
    /// The first `shellcheck` in the folders of `path` (the form of the variable PATH); none if there is none. A process a core, a
    /// minute each, nothing kept.
    pub fn find(path: &OsStr) -> Option<Self> {
        let program = env::split_paths(path).map(|folder| folder.join("shellcheck")).find(|program| {
            fs::metadata(program).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })?;
        let processes = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Some(Self { program, cache: None, processes, within: WITHIN })
    }

    /// Keeps answers in `plimsoll/shellcheck` below the user's cache folder: `xdg_cache_home` if that is an absolute path, else
    /// `.cache` in `home` (XDG Base Directory Specification).
    #[must_use]
    pub fn keep_below(self, xdg_cache_home: Option<&OsStr>, home: Option<&OsStr>) -> Self {
        let named = xdg_cache_home.map(PathBuf::from).filter(|folder| folder.is_absolute());
        let folder = named.or_else(|| home.map(|home| Path::new(home).join(".cache")));
        Self { cache: folder.map(|folder| folder.join("plimsoll/shellcheck")), ..self }
    }
}

impl Checker {
    /// A checker on that program; none if the program is not there. Starts nothing.
    pub fn open(options: Options) -> Option<Self> {
        // The file itself stands for its version: asking it would cost a process each time.
        let file = fs::metadata(&options.program).ok()?;
        // A package may put whole seconds, or an old time, on what it writes in place: the moment of the write is the inode's own.
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        let identity = format!("{}:{}:{}:{times:?}", file.dev(), file.ino(), file.size());
        let cache = options.cache.clone().map(|folder| Cache::new(folder, &identity));
        Some(Self { options, cache })
    }

    /// What ShellCheck says about each script, in the order of the scripts: each code once, by code, on the script's line.
    ///
    /// Scripts of equal text are asked about once, those of an earlier run not at all. Dropping the future ends the processes.
    pub async fn check(&self, scripts: &[Script]) -> Result<Vec<Vec<Finding>>, Error> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut texts = Vec::new();
        for script in scripts {
            numbers.entry(&script.text).or_insert_with(|| {
                texts.push(script.text.clone());
                texts.len() - 1
            });
        }
        let (texts, mut notes) = self.remembered(texts).await;
        let missing: Vec<usize> =
            notes.iter().enumerate().filter(|(_, known)| known.is_none()).map(|(number, _)| number).collect();
        let batches = shares(&texts, &missing, self.options.processes.get());
        let answers: Vec<Vec<(usize, Vec<Note>)>> = stream::iter(batches)
            .map(|batch| self.ask(&texts, batch))
            .buffer_unordered(self.options.processes.get())
            .try_collect()
            .await?;
        for (number, said) in answers.into_iter().flatten() {
            if let Some(place) = notes.get_mut(number) {
                *place = Some(said);
            }
        }
        let of = |script: &Script| {
            let said = numbers.get(script.text.as_str()).and_then(|number| notes.get(*number));
            let said = said.and_then(Option::as_deref).unwrap_or_default();
            said.iter().map(|note| note.on(script.line)).collect()
        };
        Ok(scripts.iter().map(of).collect())
    }

    /// What is known about each text from an earlier run.
    async fn remembered(&self, texts: Vec<String>) -> (Vec<String>, Vec<Option<Vec<Note>>>) {
        let Some(cache) = self.cache.clone() else {
            let nothing = texts.iter().map(|_| None).collect();
            return (texts, nothing);
        };
        let looking = spawn_blocking({
            let texts = texts.clone();
            move || texts.iter().map(|text| cache.get(text)).collect()
        });
        // Without an answer everything is asked again.
        let known = looking.await.unwrap_or_else(|_| texts.iter().map(|_| None).collect());
        (texts, known)
    }

    /// Asks one process about some of the texts, and keeps what it said.
    async fn ask(&self, texts: &[String], batch: Vec<usize>) -> Result<Vec<(usize, Vec<Note>)>, Error> {
        let own: Vec<String> = batch.iter().filter_map(|number| texts.get(*number).cloned()).collect();
        let said = run::run(&self.options.program, &own, self.options.within).await?;
        if let Some(cache) = self.cache.clone() {
            let kept = said.clone();
            // What could not be kept is asked again: slower, and nothing else.
            let _ = spawn_blocking(move || {
                own.iter().zip(&kept).for_each(|(text, notes)| cache.put(text, notes));
            })
            .await;
        }
        Ok(batch.into_iter().zip(said).collect())
    }
}

/// The texts shared out to processes, in the order in which they are started. Where one process runs at a time, as few as can be: each
/// start costs. Where several do, the longest texts come first and the shares get smaller towards the end, so that all are through at
/// about the same time, and what is kept of one share is written while the others are read.
fn shares(texts: &[String], missing: &[usize], processes: usize) -> Vec<Vec<usize>> {
    let weight = |number: &usize| texts.get(*number).map_or(0, String::len) + WEIGHT_OF_A_SCRIPT;
    let mut longest_first = missing.to_vec();
    longest_first.sort_by_key(|number| std::cmp::Reverse(weight(number)));
    let mut left: usize = missing.iter().map(weight).sum();
    let mut shares: Vec<Vec<usize>> = Vec::new();
    let (mut share, mut taken) = (Vec::new(), 0);
    for number in longest_first {
        let fair = if processes == 1 { left } else { (left / (2 * processes)).max(LEAST_SHARE) };
        if !share.is_empty() && (taken >= fair || share.len() == SCRIPTS_A_PROCESS) {
            left -= taken;
            taken = 0;
            shares.push(std::mem::take(&mut share));
        }
        taken += weight(&number);
        share.push(number);
    }
    shares.extend(Some(share).filter(|share| !share.is_empty()));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared_out(lengths: &[usize], processes: usize) -> Vec<Vec<usize>> {
        let texts: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        let all: Vec<usize> = (0..texts.len()).collect();
        let shares = shares(&texts, &all, processes);
        let mut seen: Vec<usize> = shares.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, all, "each once");
        assert!(shares.iter().all(|share| (1..=SCRIPTS_A_PROCESS).contains(&share.len())));
        shares.iter().map(|share| share.iter().map(|number| texts[*number].len()).collect()).collect()
    }

    #[test]
    fn one_process_at_a_time_gets_everything_at_once() {
        assert_eq!(shared_out(&[10; 300], 1).len(), 1);
        assert_eq!(shared_out(&[], 1).len(), 0);
        assert_eq!(shared_out(&[10; SCRIPTS_A_PROCESS + 1], 1).len(), 2);
    }

    #[test]
    fn side_by_side_the_longest_come_first_and_no_share_is_the_last_to_be_waited_for() {
        let lengths: Vec<usize> = (0..400).map(|number| 20 + number * number % 977).collect();
        let shares = shared_out(&lengths, 2);
        let flat: Vec<usize> = shares.iter().flatten().copied().collect();
        assert!(flat.is_sorted_by(|one, next| one >= next));
        let whole: usize = lengths.iter().map(|length| length + WEIGHT_OF_A_SCRIPT).sum();
        let weight =
            |share: &Vec<usize>| share.iter().map(|length| length + WEIGHT_OF_A_SCRIPT).sum::<usize>();
        assert!(weight(shares.last().unwrap()) * 12 < whole, "{}", shares.len());
        assert!(shares.len() < 10, "{}", shares.len());
    }

    #[test]
    fn a_few_small_scripts_are_not_worth_many_processes() {
        assert_eq!(shared_out(&[50, 60, 70], 8).len(), 1);
    }
}
