//! What is wrong with this process at the moment, for operators: `$SRV.STATS` and `plimsoll status` show it. Not errors: the process works on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{error, info};

/// The conditions of one process, each under a key; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Conditions(Arc<Mutex<BTreeMap<String, String>>>);

impl Conditions {
    /// Something is wrong, and somebody must act. Logged once, until it is cleared. Idempotent.
    pub fn raise(&self, key: &str, text: impl Into<String>) {
        let text = text.into();
        let before = self.lock().insert(key.to_owned(), text.clone());
        if before.is_none() {
            error!("{text}");
        }
    }

    /// It is no longer wrong. Idempotent.
    pub fn clear(&self, key: &str) {
        let before = self.lock().remove(key);
        if let Some(text) = before {
            info!("No longer: {text}");
        }
    }

    /// Whether something is wrong under `key`.
    pub fn has(&self, key: &str) -> bool {
        self.lock().contains_key(key)
    }

    /// Everything that is wrong, in the order of the keys.
    pub fn all(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
