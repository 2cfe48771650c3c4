//! A wide stack: the engine walks a rule's tree by recursion, and the stack of a test or a worker thread ends before the heaviest rule does.

use std::{panic, thread};

/// Enough for the heaviest rule that is let through, in a debug build too; memory that is not touched costs nothing.
const WIDTH_BYTES: usize = 128 << 20;

/// Does `work` on a stack of its own and waits for it. An error says that there is no room for one.
pub(crate) fn wide<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("policy".to_owned()).stack_size(WIDTH_BYTES);
        let worker =
            worker.spawn_scoped(scope, work).map_err(|error| format!("no stack for a policy: {error}"))?;
        worker.join().map_err(|panicked| panic::resume_unwind(panicked))
    })
}
