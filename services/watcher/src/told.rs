//! What has been told, by this process or before it: so that a look finds news only, and two looks at one thing take turns. Not kept on any disk:
//! IMAGES says it after a restart.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Keys that somebody waits for at one time; beyond that, those that nobody holds are forgotten.
const TURNS: usize = 1024;

/// Values kept in mind. Beyond that all are forgotten, which costs one more telling of each.
const VALUES: usize = 200_000;

/// The last value told of each key; cheap to clone.
#[derive(Debug)]
pub(crate) struct Told<K, V>(Arc<Mutex<BTreeMap<K, V>>>);

/// One at a time for each key.
#[derive(Debug)]
pub(crate) struct Turns<K>(Arc<Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>>);

impl<K: Ord + Clone, V: PartialEq + Clone> Told<K, V> {
    pub(crate) fn is_told(&self, key: &K, value: &V) -> bool {
        self.held().get(key) == Some(value)
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.held().get(key).cloned()
    }

    pub(crate) fn tell(&self, key: K, value: V) {
        let mut held = self.held();
        if held.len() >= VALUES {
            held.clear();
        }
        held.insert(key, value);
    }

    /// Takes in what was told before this process began; what it has told itself is newer.
    pub(crate) fn recall(&self, known: BTreeMap<K, V>) {
        let mut held = self.held();
        for (key, value) in known {
            if held.len() >= VALUES {
                return;
            }
            held.entry(key).or_insert(value);
        }
    }

    pub(crate) fn retain(&self, keep: impl Fn(&K, &V) -> bool) {
        self.held().retain(|key, value| keep(key, value));
    }

    pub(crate) fn keys(&self, wanted: impl Fn(&K) -> bool) -> Vec<K> {
        self.held().keys().filter(|key| wanted(key)).cloned().collect()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Turns<K> {
    /// Waits until nobody else has the turn for `key`. It ends when what is returned is dropped.
    pub(crate) async fn take(&self, key: &K) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= TURNS {
                // One that is held is known to its holder too.
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        turn.lock_owned().await
    }
}

// Derived, these would ask the same of what is inside.
impl<K, V> Clone for Told<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Told<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for Turns<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
