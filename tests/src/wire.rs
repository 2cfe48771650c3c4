//! A NATS client in a page: bytes on a socket that stays open. It shares nothing with the bus but the identities' seeds; for what must be
//! timed from the first byte, and for answers from many.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpStream, tcp},
    time::timeout,
};

/// How long the server may take to say anything that it was asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection under one identity.
#[derive(Debug)]
pub struct Wire {
    lines: BufReader<tcp::OwnedReadHalf>,
    writer: tcp::OwnedWriteHalf,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its subject.
    pub subject: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to `url` (`nats://host:port`) with the nkey seed in `seed`.
    pub async fn connect(url: &str, seed: &Path) -> Result<Self> {
        let address = url.strip_prefix("nats://").unwrap_or(url);
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {url}"))?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let mut wire = Self { lines: BufReader::new(reader), writer };
        let hello = wire.line().await?;
        let hello: Value = serde_json::from_str(hello.strip_prefix("INFO ").context("no greeting")?)
            .context("reading it")?;
        let nonce = hello.get("nonce").and_then(Value::as_str).context("the server asks for no signature")?;
        let pair = KeyPair::from_seed(std::fs::read_to_string(seed)?.trim())?;
        let options = json!({
            "verbose": false, "pedantic": false, "lang": "raw", "version": "0", "protocol": 1, "headers": false,
            "nkey": pair.public_key(), "sig": URL_SAFE_NO_PAD.encode(pair.sign(nonce.as_bytes())?),
        });
        wire.write(format!("CONNECT {options}\r\nPING\r\n").as_bytes()).await?;
        wire.settle().await?;
        Ok(wire)
    }

    /// Hears `subject` from now on.
    pub async fn subscribe(&mut self, subject: &str) -> Result<()> {
        self.write(format!("SUB {subject} 1\r\nPING\r\n").as_bytes()).await?;
        self.settle().await
    }

    /// Puts a message on the socket; the answer, if there is one, comes to `reply`.
    pub async fn publish(&mut self, subject: &str, reply: &str, body: &[u8]) -> Result<()> {
        let mut bytes = format!("PUB {subject} {reply} {}\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
        self.write(&bytes).await
    }

    /// The next message.
    pub async fn next(&mut self) -> Result<Message> {
        loop {
            let line = self.line().await?;
            let mut words = line.split(' ');
            match words.next() {
                Some("MSG") => {
                    let subject = words.next().context("a message without a subject")?.to_owned();
                    let length: usize = words.next_back().context("a message without a length")?.parse()?;
                    let mut body = vec![0; length + 2];
                    timeout(PATIENCE, self.lines.read_exact(&mut body)).await??;
                    body.truncate(length);
                    return Ok(Message { subject, body });
                }
                Some("PING") => self.write(b"PONG\r\n").await?,
                Some("PONG" | "INFO" | "+OK") => {}
                _ => bail!("the server says {line}"),
            }
        }
    }

    /// Waits for the answer to a ping: the server has taken what was sent before it.
    async fn settle(&mut self) -> Result<()> {
        loop {
            let line = self.line().await?;
            match line.split(' ').next() {
                Some("PONG") => return Ok(()),
                Some("PING") => self.write(b"PONG\r\n").await?,
                // It introduces itself again to whoever has signed in.
                Some("INFO") => {}
                _ => bail!("the server says {line}"),
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read =
            timeout(PATIENCE, self.lines.read_line(&mut line)).await.context("the server is silent")??;
        anyhow::ensure!(read > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(timeout(PATIENCE, self.writer.write_all(bytes)).await.context("the server reads nothing")??)
    }
}
