//! Whether a process that runs also does something: a role sends proof of life every second, a broker greets every connection. A process
//! that is stopped, or stuck, does neither.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram as StdDatagram},
    },
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use events::topology::Role;
use tokio::{io::AsyncReadExt as _, net::TcpStream, net::UnixDatagram, time::timeout};

/// For how long a process may be silent. Ten times the interval of a role's proofs: a machine that is busy delays them by seconds. With the
/// longest pause before a restart and the start itself, a process that hangs is replaced within 30 s.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// For how long a role may be silent after its start: it is loaded and reads its configuration before it sends anything.
const START: Duration = Duration::from_secs(15);

/// Silence is counted in steps of this, and not by the clock: a supervisor that was stopped itself has not waited.
const STEP: Duration = Duration::from_secs(1);

/// Between two questions to the broker.
const PAUSE: Duration = Duration::from_secs(1);

/// Where one role's proofs of life arrive.
#[derive(Debug)]
pub(super) struct Proofs {
    socket: UnixDatagram,
    name: String,
}

impl Proofs {
    /// A socket of its own for each start: what a predecessor sent does not count. It is in Linux's abstract namespace, which needs neither
    /// space on a disk nor a short path.
    pub(super) fn listen(role: Role) -> io::Result<Self> {
        static STARTS: AtomicU64 = AtomicU64::new(0);
        let start = STARTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("plimsoll/{}/{role}/{start}", std::process::id());
        let socket = StdDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: UnixDatagram::from_std(socket)?, name })
    }

    /// The socket as `sd_notify` names it.
    pub(super) fn socket(&self) -> String {
        format!("@{}", self.name)
    }

    /// Returns when the role has been silent for too long; yields for how long.
    pub(super) async fn silence(&self) -> Duration {
        let mut bound = START;
        let mut silent = Duration::ZERO;
        while silent < bound {
            if self.proof(STEP).await {
                (bound, silent) = (SILENCE, Duration::ZERO);
            } else {
                silent += STEP;
            }
        }
        silent
    }

    async fn proof(&self, within: Duration) -> bool {
        let mut datagram = [0; 64];
        matches!(timeout(within, self.socket.recv(&mut datagram)).await, Ok(Ok(_)))
    }
}

/// Returns when the broker on this port of 127.0.0.1 has greeted no connection for too long; yields for how long.
pub(super) async fn broker_silence(port: u16) -> Duration {
    let mut silent = Duration::ZERO;
    while silent < SILENCE {
        tokio::time::sleep(PAUSE).await;
        // The kernel connects also to a process that is stopped; it is the greeting that counts.
        if timeout(STEP * 2, greeted(port)).await.is_ok_and(|greeted| greeted.is_ok()) {
            silent = Duration::ZERO;
        } else {
            silent += PAUSE + STEP * 2;
        }
    }
    silent
}

/// The broker's first line, which it sends unasked.
async fn greeted(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).await?;
    if &greeting == b"INFO " { Ok(()) } else { Err(io::Error::other("no NATS server answers there")) }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn role() -> (Proofs, StdDatagram) {
        let proofs = Proofs::listen(Role::Gate).unwrap();
        let sender = StdDatagram::unbound().unwrap();
        sender.connect_addr(&SocketAddr::from_abstract_name(&proofs.name).unwrap()).unwrap();
        (proofs, sender)
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_says_nothing_is_silent_after_its_start() {
        let (proofs, _sender) = role();
        assert_eq!(proofs.silence().await, START);
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_falls_silent_is_silent_sooner() {
        let (proofs, sender) = role();
        sender.send(b"WATCHDOG=1").unwrap();
        assert_eq!(proofs.silence().await, SILENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn proofs_that_wait_to_be_read_count() {
        let (proofs, sender) = role();
        for _ in 0..3 {
            sender.send(b"WATCHDOG=1").unwrap();
        }
        // The supervisor was stopped in between.
        tokio::time::advance(SILENCE * 10).await;
        assert!(proofs.proof(Duration::ZERO).await);
    }

    #[tokio::test]
    async fn only_a_greeting_counts() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(timeout(Duration::from_millis(200), greeted(port)).await.is_err(), "nothing was sent");
        let broker = async {
            // The first connection is the one that was given up.
            let _given_up = listener.accept().await.unwrap();
            let (mut greeting, _) = listener.accept().await.unwrap();
            greeting.write_all(b"INFO {}\r\n").await.unwrap();
            let (mut other, _) = listener.accept().await.unwrap();
            other.write_all(b"HTTP/1.1 400").await.unwrap();
        };
        let asked = async {
            greeted(port).await.unwrap();
            greeted(port).await.unwrap_err();
        };
        tokio::join!(broker, asked);
    }
}
