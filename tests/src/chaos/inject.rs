//! Makes a planned fault happen, and ends it.

use std::{fs::File, io::Write as _, path::PathBuf, time::Duration};

use anyhow::Result;
use testkit::http_proxy;

use super::{
    Clock,
    history::Injected,
    schedule::{Answer, Fault, Part, Planned, Signal},
    watch,
    yard::Yard,
};
use crate::processes;

/// Carries out one fault from its beginning to its end.
pub(super) async fn inject(yard: &Yard, clock: Clock, planned: Planned) -> Result<Injected> {
    let Planned { fault, lasts, from: _ } = planned;
    let mut ended = None;
    if let Fault::Signal(Part::Role(role), Signal::Term | Signal::Kill) = fault {
        // Only another instance counts as being back.
        ended = watch::look(yard, Duration::from_millis(500)).await.remove(&role);
    }
    let from = clock.now();
    let until = from + lasts;
    match fault {
        Fault::Signal(part, signal) => signalled(yard, clock, part, signal, until).await?,
        Fault::Link => {
            yard.link.freeze();
            clock.reach(until).await;
            yard.link.thaw();
        }
        Fault::Disk => {
            let file = yard.filler();
            tokio::task::spawn_blocking({
                let file = file.clone();
                move || fill(file)
            })
            .await??;
            clock.reach(until).await;
            std::fs::remove_file(file)?;
        }
        Fault::Registry(answer) => {
            yard.registry_proxy.fail(match answer {
                Answer::Status(429) => http_proxy::Fault::Status(429, vec!["Retry-After: 2".to_owned()]),
                Answer::Status(status) => http_proxy::Fault::Status(status, Vec::new()),
                Answer::Silence => http_proxy::Fault::Silent,
            });
            clock.reach(until).await;
            yard.registry_proxy.recover();
        }
        Fault::GitHost => {
            yard.git_link.freeze();
            clock.reach(until).await;
            yard.git_link.thaw();
        }
    }
    Ok(Injected { fault, from, to: clock.now(), ended })
}

async fn signalled(yard: &Yard, clock: Clock, part: Part, signal: Signal, until: Duration) -> Result<()> {
    let (parent, name) = match part {
        Part::Role(role) => (yard.supervisor(role), role.as_str()),
        Part::Broker => (yard.up.id(), "nats-server"),
    };
    // A fault that overlaps may have ended it: then it is about to be started again, and there is nothing to signal.
    let Ok(process) = processes::find(parent, name) else { return Ok(()) };
    match signal {
        Signal::Term => processes::signal(process, "TERM").or(Ok(())),
        Signal::Kill => processes::signal(process, "KILL").or(Ok(())),
        Signal::Stop => {
            processes::signal(process, "STOP").ok();
            clock.reach(until).await;
            // Its supervisor may have replaced it meanwhile.
            if processes::find(parent, name).is_ok_and(|now| now == process) {
                processes::signal(process, "CONT").ok();
            }
            Ok(())
        }
    }
}

/// Writes until nothing more fits.
fn fill(file: PathBuf) -> Result<()> {
    let mut file = File::create(file)?;
    // First in large pieces, then in small ones, so that nothing is left.
    for size in [1 << 20, 4096] {
        let piece = vec![0; size];
        while file.write_all(&piece).is_ok() {}
    }
    Ok(())
}
