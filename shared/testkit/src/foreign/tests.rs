//! The client against a real server with JetStream and one user of few rights.

use super::*;
use crate::command::run;
use crate::process::{Process, free_port};
use tempfile::TempDir;

struct Server {
    _process: Process,
    directory: TempDir,
    url: String,
}

impl Server {
    /// A server with a stream LOG of `log.>` and a user that may publish to `log.>` and `other.>`.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let make = "import nkeys, os, sys; seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER); \
                    open(sys.argv[1], 'wb').write(seed); print(nkeys.from_seed(bytearray(seed)).public_key.decode())";
        let mut python = Command::new(tools::python());
        python.args(["-c", make]).arg(directory.path().join("user.nk"));
        let user = run(python, RUN).await.unwrap().success().unwrap();
        let port = free_port().unwrap();
        let store = directory.path().display();
        let configuration = format!(
            r#"listen: "127.0.0.1:{port}"
            jetstream {{ store_dir: "{store}", max_file_store: 64M, max_memory_store: 16M }}
            accounts {{ A {{ jetstream: enabled, users: [{{ nkey: {user}, permissions: {{
                publish: ["log.>", "other.>", "$JS.API.STREAM.CREATE.LOG"], subscribe: ["_INBOX_user.>"] }} }}] }} }}"#
        );
        let file = directory.path().join("server.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = std::process::Command::new(tools::nats_server());
        command.arg("--config").arg(file);
        let mut process = Process::start("nats-server", command).unwrap();
        let connect = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        process.ready(RUN, connect).await.unwrap();
        let server = Self { _process: process, directory, url: format!("nats://127.0.0.1:{port}") };
        let stream = br#"{"name":"LOG","subjects":["log.>"],"storage":"memory"}"#;
        let made = server.client().request("$JS.API.STREAM.CREATE.LOG", stream).await.unwrap();
        assert!(made.contains("\"created\""), "{made}");
        server
    }

    fn client(&self) -> ForeignClient {
        ForeignClient::new(&self.url, self.directory.path().join("user.nk")).with_inbox_prefix("_INBOX_user")
    }
}

#[track_caller]
fn refusal(outcome: Outcome) -> String {
    let Outcome::Refused(reason) = outcome else { panic!("not refused: {outcome:?}") };
    reason
}

#[tokio::test]
async fn says_what_came_of_each_way_to_publish() {
    let server = Server::start().await;
    let client = server.client();
    let stored = |sequence| Outcome::Stored { stream: "LOG".to_owned(), sequence };
    assert_eq!(client.publish("log.a", b"{}").await.unwrap(), stored(1));
    assert_eq!(client.send("log.a", b"{}").await.unwrap(), Outcome::Sent);
    assert_eq!(client.send_raw("log.a", Some("some.reply"), b"{}").await.unwrap(), Outcome::Sent);
    assert_eq!(client.publish("log.a", b"").await.unwrap(), stored(4));
}

#[tokio::test]
async fn a_refusal_carries_the_servers_reason() {
    let server = Server::start().await;
    let client = server.client();
    for outcome in [
        client.publish("secret.a", b"{}").await.unwrap(),
        client.send("secret.a", b"{}").await.unwrap(),
        client.send_raw("secret.a", None, b"{}").await.unwrap(),
    ] {
        let reason = refusal(outcome).to_lowercase();
        assert!(reason.contains("permissions violation") && reason.contains("secret.a"), "{reason}");
    }
    assert_eq!(refusal(client.publish("other.a", b"{}").await.unwrap()), "no responders");
}

#[tokio::test]
async fn a_stranger_is_refused_and_an_absent_server_is_an_error() {
    let server = Server::start().await;
    let stranger = server.directory.path().join("stranger.nk");
    // The seed that the documentation of nkeys gives as its example.
    std::fs::write(&stranger, "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU").unwrap();
    let client = ForeignClient::new(&server.url, &stranger);
    assert!(refusal(client.send("log.a", b"{}").await.unwrap()).contains("Authorization"));
    assert!(refusal(client.send_raw("log.a", None, b"{}").await.unwrap()).contains("Authorization"));
    let nowhere = ForeignClient::new(format!("nats://127.0.0.1:{}", free_port().unwrap()), &stranger);
    nowhere.send("log.a", b"{}").await.unwrap_err();
    nowhere.send_raw("log.a", None, b"{}").await.unwrap_err();
}
