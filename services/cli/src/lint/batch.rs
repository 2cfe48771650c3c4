//! Many definitions read and judged at the same time, in the order in which they were named. Not what becomes of the verdicts.

use std::{
    fs::File,
    io::{self, Read as _},
    num::NonZeroUsize,
    path::Path,
};

use dockerfile::{Dockerfile, NotText};
use lint::{Finding, Report};
use rayon::prelude::*;

use super::{files::Place, shown};
use crate::exit::Failure;

/// The largest definition that is read. The largest in the field are some tens of kilobytes.
const LARGEST_FILE_BYTES: u64 = 16 << 20;
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

/// Judges every place; the verdicts stand in the order of the places.
pub(super) fn judge(
    pool: Option<&rayon::ThreadPool>,
    places: &[Place],
    lint: impl Fn(&Dockerfile) -> Report + Sync,
) -> Vec<Verdict> {
    match pool {
        Some(pool) => pool.install(|| places.par_iter().map(|place| judge_one(place, &lint)).collect()),
        None => places.iter().map(|place| judge_one(place, &lint)).collect(),
    }
}

fn judge_one(place: &Place, lint: &impl Fn(&Dockerfile) -> Report) -> Verdict {
    let (path, bytes) = match place {
        Place::Input => ("-".to_owned(), read(io::stdin().lock(), 0)),
        Place::File(path) => (shown(path), open(path)),
    };
    let outcome = match bytes.map(String::from_utf8) {
        Err(error) => Outcome::Unread(error),
        Ok(Ok(text)) => {
            let Report { findings, refused } = lint(&Dockerfile::read(&text));
            Outcome::Judged { text, findings, refused }
        }
        Ok(Err(error)) => not_text(error.as_bytes()),
    };
    Verdict { path, outcome }
}

fn open(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    read(file, size)
}

/// Everything that a source holds; `size` is what it says of itself, which saves asking again and again whether there is more.
fn read(source: impl io::Read, size: u64) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(size.min(LARGEST_FILE_BYTES)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(expected + 1);
    source.take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        let text = format!("it is larger than {} MiB, and no definition", LARGEST_FILE_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// Bytes that are no text break the rule that a definition can be read.
fn not_text(bytes: &[u8]) -> Outcome {
    let finding = Dockerfile::text_of(bytes).err().map(|error: NotText| lint::unreadable(&error));
    Outcome::Judged { text: String::new(), findings: finding.into_iter().collect(), refused: true }
}
