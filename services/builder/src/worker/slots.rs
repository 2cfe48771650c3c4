//! Who may run build steps now. One slot is kept for rebuilds, and what is more urgent goes first. What waits for a host or a disk holds none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::fact::Lane;
use tokio::sync::Notify;

/// The slots of one worker; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slots(Arc<Shared>);

/// A slot; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    count: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Builds that wait, by lane in the order of their urgency.
    waiting: [usize; 3],
}

impl Slots {
    /// So many builds at a time, at least one.
    pub(super) fn new(count: usize) -> Self {
        let state = Mutex::new(State::default());
        Self(Arc::new(Shared { count: count.max(1), state, changed: Notify::new() }))
    }

    /// Waits for a slot. Cancel-safe: a caller that stops waiting frees its place.
    pub(super) async fn take(&self, lane: Lane) -> Slot {
        let waiting = Waiting::begin(&self.0, lane);
        loop {
            // Registered before the look, so that no change in between is missed.
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if waiting.try_take() {
                return Slot(Arc::clone(&self.0));
            }
            changed.await;
        }
    }
}

/// A place in the queue; left when dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    lane: Lane,
}

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared, lane: Lane) -> Self {
        *place(&mut shared.locked(), lane) += 1;
        Self { shared, lane }
    }

    fn try_take(&self) -> bool {
        let mut state = self.shared.locked();
        let [urgent, campaign, _] = state.waiting;
        let (before, limit) = match self.lane {
            Lane::Urgent => (0, self.shared.count),
            Lane::Campaign => (urgent, self.shared.count),
            // The last slot is for rebuilds, unless it is the only one.
            Lane::Routine => (urgent + campaign, self.shared.count.saturating_sub(1).max(1)),
        };
        let is_free = before == 0 && state.taken < limit;
        if is_free {
            state.taken += 1;
        }
        is_free
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *place(&mut self.shared.locked(), self.lane) -= 1;
        self.shared.changed.notify_waiters();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.locked().taken -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Shared {
    /// A panic elsewhere leaves the numbers whole.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(state: &mut State, lane: Lane) -> &mut usize {
    let [urgent, campaign, routine] = &mut state.waiting;
    match lane {
        Lane::Urgent => urgent,
        Lane::Campaign => campaign,
        Lane::Routine => routine,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn now(slots: &Slots, lane: Lane) -> Option<Slot> {
        slots.take(lane).now_or_never()
    }

    #[test]
    fn routine_work_leaves_a_slot() {
        let slots = Slots::new(3);
        let first = now(&slots, Lane::Routine).unwrap();
        let _second = now(&slots, Lane::Routine).unwrap();
        assert!(now(&slots, Lane::Routine).is_none());
        let _rebuild = now(&slots, Lane::Campaign).unwrap();
        assert!(now(&slots, Lane::Urgent).is_none(), "all are taken");
        drop(first);
        assert!(now(&slots, Lane::Routine).is_none());
        assert!(now(&slots, Lane::Urgent).is_some());
    }

    #[tokio::test]
    async fn what_is_urgent_goes_first_where_there_is_one_slot() {
        let slots = Slots::new(1);
        let held = now(&slots, Lane::Routine).unwrap();
        let (routine, urgent) = (slots.take(Lane::Routine), slots.take(Lane::Urgent));
        tokio::pin!(routine, urgent);
        assert!(routine.as_mut().now_or_never().is_none() && urgent.as_mut().now_or_never().is_none());
        drop(held);
        assert!(routine.as_mut().now_or_never().is_none(), "an urgent build waits");
        let held = urgent.await;
        assert!(routine.as_mut().now_or_never().is_none());
        drop(held);
        routine.await;
    }
}
