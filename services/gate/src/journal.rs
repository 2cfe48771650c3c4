//! What was read of ORDERS and RESOLUTIONS, kept on this node's disk: a gate opens with it while the broker is away. Never the truth: where the broker says
//! otherwise, it is begun anew.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bus::{Conditions, Mark, Record};
use events::topology::StreamName;
use service::Context;
use store::Projection;
use time::OffsetDateTime;
use tokio::sync::Notify;
use verdict::AsOf;

use crate::disk::{Condition, Disk};

/// The form in which records are written.
const VERSION: u32 = 1;

/// The streams that are kept. Facts of images come from the runtime.
pub(crate) const KEPT: [StreamName; 2] = [StreamName::Orders, StreamName::Resolutions];

const CONDITION: Condition = Condition {
    key: "journal",
    text: "The journal cannot be written: this gate would start without the newest orders while the broker is away. It is tried again; free the disk.",
};

/// The journal; cheap to clone. Whatever is wrong with the disk, the gate goes on answering.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    disk: Disk,
    /// What the disk has is of other streams, and it could not be cleared.
    is_outdated: Arc<AtomicBool>,
    reopened: Arc<Notify>,
}

impl Journal {
    pub(crate) fn open(folder: PathBuf, conditions: Conditions) -> Self {
        let disk = Disk::open(folder, VERSION, CONDITION, conditions);
        Self { disk, is_outdated: Arc::default(), reopened: Arc::default() }
    }

    /// Gives everything that is kept to `take`, each stream in order, and says how much it was. None where something is damaged: what was given then has
    /// a hole.
    pub(crate) fn read(&self, take: impl FnMut(&Record)) -> Option<u64> {
        self.disk.projection().map_or(Some(0), |projection| read_all(&projection, take))
    }

    /// The last record of `stream`, where it is kept; none where the stream is to be read from its beginning.
    pub(crate) fn mark(&self, stream: StreamName) -> Option<Mark> {
        let projection = self.disk.projection()?;
        let sequence = projection.position(stream.as_str()).ok().filter(|sequence| *sequence > 0)?;
        let key = key(stream, sequence);
        let value = projection.get(&key).ok()??;
        let record = read(stream, &key, &value)?;
        Some(Mark { sequence, fingerprint: record.fingerprint() })
    }

    /// Keeps a record that was read; one of another stream is passed over. While records are missing before it, it is missed too.
    pub(crate) fn append(&self, record: &Record) {
        if KEPT.contains(&record.stream) {
            self.disk.write(|projection| append(projection, record));
        }
    }

    /// Keeps a record that was missed: it follows the last one that is kept.
    pub(crate) fn append_missed(&self, record: &Record) {
        if KEPT.contains(&record.stream) {
            self.disk.write_missing(|projection| append(projection, record));
        }
    }

    /// Waits until the journal was opened again and lacks what was read meanwhile. Cancel-safe.
    pub(crate) async fn reopened(&self) {
        self.reopened.notified().await;
    }

    /// Whether everything up to `applied` is kept. What is read after it may follow then.
    pub(crate) fn is_complete(&self, applied: AsOf) -> bool {
        let reaches = |projection: &Projection, stream: StreamName, applied| {
            projection.position(stream.as_str()).is_ok_and(|position| position >= applied)
        };
        self.disk.set_complete(|projection| {
            reaches(projection, StreamName::Orders, applied.orders)
                && reaches(projection, StreamName::Resolutions, applied.resolutions)
        })
    }

    /// Forgets everything: the streams are others than those that were read.
    pub(crate) fn clear(&self) {
        self.is_outdated.store(true, Ordering::SeqCst);
        self.disk.write_missing(|projection| self.clear_outdated(projection));
        self.is_complete(AsOf::default());
    }

    /// Brings what is appended to the disk, aside, until the context's stop, and opens the journal again where the disk failed.
    pub(crate) fn keep_open(&self, context: &Context) {
        let journal = self.clone();
        self.disk.keep_open(context, move || {
            journal.disk.write_missing(|projection| {
                if read_all(projection, |_| {}).is_none() {
                    journal.is_outdated.store(true, Ordering::SeqCst);
                }
                journal.clear_outdated(projection)
            });
            journal.reopened.notify_one();
        });
    }

    fn clear_outdated(&self, projection: &Projection) -> Result<(), store::Error> {
        if self.is_outdated.load(Ordering::SeqCst) {
            clear(projection)?;
            self.is_outdated.store(false, Ordering::SeqCst);
        }
        Ok(())
    }
}

fn read_all(projection: &Projection, mut take: impl FnMut(&Record)) -> Option<u64> {
    let mut count = 0;
    for stream in KEPT {
        for entry in projection.scan(&prefix(stream)) {
            let (key, value) = entry.ok()?;
            take(&read(stream, &key, &value)?);
            count += 1;
        }
    }
    Some(count)
}

/// Passes over what is kept already.
fn append(projection: &Projection, record: &Record) -> Result<(), store::Error> {
    let Record { stream, sequence, .. } = record;
    if projection.position(stream.as_str())? >= *sequence {
        return Ok(());
    }
    let entry = (key(*stream, *sequence), Some(written(record)));
    projection.write(&[entry], stream.as_str(), *sequence)
}

fn clear(projection: &Projection) -> Result<(), store::Error> {
    for stream in KEPT {
        let keys: Vec<_> = projection
            .scan(&prefix(stream))
            .map(|entry| entry.map(|(key, _)| (key, None)))
            .collect::<Result<_, _>>()?;
        projection.write(&keys, stream.as_str(), 0)?;
    }
    Ok(())
}

fn prefix(stream: StreamName) -> Vec<u8> {
    format!("{stream}/").into_bytes()
}

fn key(stream: StreamName, sequence: u64) -> Vec<u8> {
    [prefix(stream).as_slice(), &sequence.to_be_bytes()].concat()
}

/// `at` (nanoseconds since 1970, 16 bytes), the subject's length (4 bytes), the subject, the body.
fn written(record: &Record) -> Vec<u8> {
    let subject = record.subject.as_str().as_bytes();
    let length = u32::try_from(subject.len()).unwrap_or(u32::MAX);
    [&record.at.unix_timestamp_nanos().to_be_bytes()[..], &length.to_be_bytes(), subject, &record.body]
        .concat()
}

fn read(stream: StreamName, key: &[u8], value: &[u8]) -> Option<Record> {
    let sequence = u64::from_be_bytes(key.get(prefix(stream).len()..)?.try_into().ok()?);
    let (at, rest) = value.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (subject, body) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from_be_bytes(*at)).ok()?;
    let subject = std::str::from_utf8(subject).ok()?.parse().ok()?;
    Some(Record::new(stream, subject, sequence, at, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(stream: StreamName, sequence: u64) -> Record {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(sequence)).unwrap();
        let subject = "plimsoll.base.banned.alice".parse().unwrap();
        Record::new(stream, subject, sequence, at, format!("{{\"{sequence}\":1}}").into_bytes())
    }

    fn kept(journal: &Journal) -> Vec<(StreamName, u64)> {
        let mut kept = Vec::new();
        journal.read(|record| kept.push((record.stream, record.sequence))).unwrap();
        kept
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().to_owned(), Conditions::default());
        assert_eq!(journal.mark(StreamName::Orders), None);
        for sequence in [1, 2, 300] {
            journal.append(&record(StreamName::Orders, sequence));
        }
        journal.append(&record(StreamName::Resolutions, 1));
        journal.append(&record(StreamName::Images, 1));
        journal.disk.projection().unwrap().flush().unwrap();
        drop(journal);
        let journal = Journal::open(folder.path().to_owned(), Conditions::default());
        let orders = [1, 2, 300].map(|sequence| (StreamName::Orders, sequence));
        assert_eq!(kept(&journal), [&orders[..], &[(StreamName::Resolutions, 1)]].concat());
        let last = record(StreamName::Orders, 300);
        let mut bodies = Vec::new();
        journal.read(|record| bodies.push((record.at, record.body.clone()))).unwrap();
        assert_eq!(bodies[2], (last.at, last.body.clone()));
        let mark = Mark { sequence: 300, fingerprint: last.fingerprint() };
        assert_eq!(journal.mark(StreamName::Orders), Some(mark));
    }

    #[test]
    fn a_damaged_record_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().to_owned(), Conditions::default());
        journal.append(&record(StreamName::Orders, 1));
        let damaged = (key(StreamName::Orders, 2), Some(vec![0; 3]));
        journal.disk.projection().unwrap().write(&[damaged], StreamName::Orders.as_str(), 2).unwrap();
        assert_eq!(journal.read(|_| {}), None);
        assert_eq!(journal.mark(StreamName::Orders), None);
    }

    #[test]
    fn what_is_cleared_is_read_from_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().to_owned(), Conditions::default());
        journal.append(&record(StreamName::Orders, 9));
        journal.clear();
        assert_eq!((kept(&journal), journal.mark(StreamName::Orders)), (Vec::new(), None));
        journal.append(&record(StreamName::Orders, 1));
        assert_eq!(kept(&journal), [(StreamName::Orders, 1)]);
    }
}
