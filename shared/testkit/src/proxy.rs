//! A TCP relay in front of a real part: a link that a test can freeze, thaw and sever. It reads and changes nothing of what it carries.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Bytes that one direction carries at a time. A frozen link holds at most this much besides the kernel's own buffers.
const CHUNK_BYTES: usize = 16 << 10;

/// A relay on a free port of 127.0.0.1. It ends when it is dropped, with every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    _relay: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    frozen: bool,
    /// How often all connections were closed.
    severed: u64,
}

impl Proxy {
    /// Relays new connections to `target`, an address such as `127.0.0.1:4222`. Nothing has to listen there yet.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(target: impl Into<String>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("binding the proxy")?;
        let address = listener.local_addr().context("asking for the proxy's address")?;
        let state = watch::Sender::new(State::default());
        let mut relay = JoinSet::new();
        relay.spawn(accept(listener, target.into(), state.subscribe()));
        Ok(Self { address, state, _relay: relay })
    }

    /// Where clients connect instead.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries nothing from now on, in both directions: connections stay open, new ones are accepted, and no byte arrives. As a firewall
    /// that drops packets looks to both ends.
    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen = true);
    }

    /// Carries everything again, what was held back first.
    pub fn thaw(&self) {
        self.state.send_modify(|state| state.frozen = false);
    }

    /// Closes every connection. New ones are relayed.
    pub fn sever(&self) {
        self.state.send_modify(|state| state.severed += 1);
    }
}

async fn accept(listener: TcpListener, target: String, state: watch::Receiver<State>) {
    let mut relays = JoinSet::new();
    // An accept that fails for want of descriptors succeeds later; the client tries again by itself.
    loop {
        if let Ok((client, _)) = listener.accept().await {
            relays.spawn(relay(client, target.clone(), state.clone()));
        }
        while relays.try_join_next().is_some() {}
    }
}

async fn relay(client: TcpStream, target: String, mut state: watch::Receiver<State>) {
    let severed = state.borrow().severed;
    let (up, down) = (state.clone(), state.clone());
    let carried = async {
        thawed(&mut up.clone()).await;
        // A target that refuses is a client that is hung up on.
        let Ok(server) = TcpStream::connect(target).await else { return };
        let (client_reader, client_writer) = client.into_split();
        let (server_reader, server_writer) = server.into_split();
        tokio::select! {
            () = carry(client_reader, server_writer, up) => {}
            () = carry(server_reader, client_writer, down) => {}
        }
    };
    tokio::select! {
        _ = state.wait_for(|state| state.severed != severed) => {}
        () = carried => {}
    }
}

async fn carry(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        thawed(&mut state).await;
        let Ok(count @ 1..) = reader.read(&mut chunk).await else { return };
        thawed(&mut state).await;
        let Some(bytes) = chunk.get(..count) else { return };
        if writer.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn thawed(state: &mut watch::Receiver<State>) {
    // An error means that the proxy was dropped, which ends this task.
    state.wait_for(|state| !state.frozen).await.ok();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A server that sends back what it gets, and a connection to it through a proxy.
    async fn echoing() -> (JoinSet<()>, Proxy, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut connection, _)) = listener.accept().await {
                connections.spawn(async move {
                    let (mut reader, mut writer) = connection.split();
                    tokio::io::copy(&mut reader, &mut writer).await.ok();
                });
            }
        });
        let proxy = Proxy::start(target).await.unwrap();
        let connection = TcpStream::connect(proxy.address()).await.unwrap();
        (server, proxy, connection)
    }

    async fn echo(connection: &mut TcpStream) -> Result<[u8; 4]> {
        connection.write_all(b"ping").await?;
        let mut back = [0; 4];
        timeout(Duration::from_secs(5), connection.read_exact(&mut back)).await??;
        Ok(back)
    }

    #[tokio::test]
    async fn a_frozen_link_carries_nothing_and_loses_nothing() {
        let (_server, proxy, mut connection) = echoing().await;
        assert_eq!(&echo(&mut connection).await.unwrap(), b"ping");
        proxy.freeze();
        connection.write_all(b"held").await.unwrap();
        let mut back = [0; 4];
        let early = timeout(Duration::from_millis(200), connection.read_exact(&mut back)).await;
        assert!(early.is_err(), "a frozen link carried {back:?}");
        let mut late = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.thaw();
        timeout(Duration::from_secs(5), connection.read_exact(&mut back)).await.unwrap().unwrap();
        assert_eq!(&back, b"held");
        assert_eq!(&echo(&mut late).await.unwrap(), b"ping");
    }

    #[tokio::test]
    async fn a_severed_link_can_be_made_anew() {
        let (_server, proxy, mut connection) = echoing().await;
        assert_eq!(&echo(&mut connection).await.unwrap(), b"ping");
        proxy.sever();
        assert!(echo(&mut connection).await.is_err());
        let mut again = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(&echo(&mut again).await.unwrap(), b"ping");
    }
}
