//! Pushes, what they send, and what may be fetched.

use super::*;
use crate::command::run_with_input;
use crate::wait::eventually;

/// Takes one request, answers with the status given, and prints headers and body as JSON.
const RECEIVER: &str = r#"
import http.server, json, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(json.dumps({"headers": dict(self.headers), "body": body}), flush=True)
        self.send_response(int(sys.argv[2]))
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
"#;

async fn receiver(status: &str) -> (Process, Webhook) {
    let port = free_port().unwrap();
    let mut command = std::process::Command::new(tools::python());
    command.args(["-c", RECEIVER, &port.to_string(), status]);
    let mut process = Process::start("receiver", command).unwrap();
    process.ready(START, async || TcpStream::connect(("127.0.0.1", port)).await).await.unwrap();
    let webhook = Webhook { url: format!("http://127.0.0.1:{port}/"), secret: "key".to_owned() };
    (process, webhook)
}

async fn hmac_sha256(key: &str, text: &str) -> String {
    let script = "import hashlib, hmac, sys; \
                  print(hmac.new(sys.argv[1].encode(), sys.stdin.buffer.read(), hashlib.sha256).hexdigest())";
    let mut command = Command::new(tools::python());
    command.args(["-c", script, key]);
    run_with_input(command, text.as_bytes(), STEP).await.unwrap().success().unwrap()
}

#[tokio::test]
async fn a_push_sends_giteas_webhook() {
    let (receiver, webhook) = receiver("202").await;
    let host = GitHost::start(Some(webhook)).await.unwrap();
    let url = host.create("harbour/app").await.unwrap();
    let first =
        host.commit_and_push("harbour/app", &[("Dockerfile", "FROM base:1\n")], "first").await.unwrap();
    let files = [("Dockerfile", "FROM base:2\n"), ("src/main", "x")];
    let second = host.commit_and_push("harbour/app", &files, "second").await.unwrap();

    let log = receiver.log();
    let sent: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let raw = sent["body"].as_str().unwrap();
    let body: Value = serde_json::from_str(raw).unwrap();
    assert_eq!(sent["headers"]["X-Gitea-Event"], "push");
    assert_eq!(sent["headers"]["X-Gitea-Signature"], hmac_sha256("key", raw).await);
    assert_eq!(body["ref"], "refs/heads/main");
    assert_eq!(body["before"], first);
    assert_eq!(body["after"], second);
    assert_eq!(body["repository"]["full_name"], "harbour/app");
    assert_eq!(body["repository"]["clone_url"], url);
    assert_eq!(body["commits"][0]["added"], json!(["src/main"]));
    assert_eq!(body["commits"][0]["modified"], json!(["Dockerfile"]));
    let accepted = |commit| Delivery { repository: "harbour/app".to_owned(), commit, status: Some(202) };
    assert_eq!(host.deliveries().unwrap(), [accepted(first), accepted(second)]);
}

#[tokio::test]
async fn a_push_stands_when_its_webhook_fails() {
    let host = GitHost::start(None).await.unwrap();
    host.create("app").await.unwrap();
    host.commit_and_push("app", &[("a", "1")], "unreported").await.unwrap();
    assert_eq!(host.deliveries().unwrap(), []);
    let (receiver, webhook) = receiver("503").await;
    host.report_to(&webhook).unwrap();
    host.commit_and_push("app", &[("a", "2")], "refused").await.unwrap();
    drop(receiver);
    host.commit_and_push("app", &[("a", "3")], "unanswered").await.unwrap();
    let statuses: Vec<_> = host.deliveries().unwrap().iter().map(|delivery| delivery.status).collect();
    assert_eq!(statuses, [Some(503), None]);
}

#[tokio::test]
async fn a_commit_is_fetched_by_its_id_when_no_branch_names_it() {
    let host = GitHost::start(None).await.unwrap();
    let url = host.create("app").await.unwrap();
    let commit = host.commit_and_push("app", &[("a", "1")], "one").await.unwrap();
    host.commit_and_push("app", &[("a", "2")], "two").await.unwrap();
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), clone.path(), ["init", "--quiet"]).await.unwrap();
    git(clone.path(), clone.path(), ["fetch", "--quiet", "--depth=1", &url, &commit]).await.unwrap();
    let fetched = git(clone.path(), clone.path(), ["rev-parse", "FETCH_HEAD"]).await.unwrap();
    assert_eq!(fetched, commit);
}

#[tokio::test]
async fn reads_what_others_pushed() {
    let host = GitHost::start(None).await.unwrap();
    let url = host.create("app").await.unwrap();
    host.commit_and_push("app", &[("Dockerfile", "FROM a\n")], "one").await.unwrap();
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), clone.path(), ["clone", "--quiet", &url, "."]).await.unwrap();
    write(clone.path().join("Dockerfile"), "FROM b\n").unwrap();
    git(clone.path(), clone.path(), ["commit", "--quiet", "--all", "--message", "bump"]).await.unwrap();
    git(clone.path(), clone.path(), ["push", "--quiet", "origin", "HEAD:refs/heads/plimsoll/bump"])
        .await
        .unwrap();

    assert_eq!(host.branches("app").await.unwrap(), ["main", "plimsoll/bump"]);
    let read = async |branch, file| host.read_branch("app", branch, file).await.unwrap();
    assert_eq!(read("plimsoll/bump", "Dockerfile").await.as_deref(), Some("FROM b\n"));
    assert_eq!(read("main", "Dockerfile").await.as_deref(), Some("FROM a\n"));
    assert_eq!(read("main", "absent").await, None);
    assert_eq!(read("absent", "Dockerfile").await, None);
    host.commit_and_push("app", &[("Dockerfile", "FROM a\n")], "nothing").await.unwrap_err();
}

#[tokio::test]
async fn nothing_is_left() {
    let host = GitHost::start(None).await.unwrap();
    host.create("app").await.unwrap();
    let (directory, port) = (host.directory.path().to_owned(), host.port);
    assert!(directory.exists());
    drop(host);
    assert!(!directory.exists());
    let refused = async || TcpStream::connect(("127.0.0.1", port)).await.is_err();
    eventually("the port to be closed", START, refused).await.unwrap();
}
