//! What orders say at this moment, and the scans that are asked of it.

use std::sync::{Arc, PoisonError, RwLock};

use bus::Record;
use events::{
    fold,
    rpc::{ScanReply, ScanRequest},
};
use time::OffsetDateTime;
use verdict::Snapshot;

use crate::scan::scan;

/// A definition that is longer is refused before it is read.
const LONGEST: usize = 1 << 20;

/// The scanner's memory; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<RwLock<Snapshot>>);

impl Memory {
    pub(crate) fn hear(&self, record: &Record) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        fold(&mut snapshot, record.stream, &record.subject, record.sequence, record.at, &record.body);
    }

    /// Scans aside from the threads that listen, since a hostile definition may take its time.
    pub(crate) async fn scan(&self, request: ScanRequest) -> Result<ScanReply, String> {
        if request.definition.len() > LONGEST {
            return Err("the definition is longer than 1 MiB, which no definition is".to_owned());
        }
        let snapshot = Arc::clone(&self.0);
        let scanned = tokio::task::spawn_blocking(move || {
            let snapshot = snapshot.read().unwrap_or_else(PoisonError::into_inner);
            scan(&snapshot, &request, OffsetDateTime::now_utc())
        });
        scanned.await.map_err(|error| format!("the scan broke off: {error}"))
    }
}
