//! Whose source and whom to tell: the projects, as the orders have them.

use std::sync::{Arc, PoisonError, RwLock};

use bus::Record;
use events::fold;
use verdict::{
    Snapshot,
    order::{Name, Project},
};

/// The projects; cheap to clone. Locked only for as long as a look-up takes, and never across a wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Projects(Arc<RwLock<Snapshot>>);

impl Projects {
    /// Takes in one message.
    pub(crate) fn hear(&self, record: &Record) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        fold(&mut snapshot, record.stream, &record.subject, record.sequence, record.at, &record.body);
    }

    pub(crate) fn get(&self, name: &Name) -> Option<Project> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).project(name).cloned()
    }
}
