//! What was read of ORDERS and RESOLUTIONS, kept on this node's disk: a gate opens with it while the broker is away. Never the truth: where the broker says
//! otherwise, it is begun anew.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bus::{Mark, Record};
use events::topology::StreamName;
use service::Context;
use store::Projection;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tracing::error;

/// The form in which records are written.
const VERSION: u32 = 1;

/// The streams that are kept. Facts of images come from the runtime.
pub(crate) const KEPT: [StreamName; 2] = [StreamName::Orders, StreamName::Resolutions];

/// The journal; cheap to clone. Whatever is wrong with the disk, the gate goes on answering.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    projection: Projection,
    appended: Arc<Notify>,
    /// After a record that could not be written nothing may follow: it would be missing.
    broken: Arc<AtomicBool>,
}

impl Journal {
    pub(crate) fn open(folder: &Path) -> Result<Self, store::Error> {
        let projection = Projection::open(folder, VERSION)?;
        Ok(Self { projection, appended: Arc::default(), broken: Arc::default() })
    }

    /// Gives everything that is kept to `take`, each stream in order, and says how much it was. None where something is damaged: what was given then has
    /// a hole.
    pub(crate) fn read(&self, mut take: impl FnMut(&Record)) -> Option<u64> {
        let mut count = 0;
        for stream in KEPT {
            for entry in self.projection.scan(&prefix(stream)) {
                let (key, value) = entry.ok()?;
                take(&read(stream, &key, &value)?);
                count += 1;
            }
        }
        Some(count)
    }

    /// The last record of `stream`, where it is kept; none where the stream is to be read from its beginning.
    pub(crate) fn mark(&self, stream: StreamName) -> Option<Mark> {
        let sequence = self.projection.position(stream.as_str()).ok().filter(|sequence| *sequence > 0)?;
        let key = key(stream, sequence);
        let value = self.projection.get(&key).ok()??;
        let record = read(stream, &key, &value)?;
        Some(Mark { sequence, fingerprint: record.fingerprint() })
    }

    /// Keeps a record that was read; one of another stream is passed over.
    pub(crate) fn append(&self, record: &Record) {
        if !KEPT.contains(&record.stream) || self.broken.load(Ordering::Relaxed) {
            return;
        }
        let entry = (key(record.stream, record.sequence), Some(written(record)));
        match self.projection.write(&[entry], record.stream.as_str(), record.sequence) {
            Ok(()) => self.appended.notify_one(),
            Err(error) => self.give_up(&error),
        }
    }

    /// Forgets everything: the streams are others than those that were read.
    pub(crate) fn clear(&self) {
        self.broken.store(false, Ordering::Relaxed);
        for stream in KEPT {
            let keys: Result<Vec<_>, _> = self
                .projection
                .scan(&prefix(stream))
                .map(|entry| entry.map(|(key, _)| (key, None)))
                .collect();
            let cleared = keys.and_then(|keys| self.projection.write(&keys, stream.as_str(), 0));
            if let Err(error) = cleared {
                self.give_up(&error);
            }
        }
        self.appended.notify_one();
    }

    /// Brings what is appended to the disk, aside, until the context's stop.
    pub(crate) fn flush_in_background(&self, context: &Context) {
        let journal = self.clone();
        let flush = async move {
            loop {
                journal.appended.notified().await;
                let projection = journal.projection.clone();
                match tokio::task::spawn_blocking(move || projection.flush()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => journal.give_up(&error),
                    // The runtime ends.
                    Err(_) => return,
                }
            }
        };
        context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(flush));
    }

    fn give_up(&self, error: &store::Error) {
        if !self.broken.swap(true, Ordering::Relaxed) {
            error!(
                error = %telemetry::Chain(error),
                "The journal cannot be written. This gate goes on, but would open without the newest orders while the broker is away; free the disk and restart it."
            );
        }
    }
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
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.mark(StreamName::Orders), None);
        for sequence in [1, 2, 300] {
            journal.append(&record(StreamName::Orders, sequence));
        }
        journal.append(&record(StreamName::Resolutions, 1));
        journal.append(&record(StreamName::Images, 1));
        journal.projection.flush().unwrap();
        drop(journal);
        let journal = Journal::open(folder.path()).unwrap();
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
        let journal = Journal::open(folder.path()).unwrap();
        journal.append(&record(StreamName::Orders, 1));
        let damaged = (key(StreamName::Orders, 2), Some(vec![0; 3]));
        journal.projection.write(&[damaged], StreamName::Orders.as_str(), 2).unwrap();
        assert_eq!(journal.read(|_| {}), None);
        assert_eq!(journal.mark(StreamName::Orders), None);
    }

    #[test]
    fn what_is_cleared_is_read_from_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        journal.append(&record(StreamName::Orders, 9));
        journal.clear();
        assert_eq!((kept(&journal), journal.mark(StreamName::Orders)), (Vec::new(), None));
        journal.append(&record(StreamName::Orders, 1));
        assert_eq!(kept(&journal), [(StreamName::Orders, 1)]);
    }
}
