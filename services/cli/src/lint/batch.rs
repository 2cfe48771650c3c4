//! Many definitions read and judged at the same time, in the order in which they were named. Not what becomes of the verdicts.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    num::NonZeroUsize,
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use dockerfile::Dockerfile;
use lint::{Finding, Report, Script};
use rayon::prelude::*;
use rustix::fs::{OFlags, fcntl_setfl};

use super::{catalog::Judge, files::Place, scripts::Scripts, shown};
use crate::exit::Failure;

/// The largest definition that is read. The largest in the field are some tens of kilobytes.
const LARGEST_FILE_BYTES: u64 = 16 << 20;
/// What most definitions fit in: room for it is cheaper than asking each file for its size.
const COMMON_FILE_BYTES: usize = 8 << 10;
/// Fewer files than this are judged sooner by one core than others wake up.
const FEW_FILES: usize = 16;

/// What became of one definition.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The path as the report shows it.
    pub(super) path: String,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    /// It was read and judged.
    Judged { text: String, findings: Vec<Finding>, refused: bool },
    /// It is a folder, whatever it is called.
    Folder(PathBuf),
    /// It could not be read.
    Unread(io::Error),
}

/// The threads to judge with; none where the caller's own will do.
pub(super) fn pool(jobs: Option<NonZeroUsize>, files: usize) -> Result<Option<rayon::ThreadPool>, Failure> {
    if files < FEW_FILES || jobs == Some(NonZeroUsize::MIN) {
        return Ok(None);
    }
    let builder = rayon::ThreadPoolBuilder::new().num_threads(jobs.map_or(0, NonZeroUsize::get));
    builder.build().map(Some).map_err(|error| Failure::fault(&error))
}

/// Judges every place; the verdicts stand in the order of the places. With ShellCheck, all files are read first, so that it is asked
/// about all their scripts at once.
pub(super) fn judge(
    pool: Option<&rayon::ThreadPool>,
    places: &[Place],
    judge: &Judge<'_>,
    scripts: Option<&Scripts>,
) -> Vec<Verdict> {
    let Some(scripts) = scripts else {
        return map(pool, places, |place| judged(read_one(place), judge, Vec::new()));
    };
    let sources = map(pool, places, read_one);
    let asked: Vec<Vec<Script>> = map(pool, &sources, |source| source.scripts());
    let mut said = scripts.check(asked).into_iter();
    let sources: Vec<_> =
        sources.into_iter().map(|source| (source, said.next().unwrap_or_default())).collect();
    into_map(pool, sources, |(source, findings)| judged(source, judge, findings))
}

fn map<T: Sync, R: Send>(
    pool: Option<&rayon::ThreadPool>,
    items: &[T],
    work: impl Fn(&T) -> R + Sync + Send,
) -> Vec<R> {
    match pool {
        Some(pool) => pool.install(|| items.par_iter().map(work).collect()),
        None => items.iter().map(work).collect(),
    }
}

fn into_map<T: Send, R: Send>(
    pool: Option<&rayon::ThreadPool>,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    match pool {
        Some(pool) => pool.install(|| items.into_par_iter().map(work).collect()),
        None => items.into_iter().map(work).collect(),
    }
}

/// A definition as it was read, before it is judged.
struct Source {
    path: String,
    file: Result<Dockerfile, Unusable>,
}

enum Unusable {
    Folder(PathBuf),
    Unread(io::Error),
    NotText(Finding),
}

impl Source {
    fn scripts(&self) -> Vec<Script> {
        self.file.as_ref().map(lint::scripts).unwrap_or_default()
    }
}

fn read_one(place: &Place) -> Source {
    let (path, bytes) = match place {
        Place::Input => ("-".to_owned(), read(io::stdin().lock())),
        Place::File(path) => (shown(path), read_file(path)),
    };
    let file = match (place, bytes) {
        (Place::File(path), Err(error)) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(Unusable::Folder(path.clone()))
        }
        (_, Err(error)) => Err(Unusable::Unread(error)),
        (_, Ok(bytes)) => match Dockerfile::text_of(&bytes) {
            Ok(text) => Ok(Dockerfile::read(text)),
            // Bytes that are no text break the rule that a definition can be read.
            Err(error) => Err(Unusable::NotText(lint::unreadable(&error))),
        },
    };
    Source { path, file }
}

fn judged(source: Source, judge: &Judge<'_>, findings: Vec<Finding>) -> Verdict {
    let Source { path, file } = source;
    let outcome = match file {
        Ok(file) => {
            let Report { findings, refused } = judge.report(&path, &file, findings);
            Outcome::Judged { text: file.into_text(), findings, refused }
        }
        Err(Unusable::NotText(finding)) => {
            Outcome::Judged { text: String::new(), findings: vec![finding], refused: true }
        }
        Err(Unusable::Folder(path)) => Outcome::Folder(path),
        Err(Unusable::Unread(error)) => Outcome::Unread(error),
    };
    Verdict { path, outcome }
}

/// Everything that a file holds. A pipe that has a name is waited for while somebody writes into it, and not for somebody to come.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let waits_for_nobody = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(waits_for_nobody).open(path)?;
    let mut bytes = Vec::with_capacity(COMMON_FILE_BYTES);
    if let Err(error) = read_into(&file, &mut bytes) {
        if error.kind() != io::ErrorKind::WouldBlock {
            return Err(error);
        }
        fcntl_setfl(&file, OFlags::empty())?;
        read_into(&file, &mut bytes)?;
    }
    // An empty definition is rare; a slip of the pen must not pass for one.
    if bytes.is_empty() && file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("it is a pipe into which nobody writes"));
    }
    Ok(bytes)
}

fn read(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(COMMON_FILE_BYTES);
    read_into(source, &mut bytes)?;
    Ok(bytes)
}

/// Everything that a source holds.
fn read_into(source: impl io::Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    source.take(LARGEST_FILE_BYTES + 1).read_to_end(bytes)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        let text = format!("it is larger than {} MiB, and no definition", LARGEST_FILE_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(())
}
