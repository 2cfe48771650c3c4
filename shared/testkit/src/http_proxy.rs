//! An HTTP proxy in front of a real server: it passes everything on, until a test makes it answer in the server's place. Not a server.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A request's head is not longer.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long a silent proxy holds a connection: longer than any client in a test waits.
const SILENCE: Duration = Duration::from_secs(600);

/// What the proxy does in the server's place.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It answers with this status and these header lines.
    Status(u16, Vec<String>),
    /// It answers with this status and body.
    Text(u16, String),
    /// It accepts the request and never answers.
    Silent,
}

/// A running proxy; gone with its guard.
#[derive(Debug)]
pub struct HttpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The loop that accepts connections, which holds them; it ends with the guard.
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The fault, and the text that a request line holds where it is about that request.
    fault: Mutex<Option<(Fault, String)>>,
    requests: AtomicUsize,
}

impl HttpProxy {
    /// Starts a proxy on a free port of 127.0.0.1, in front of `upstream` (host and port).
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (kept, upstream) = (Arc::clone(&shared), upstream.to_owned());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let (shared, upstream) = (Arc::clone(&shared), upstream.clone());
                connections.spawn(async move { serve(connection, &shared, &upstream).await });
            }
        });
        Ok(Self { address, shared: kept, _task: task })
    }

    /// Host and port of the proxy, as image references write them.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// From now on every request fails so.
    pub fn fail(&self, fault: Fault) {
        self.fail_where("", fault);
    }

    /// From now on every request whose first line (`GET /v2/ HTTP/1.1`) contains `text` fails so; the others pass.
    pub fn fail_where(&self, text: &str, fault: Fault) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some((fault, text.to_owned()));
    }

    /// From now on everything passes.
    pub fn recover(&self) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many requests came so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

/// One request a connection: so the fault of the moment holds for each.
async fn serve(mut client: TcpStream, shared: &Shared, upstream: &str) -> Option<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut chunk = [0; 4096];
        let length = client.read(&mut chunk).await.ok().filter(|length| *length > 0)?;
        read.extend_from_slice(chunk.get(..length)?);
        if read.len() > LONGEST_HEAD {
            return None;
        }
    };
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8_lossy(read.get(..end)?).into_owned();
    let first = head.lines().next().unwrap_or_default();
    let fault = shared.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match fault.filter(|(_, about)| first.contains(about.as_str())) {
        Some((Fault::Silent, _)) => tokio::time::sleep(SILENCE).await,
        Some((Fault::Status(status, headers), _)) => answer(client, status, &headers, "").await?,
        Some((Fault::Text(status, body), _)) => answer(client, status, &[], &body).await?,
        None => {
            let mut server = TcpStream::connect(upstream).await.ok()?;
            server.write_all(format!("{head}\r\nConnection: close").as_bytes()).await.ok()?;
            server.write_all(read.get(end..)?).await.ok()?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()?;
        }
    }
    Some(())
}

async fn answer(mut client: TcpStream, status: u16, headers: &[String], body: &str) -> Option<()> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Proxy\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    client.write_all(answer.as_bytes()).await.ok()?;
    client.shutdown().await.ok()?;
    // A body that is still on its way would otherwise reset the connection before the answer is read.
    let drain = async { tokio::io::copy(&mut client, &mut tokio::io::sink()).await };
    tokio::time::timeout(Duration::from_secs(5), drain).await.ok()?.ok()?;
    Some(())
}
