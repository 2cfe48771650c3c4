//! How a command in a container stands and how it ended. Not the running of it.

/// How a prepared command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecState {
    /// It was prepared and nobody has started it: starting it now runs it for the first time.
    NeverStarted,
    /// It runs.
    Running,
    /// It ended with this code. 126 stands for a command that could not be started.
    Exited(i64),
    /// It was started and has ended, and its code was lost with the client that waited for it, or with its container.
    /// A code of 126 of its own looks the same.
    Ended,
    /// The runtime knows nothing of it, so nobody can tell whether it ever ran.
    ///
    /// Docker forgets a command that never started when its container stops, and one that ended 5 to 10 minutes
    /// after its end; all of them when their container is removed or the daemon restarts.
    Gone,
}

/// How a started command came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What it wrote to standard output and standard error, in the order of arrival and at most as long as allowed;
    /// bytes that are not UTF-8 are replaced.
    pub output: String,
    /// Whether it wrote more than `output` holds.
    pub is_cut: bool,
}

/// How a started command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this code. 126 stands for a command that could not be started; the output says why.
    Exited(i64),
    /// Not within its time.
    TimedOut {
        /// Whether its processes were ended; else they may run on.
        is_stopped: bool,
    },
    /// It was started, and nobody can tell how it ended: the runtime lost sight of it, or its container went away.
    Unknown,
}
