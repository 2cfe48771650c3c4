//! The story and its accidents, on real parts. Each flow has a world of its own; they run one after the other, since each fills the machine.

mod binding;
mod catalog;
mod crash;
mod credentials;
mod disk;
mod doors;
mod full;
mod moved;
mod orders;
mod overlap;
mod policies;
mod retries;
mod scanner;
mod separate;
mod story;
mod supervision;
mod trace;
mod unconfirmed;
mod yard;

use tokio::sync::{Mutex, MutexGuard};

static MACHINE: Mutex<()> = Mutex::const_new(());

/// The machine, for as long as a flow needs it: two worlds at once would measure each other.
pub(crate) async fn machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().await
}
