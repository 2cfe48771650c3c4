//! Proof of life, in the way of `sd_notify`: a datagram a second from the service's own runtime. A process that is stopped, or whose
//! runtime is stuck, falls silent. It does not depend on the broker: a service that waits for one is alive.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use tracing::debug;

/// Between two datagrams. systemd asks for at most half of its `WatchdogSec=`.
const INTERVAL: Duration = Duration::from_secs(1);

/// The datagram: "the service is alive".
const ALIVE: &[u8] = b"WATCHDOG=1";

/// Where proof of life is sent.
#[derive(Debug)]
pub(crate) struct Watchdog(UnixDatagram);

impl Watchdog {
    /// To the socket that `NOTIFY_SOCKET` names: a path, or with a leading `@` a name in Linux's abstract namespace.
    ///
    /// # Errors
    /// When nothing listens there.
    pub(crate) fn new(socket: &str) -> io::Result<Self> {
        let address = match socket.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(socket)?,
        };
        let datagrams = UnixDatagram::unbound()?;
        datagrams.connect_addr(&address)?;
        // A supervisor that is stopped itself reads nothing, and must not block its services.
        datagrams.set_nonblocking(true)?;
        Ok(Self(datagrams))
    }

    /// Sends proof of life for as long as it is polled.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.0.send(ALIVE) {
                debug!(%error, "Proof of life was not received.");
            }
        }
    }
}
