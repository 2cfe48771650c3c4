//! Commands in containers, by Docker's three steps: create, start, inspect. Whether one should run is decided elsewhere.
//!
//! What Docker 20.10 was seen to do, on which "at most once" stands:
//! - A created command has neither code nor process until it is started. It starts once: a second start runs nothing,
//!   and says so in the output instead of a status.
//! - It runs on to its end when the client attached to it goes away. Then its code reads 126, whatever it was; so it
//!   does when its container is removed under it. One that cannot be started has code 126 too, but never had a process.
//! - A container that stops takes the commands that never started with it. Those that ended stay for 5 to 10 minutes.

use std::time::Duration;

use bollard::{
    exec::{StartExecOptions, StartExecResults},
    models::{ExecConfig, ExecInspectResponse},
};
use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::{Docker, found, stop};
use crate::{
    error::Error,
    exec::{Ending, ExecState, Outcome},
    id::{ContainerId, ExecId},
};

/// What Docker reports for a command that could not be started, and for one it lost sight of.
const LOST: i64 = 126;
/// Output ends a moment before Docker knows the code.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// How often a command that has closed its output is asked after.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How long a command that must end has for it, once after each of the two signals.
const GRACE: Duration = Duration::from_secs(2);

/// What Docker says of a command.
struct Seen {
    state: ExecState,
    /// Its first process as the daemon's process namespace counts, and its container.
    process: Option<(i64, String)>,
}

impl Docker {
    pub(crate) async fn prepare(
        &self,
        container: &ContainerId,
        argv: &[String],
        user: Option<&str>,
    ) -> Result<ExecId, Error> {
        let subject = format!("a command in container {container}");
        let config = ExecConfig {
            cmd: Some(argv.to_vec()),
            user: user.map(str::to_owned),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let client = self.client().await?;
        let created = self.bounded(&subject, client.create_exec(container.as_str(), config)).await?;
        created.id.parse().map_err(|error| Error::Malformed { subject, reason: format!("{error}") })
    }

    pub(crate) async fn start(
        &self,
        exec: &ExecId,
        output_limit_bytes: usize,
        limit: Duration,
    ) -> Result<Outcome, Error> {
        let deadline = Instant::now() + limit;
        match self.exec_state(exec).await? {
            ExecState::NeverStarted => {}
            ExecState::Gone => return Err(Error::NotFound { subject: format!("command {exec}") }),
            ExecState::Running | ExecState::Exited(_) | ExecState::Ended => {
                return Err(Error::AlreadyStarted { exec: exec.clone() });
            }
        }
        let mut output = Output::new(output_limit_bytes);
        self.attach(exec, &mut output, deadline).await?;
        let ending = self.ending(exec, deadline).await?;
        let (output, is_cut) = output.into_text();
        Ok(Outcome { ending, output, is_cut })
    }

    pub(crate) async fn exec_state(&self, exec: &ExecId) -> Result<ExecState, Error> {
        Ok(self.look(exec).await?.state)
    }

    /// Starts it and reads what it writes until it closes its output, the connection breaks or time is up.
    async fn attach(&self, exec: &ExecId, output: &mut Output, deadline: Instant) -> Result<(), Error> {
        let client = self.client().await?;
        let request = client.start_exec(exec.as_str(), None::<StartExecOptions>);
        let started = match self.bounded(format!("the start of command {exec}"), request).await {
            // Newer daemons say so of a second start as well.
            Err(Error::NotRunning { .. }) if self.exec_state(exec).await? != ExecState::NeverStarted => {
                return Err(Error::AlreadyStarted { exec: exec.clone() });
            }
            other => other?,
        };
        // The input stays open until the output has ended: some daemons take its end for ours.
        if let StartExecResults::Attached { output: mut chunks, input: _input } = started {
            while let Ok(Some(chunk)) = timeout_at(deadline, chunks.next()).await {
                match chunk {
                    Ok(chunk) => output.push(&chunk.into_bytes()),
                    Err(error) => {
                        debug!(%exec, %error, "Connection to a command broke.");
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// How a started command ends. It has until `deadline`; then it is stopped, where that can be done.
    async fn ending(&self, exec: &ExecId, deadline: Instant) -> Result<Ending, Error> {
        let seen = self.look_until_ended(exec, deadline).await?;
        match seen.state {
            ExecState::Exited(code) => Ok(Ending::Exited(code)),
            ExecState::Running => Ok(Ending::TimedOut { is_stopped: self.stop(exec, seen).await? }),
            ExecState::Ended | ExecState::NeverStarted | ExecState::Gone => Ok(Ending::Unknown),
        }
    }

    /// Whether it has ended after the signals that could be sent.
    async fn stop(&self, exec: &ExecId, mut seen: Seen) -> Result<bool, Error> {
        for signal in stop::SIGNALS {
            let Some((process, container)) = &seen.process else { break };
            if stop::signal_group(*process, container, signal) {
                seen = self.look_until_ended(exec, Instant::now() + GRACE).await?;
            }
            if seen.state != ExecState::Running {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_until_ended(&self, exec: &ExecId, deadline: Instant) -> Result<Seen, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            let seen = self.look(exec).await?;
            let now = Instant::now();
            if !matches!(seen.state, ExecState::Running) || now >= deadline {
                return Ok(seen);
            }
            sleep(pause.min(deadline.saturating_duration_since(now))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn look(&self, exec: &ExecId) -> Result<Seen, Error> {
        let client = self.client().await?;
        let request = client.inspect_exec(exec.as_str());
        let found = found(self.bounded(format!("command {exec}"), request).await)?;
        Ok(found.map_or(Seen { state: ExecState::Gone, process: None }, seen))
    }
}

fn seen(answer: ExecInspectResponse) -> Seen {
    let ExecInspectResponse { running, exit_code, pid, container_id, can_remove, .. } = answer;
    let process = pid.filter(|pid| *pid > 0);
    let state = match (running.unwrap_or(false), exit_code) {
        (true, _) => ExecState::Running,
        (false, None) => ExecState::NeverStarted,
        // Podman has code 0 for a command that never started. One that ended with 0 had a process or may be removed.
        (false, Some(0)) if process.is_none() && can_remove == Some(false) => ExecState::NeverStarted,
        (false, Some(LOST)) if process.is_some() => ExecState::Ended,
        (false, Some(code)) => ExecState::Exited(code),
    };
    Seen { state, process: process.zip(container_id) }
}

/// What a command writes, up to a limit. What comes after is read and dropped, so that the command does not wait for us.
struct Output {
    bytes: Vec<u8>,
    limit: usize,
    is_cut: bool,
}

impl Output {
    fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, is_cut: false }
    }

    fn push(&mut self, chunk: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        let kept = chunk.get(..room).unwrap_or(chunk);
        self.is_cut |= kept.len() < chunk.len();
        self.bytes.extend_from_slice(kept);
    }

    fn into_text(self) -> (String, bool) {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        let is_cut = self.is_cut || text.len() > self.limit;
        // A replaced byte takes three.
        let end = (0..=self.limit.min(text.len())).rev().find(|index| text.is_char_boundary(*index));
        text.truncate(end.unwrap_or_default());
        (text, is_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunks: &[&[u8]], limit: usize, text: &str, is_cut: bool) {
        let mut output = Output::new(limit);
        for chunk in chunks {
            output.push(chunk);
        }
        assert_eq!(output.into_text(), (text.to_owned(), is_cut));
    }

    #[test]
    fn output_is_cut_at_its_limit_and_is_always_text() {
        check(&[b"one ", b"two"], 7, "one two", false);
        check(&[b"one ", b"two"], 6, "one tw", true);
        check(&[b"one ", b"two", b"three"], 0, "", true);
        check(&[], 0, "", false);
        check(&[&[0xff]], 9, "\u{fffd}", false);
        check(&[&[0xff, 0xff]], 4, "\u{fffd}", true);
        check(&["\u{e4}".as_bytes()], 1, "", true);
    }

    #[track_caller]
    fn check_state(answer: ExecInspectResponse, state: ExecState) {
        assert_eq!(seen(answer).state, state);
    }

    #[test]
    fn states_are_told_apart() {
        let answer = |running: bool, code: Option<i64>, pid: i64, can_remove: bool| ExecInspectResponse {
            running: Some(running),
            exit_code: code,
            pid: Some(pid),
            can_remove: Some(can_remove),
            ..ExecInspectResponse::default()
        };
        // Docker.
        check_state(answer(false, None, 0, false), ExecState::NeverStarted);
        check_state(answer(true, None, 0, false), ExecState::Running);
        check_state(answer(true, None, 71, false), ExecState::Running);
        check_state(answer(false, Some(0), 71, false), ExecState::Exited(0));
        check_state(answer(false, Some(3), 71, true), ExecState::Exited(3));
        check_state(answer(false, Some(126), 0, false), ExecState::Exited(126));
        check_state(answer(false, Some(126), 71, false), ExecState::Ended);
        // Podman.
        check_state(answer(false, Some(0), 0, false), ExecState::NeverStarted);
        check_state(answer(false, Some(0), 0, true), ExecState::Exited(0));
    }
}
