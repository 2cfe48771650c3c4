//! Ends the processes of a command from outside its container, which Docker's API has no call for.
//!
//! Only where it is certain whom it hits: the daemon's process numbers must be ours and the process must be in the
//! container's cgroup. An agent with a process namespace of its own ends nothing.

use std::fs;

use rustix::process::{Pid, Signal, getpgid, kill_process_group};
use tracing::debug;

/// First the chance to end in order, then the end.
pub(super) const SIGNALS: [Signal; 2] = [Signal::TERM, Signal::KILL];

/// Sends `signal` to the group that the process leads; whether it was sent.
///
/// The runtime makes a command the leader of its own group, so its children are in it unless they left on purpose.
pub(super) fn signal_group(process: i64, container: &str, signal: Signal) -> bool {
    let Some(leader) = i32::try_from(process).ok().filter(|number| *number > 0).and_then(Pid::from_raw)
    else {
        return false;
    };
    if !is_in_container(leader, container) || getpgid(Some(leader)) != Ok(leader) {
        debug!(process, container, "Command's process is not to be seen from here and runs on.");
        return false;
    }
    kill_process_group(leader, signal).is_ok()
}

/// Whether the process is in the container: every runtime's cgroup path has the container's whole id in it.
fn is_in_container(process: Pid, container: &str) -> bool {
    let path = format!("/proc/{}/cgroup", process.as_raw_nonzero());
    // A read from the kernel's memory: it does not wait.
    !container.is_empty() && fs::read_to_string(path).is_ok_and(|groups| groups.contains(container))
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    #[test]
    fn a_process_outside_the_container_is_left_alone() {
        let own = i64::from(getpid().as_raw_nonzero().get());
        assert!(!signal_group(own, &"0a".repeat(32), Signal::KILL));
        assert!(!signal_group(own, "", Signal::KILL));
        assert!(!signal_group(0, "", Signal::KILL));
        assert!(!signal_group(-1, "", Signal::KILL));
    }
}
