//! Private daemons: side by side, asked about by a plugin, reaching a registry, and gone without a trace.

use super::*;
use crate::process::Process;
use crate::registry::DockerRegistry;

/// The trace of a daemon on the machine: its directory in processes and mounts, its bridge, its cgroups.
struct Trace {
    directory: PathBuf,
    bridge: String,
}

impl Trace {
    async fn of(daemon: &Dockerd) -> Self {
        let template = r#"{{index .Options "com.docker.network.bridge.name"}}"#;
        let bridge = said(daemon, &["network", "inspect", "--format", template, "bridge"]).await;
        Self { directory: daemon.directory.path().to_owned(), bridge }
    }

    fn left(&self) -> Vec<String> {
        let directory = self.directory.display().to_string();
        let mut left = Vec::new();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(&directory) {
                left.push(line);
            }
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        left.extend(mounts.lines().filter(|mount| mount.contains(&directory)).map(str::to_owned));
        let paths = [
            self.directory.clone(),
            Path::new("/sys/class/net").join(&self.bridge),
            Path::new("/sys/fs/cgroup/pids").join(&self.bridge),
            Path::new("/sys/fs/cgroup").join(&self.bridge),
        ];
        left.extend(paths.iter().filter(|path| path.exists()).map(|path| path.display().to_string()));
        left
    }
}

#[track_caller]
fn said(daemon: &Dockerd, arguments: &[&str]) -> impl Future<Output = String> {
    let command = daemon.docker(arguments);
    async { command.await.unwrap().success().unwrap() }
}

/// Makes an image `busybox` of one file, `/busybox`.
async fn import_busybox(daemon: &Dockerd) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(tools::busybox(), directory.path().join("busybox")).unwrap();
    let archive = directory.path().join("image.tar");
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(directory.path()).arg("busybox");
    run(tar, COMMAND).await.unwrap().success().unwrap();
    said(daemon, &["import", archive.to_str().unwrap(), "busybox"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_run_side_by_side_and_leave_nothing() {
    let (first, second) =
        tokio::join!(Dockerd::start(Options::default()), Dockerd::start(Options::default()));
    let daemons = [first.unwrap(), second.unwrap()];
    let mut traces = Vec::new();
    for daemon in &daemons {
        import_busybox(daemon).await;
        // The first process of each ignores SIGTERM; one is started again when it ends; one is on the bridge.
        said(daemon, &["run", "--detach", "--network", "none", "busybox", "/busybox", "sleep", "600"]).await;
        said(daemon, &["run", "--detach", "--restart", "always", "busybox", "/busybox", "sleep", "600"])
            .await;
        said(daemon, &["run", "--detach", "--pid", "host", "busybox", "/busybox", "sleep", "600"]).await;
        assert_eq!(said(daemon, &["ps", "--quiet"]).await.lines().count(), 3);
        traces.push(Trace::of(daemon).await);
    }
    assert_ne!(traces[0].bridge, traces[1].bridge);
    assert!(traces.iter().all(|trace| !trace.left().is_empty()), "the check of traces sees nothing");
    let [first, second] = daemons;
    first.stop().unwrap();
    assert_eq!(traces[0].left(), Vec::<String>::new());
    assert_eq!(said(&second, &["ps", "--quiet"]).await.lines().count(), 3, "the other daemon was disturbed");
    drop(second);
    assert_eq!(traces[1].left(), Vec::<String>::new());
}

/// An authorization plugin that refuses to create containers.
const PLUGIN: &str = r#"
import http.server, json, socketserver, sys
class Plugin(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = {"Implements": ["authz"]}
        if self.path != "/Plugin.Activate":
            create = "/containers/create" in json.loads(body)["RequestUri"]
            answer = {"Allow": not create, "Msg": "below the line"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "daemon"
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass
Server(sys.argv[1], Plugin).serve_forever()
"#;

#[tokio::test]
async fn asks_its_authorization_plugin() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("plugin.sock");
    let plugin = AuthorizationPlugin { name: "loadline".to_owned(), socket: socket.clone() };
    let options = Options { authorization_plugin: Some(plugin), ..Options::default() };
    let mut command = std::process::Command::new(tools::python());
    command.args(["-c", PLUGIN]).arg(&socket);
    let mut plugin = Process::start("plugin", command).unwrap();
    plugin.ready(START, async || socket.exists()).await.unwrap();
    let daemon = Dockerd::start(options).await.unwrap();
    import_busybox(&daemon).await;
    let refused = daemon.docker(&["create", "busybox", "/busybox"]).await.unwrap();
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("plugin loadline: below the line"), "{}", refused.stderr);
}

#[tokio::test]
async fn reaches_a_registry_on_the_loopback_interface() {
    let registry = DockerRegistry::start(None).await.unwrap();
    let daemon = Dockerd::start(Options::default()).await.unwrap();
    import_busybox(&daemon).await;
    let reference = format!("{}/tools/busybox:1", registry.host());
    said(&daemon, &["tag", "busybox", &reference]).await;
    said(&daemon, &["push", "--quiet", &reference]).await;
    said(&daemon, &["image", "rm", "busybox", &reference]).await;
    said(&daemon, &["pull", "--quiet", &reference]).await;
}

#[tokio::test]
async fn loads_an_archive() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("saved.tar");
    let daemon = Dockerd::start(Options::default()).await.unwrap();
    import_busybox(&daemon).await;
    said(&daemon, &["save", "--output", archive.to_str().unwrap(), "busybox"]).await;
    said(&daemon, &["image", "rm", "busybox"]).await;
    assert!(daemon.load(&archive).await.unwrap().contains("busybox"));
}

#[tokio::test]
async fn says_why_a_daemon_does_not_start() {
    let options = Options { insecure_registries: vec!["no such://host".to_owned()], ..Options::default() };
    let message = format!("{:#}", Dockerd::start(options).await.unwrap_err());
    assert!(message.contains("no such://host"), "{message}");
}

/// The daemon of a test process that is killed goes too: this test runs itself as that process.
#[tokio::test]
async fn a_killed_test_process_leaves_no_daemon() {
    const ROLE: &str = "TESTKIT_DOCKER_TEST_ROLE";
    if std::env::var_os(ROLE).is_some() {
        let daemon = Dockerd::start(Options::default()).await.unwrap();
        import_busybox(&daemon).await;
        said(&daemon, &["run", "--detach", "busybox", "/busybox", "sleep", "600"]).await;
        let trace = Trace::of(&daemon).await;
        println!("trace={} {}", trace.directory.display(), trace.bridge);
        std::future::pending::<()>().await;
    }
    let mut itself = std::process::Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "docker::tests::a_killed_test_process_leaves_no_daemon", "--nocapture"]);
    let mut victim = Process::start("victim", {
        itself.env(ROLE, "victim");
        itself
    })
    .unwrap();
    let log = victim.log_reader();
    let trace = victim
        .ready(START, async || {
            let log = log.text();
            let (directory, bridge) = log.split_once("trace=")?.1.split_once('\n')?.0.split_once(' ')?;
            Some(Trace { directory: directory.into(), bridge: bridge.to_owned() })
        })
        .await
        .unwrap();
    assert!(!trace.left().is_empty());
    victim.kill().unwrap();
    eventually("the daemon to be gone", STOP, async || trace.left().is_empty()).await.unwrap();
}
