//! `plimsoll lint` and `explain` as people and pipelines call them: what is printed, and how it ends.

mod catalog;

use std::{fs, time::Duration};

use serde_json::Value;
use testkit::command::{Finished, run_with_input};
use tests::world::program;
use tokio::process::Command;

/// Far beyond what a command over a handful of files takes, on a machine that does other things too.
const BOUND: Duration = Duration::from_secs(60);

const GOOD: &str = "FROM reg.example/os:10.4.9\nUSER 1000\n";
const REFUSED: &str = "FROM reg.example/os:10.4.9\nRUN sudo true\nUSER 1000\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap()
    }

    /// Runs `plimsoll` there, with neither configuration nor cache of whoever runs the tests.
    async fn plimsoll(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = Command::new(program("plimsoll"));
        command.args(arguments).current_dir(self.0.path());
        command.env("HOME", self.0.path()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
        run_with_input(command, input.as_bytes(), BOUND).await.unwrap()
    }
}

#[track_caller]
fn check(finished: &Finished, code: i32, says: &str) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    let both = format!("{}{}", finished.stdout, finished.stderr);
    assert!(both.contains(says), "{finished:?}");
    assert!(!both.contains("panicked"), "{finished:?}");
}

#[tokio::test]
async fn the_exit_code_says_how_it_went() {
    let folder = Folder::with(&[
        ("good", GOOD.as_bytes()),
        ("bad", REFUSED.as_bytes()),
        ("binary", b"FROM a:1\n\xff\n"),
        ("empty/README", b""),
        ("tree/a/Dockerfile", GOOD.as_bytes()),
        ("tree/b/web.Dockerfile", REFUSED.as_bytes()),
        ("tree/b/notes.txt", b"RUN sudo x"),
    ]);
    check(&folder.plimsoll(&["lint", "good"], "").await, 0, "");
    check(&folder.plimsoll(&["lint", "good", "bad"], "").await, 1, "bad:2 DL3004 error");
    check(&folder.plimsoll(&["lint", "--no-fail", "bad"], "").await, 0, "DL3004");
    check(&folder.plimsoll(&["lint", "-"], REFUSED).await, 1, "-:2 DL3004 error");
    check(&folder.plimsoll(&["lint", "binary"], "").await, 1, "binary:2 DL1000 error");
    check(&folder.plimsoll(&["lint", "tree"], "").await, 1, "tree/b/web.Dockerfile:2 DL3004");
    check(&folder.plimsoll(&["lint", "empty"], "").await, 2, "no definition in this folder");
    check(&folder.plimsoll(&["lint", "gone", "bad"], "").await, 2, "bad:2 DL3004");
    check(&folder.plimsoll(&["lint", "--format", "xx", "good"], "").await, 2, "not a format");
    check(
        &folder.plimsoll(&["lint", "--output", "no/such/folder", "good"], "").await,
        3,
        "cannot be written",
    );
    fs::write(folder.0.path().join("c.yaml"), "ignored: DL3006\n").unwrap();
    let configured = folder.plimsoll(&["lint", "-c", "c.yaml", "good"], "").await;
    check(
        &configured,
        2,
        "c.yaml: line 1: `ignored` takes a list; write it as in `ignored: [one, another]`\n",
    );
    assert_eq!(configured.stderr.lines().count(), 1, "{configured:?}");
    assert_eq!(configured.stderr.matches("takes a list").count(), 1, "{configured:?}");
    // What has no end is not waited for.
    check(&folder.plimsoll(&["lint", "-c", "/dev/zero", "good"], "").await, 2, "more than 16 MiB");
    check(&folder.plimsoll(&["lint", "--catalog", "/dev/zero", "good"], "").await, 2, "more than 16 MiB");
    // An engine that fails is broken, to the platforms that these two formats are for.
    check(&folder.plimsoll(&["lint", "--format", "codeclimate", "bad"], "").await, 0, "DL3004");
}

#[tokio::test]
async fn many_files_are_reported_in_order() {
    let names: Vec<String> = (0..700).map(|number| format!("tree/{number:03}/Dockerfile")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), REFUSED.as_bytes())).collect();
    let folder = Folder::with(&files);
    let finished = folder.plimsoll(&["lint", "--format", "json", "--jobs", "3", "tree"], "").await;
    let findings: Vec<Value> = serde_json::from_str(&finished.stdout).unwrap();
    let order: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["code"] == "DL3004")
        .map(|finding| finding["file"].as_str().unwrap())
        .collect();
    assert_eq!(order, names);
}

#[tokio::test]
async fn what_is_left_out_of_the_context_counts() {
    let folder = Folder::with(&[
        ("a/Dockerfile", b"FROM a:1\nCOPY secret.txt /\nUSER 1\n"),
        ("a/.dockerignore", b"secret.txt\n"),
        ("a/other", b"FROM a:1\nCOPY secret.txt /\nUSER 1\n"),
        ("a/other.dockerignore", b"*.md\n"),
    ]);
    let lint = async |file: &'static str, more: &[&'static str]| {
        folder.plimsoll(&[&["lint", "--no-shellcheck", file], more].concat(), "").await
    };
    check(&lint("a/Dockerfile", &["--docker-checks"]).await, 1, "a/Dockerfile:2 CopyIgnoredFile warning");
    check(&lint("a/other", &["--docker-checks"]).await, 0, "");
    check(&lint("a/Dockerfile", &[]).await, 0, "");
}

#[tokio::test]
async fn a_folder_may_be_called_like_a_definition() {
    let folder = Folder::with(&[
        ("Dockerfile/a/Dockerfile", REFUSED.as_bytes()),
        ("Dockerfile/b/Dockerfile", REFUSED.as_bytes()),
        ("Dockerfile/notes", REFUSED.as_bytes()),
        ("Dockerfile.d/README", b""),
        ("last", REFUSED.as_bytes()),
    ]);
    let finished = folder.plimsoll(&["lint", "--format", "json", "Dockerfile", "last"], "").await;
    let findings: Vec<Value> = serde_json::from_str(&finished.stdout).unwrap();
    let order: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["code"] == "DL3004")
        .map(|finding| finding["file"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["Dockerfile/a/Dockerfile", "Dockerfile/b/Dockerfile", "last"]);
    let empty = folder.plimsoll(&["lint", "last", "Dockerfile.d"], "").await;
    check(&empty, 2, "no definition in this folder");
    assert_eq!(empty.stdout, "");
    // Of many paths not each is asked beforehand what it is: the report has begun by then, and is brought to its end.
    let mut many = vec!["lint", "--format", "json", "--no-shellcheck"];
    many.extend(["last"; 600]);
    many.extend(["Dockerfile.d", "Dockerfile"]);
    let finished = folder.plimsoll(&many, "").await;
    check(&finished, 2, "no definition in this folder");
    let findings: Vec<Value> = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(findings.iter().filter(|finding| finding["code"] == "DL3004").count(), 602);
}

#[tokio::test]
async fn the_report_goes_to_a_file_and_names_the_path_it_is_told() {
    let folder = Folder::with(&[("bad", REFUSED.as_bytes())]);
    let arguments =
        ["lint", "-f", "checkstyle", "--file-path-in-report", "src/Dockerfile", "-o", "report.xml", "bad"];
    let finished = folder.plimsoll(&arguments, "").await;
    check(&finished, 1, "");
    assert_eq!(finished.stdout, "");
    let report = fs::read_to_string(folder.0.path().join("report.xml")).unwrap();
    assert!(report.contains("<file name=\"src/Dockerfile\">"), "{report}");
}

#[tokio::test]
async fn what_can_be_mended_is_mended_and_the_rest_reported() {
    let folder = Folder::with(&[("bad", b"FROM a:1\r\nADD app.py /app/\r\nRUN sudo true\r\nUSER 1000\r\n")]);
    let finished = folder.plimsoll(&["lint", "--fix", "bad"], "").await;
    check(&finished, 1, "bad:3 DL3004 error");
    assert!(!finished.stdout.contains("DL3020"), "{finished:?}");
    let mended = fs::read_to_string(folder.0.path().join("bad")).unwrap();
    assert_eq!(mended, "FROM a:1\r\nCOPY app.py /app/\r\nRUN sudo true\r\nUSER 1000\r\n");
    check(&folder.plimsoll(&["lint", "--fix", "-"], "FROM a:1\nADD x.py /\n").await, 2, "name the file");
}

#[tokio::test]
async fn flags_file_and_environment_come_together() {
    let folder = Folder::with(&[
        ("bad", REFUSED.as_bytes()),
        ("nested/bad", REFUSED.as_bytes()),
        ("nested/.hadolint.yaml", b"ignored: [DL3004]\n"),
        ("wrong.yaml", b"ignord: [DL3004]\nfailure-threshold: loud\n"),
        ("labels", b"FROM a:1\nLABEL a=b\nUSER 1000\n"),
    ]);
    check(&folder.plimsoll(&["lint", "--ignore", "DL3004", "bad"], "").await, 0, "");
    check(&folder.plimsoll(&["lint", "-c", "nested/.hadolint.yaml", "bad"], "").await, 0, "");
    check(&folder.plimsoll(&["lint", "--style", "DL3004", "-t", "info", "bad"], "").await, 0, "DL3004 style");
    check(&folder.plimsoll(&["lint", "-t", "loud", "bad"], "").await, 2, "loud");
    check(&folder.plimsoll(&["lint", "--require-label", "mail:email", "labels"], "").await, 1, "DL3049");
    check(&folder.plimsoll(&["lint", "--trusted-registry", "x.io", "bad"], "").await, 1, "DL3026");
    let wrong = folder.plimsoll(&["lint", "-c", "wrong.yaml", "bad"], "").await;
    check(&wrong, 2, "ignord");
    check(&wrong, 2, "loud");
}

#[tokio::test]
async fn scripts_are_checked_where_shellcheck_is_installed() {
    let folder = Folder::with(&[("script", b"FROM a:1\nRUN echo $HOME/$1 && rm $2\nUSER 1000\n")]);
    check(&folder.plimsoll(&["lint", "script"], "").await, 1, "script:2 SC2086 info");
    check(&folder.plimsoll(&["lint", "script"], "").await, 1, "script:2 SC2086 info");
    let without = folder.plimsoll(&["lint", "--no-shellcheck", "script"], "").await;
    assert!(!without.stdout.contains("SC2086"), "{without:?}");
}

#[tokio::test]
async fn a_shellcheck_that_fails_takes_nothing_else_with_it() {
    let folder = Folder::with(&[("bin/README", b""), ("bad", REFUSED.as_bytes())]);
    testkit::script::write(&folder.0.path().join("bin/shellcheck"), "#!/bin/sh\nexit 7\n").unwrap();
    let mut command = Command::new(program("plimsoll"));
    command.args(["lint", "--no-fail", "--format", "json", "bad"]).current_dir(folder.0.path());
    command.env("PATH", folder.0.path().join("bin")).env("HOME", folder.0.path());
    command.env_remove("XDG_CACHE_HOME").env_remove("XDG_CONFIG_HOME");
    let finished = run_with_input(command, b"", BOUND).await.unwrap();
    check(&finished, 3, "is missing");
    let findings: Vec<Value> = serde_json::from_str(&finished.stdout).unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == "DL3004"), "{finished:?}");
}

#[tokio::test]
async fn what_a_report_is_about_is_not_written_over() {
    let folder = Folder::with(&[("bad", REFUSED.as_bytes())]);
    check(&folder.plimsoll(&["lint", "-o", "bad", "bad"], "").await, 2, "write the report to another");
    assert_eq!(folder.read("bad"), REFUSED);
}

#[tokio::test]
async fn the_shell_that_is_asked_for_is_nobodys_mistake() {
    let shell = "FROM a:1\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN echo a | sort\nUSER 1\n";
    let named = "FROM a:1\nSHELL [\"bash\", \"-c\"]\nRUN echo a\nUSER 1\n";
    let folder = Folder::with(&[("shell", shell.as_bytes()), ("named", named.as_bytes())]);
    check(&folder.plimsoll(&["lint", "shell", "named"], "").await, 0, "");
}

#[tokio::test]
async fn policies_are_tried_where_they_are_written() {
    let user = b"package main\nimport rego.v1\n\ndeny contains msg if {\n\tsome i\n\tinput[i].Cmd == \"user\"\n\tinput[i].Value[0] == \"root\"\n\tmsg := \"root is not allowed\"\n}\n";
    let test = b"package main\nimport rego.v1\n\ntest_root if {\n\tcount(deny) == 1 with input as [{\"Cmd\": \"user\", \"Value\": [\"root\"]}]\n}\n";
    let broken = b"package main\nimport rego.v1\n\ndeny contains msg if {\n\tmsg := \n}\n";
    let folder = Folder::with(&[
        ("rules/user.rego", user),
        ("rules/user_test.rego", test),
        ("untested/user.rego", user),
        ("broken/a.rego", broken),
        ("failing/a.rego", b"package main\nimport rego.v1\n\ntest_no if {\n\tfalse\n}\n"),
        ("good", GOOD.as_bytes()),
        ("root", b"FROM a:1\nUSER root\n"),
        ("odd", b"FROM a:1\nFOO x\n"),
        ("data.json", b"[1]"),
    ]);
    let data = ["policy", "check", "rules", "--data", "data.json", "good"];
    check(&folder.plimsoll(&data, "").await, 2, "data.json is no JSON object");
    check(&folder.plimsoll(&["policy", "test", "rules"], "").await, 0, "1 of 1 tests passed");
    check(&folder.plimsoll(&["policy", "test", "failing"], "").await, 1, "main.test_no FAILED");
    check(&folder.plimsoll(&["policy", "test", "untested"], "").await, 2, "no test in");
    check(&folder.plimsoll(&["policy", "test", "broken"], "").await, 2, "broken/a.rego:");
    check(&folder.plimsoll(&["policy", "test", "gone"], "").await, 2, "gone");
    check(&folder.plimsoll(&["policy", "check", "rules", "good"], "").await, 0, "");
    check(&folder.plimsoll(&["policy", "check", "rules", "root"], "").await, 1, "root is not allowed");
    let piped = folder.plimsoll(&["policy", "check", "rules", "-"], "FROM a:1\nUSER root\n").await;
    check(&piped, 1, "-:1 main.deny");
    // Each definition costs itself alone.
    let several = folder.plimsoll(&["policy", "check", "rules", "odd", "gone", "root"], "").await;
    check(&several, 1, "root:1 main.deny");
    check(&several, 1, "definitions without an answer: 1");
    check(&several, 1, "gone cannot be read");
    check(
        &folder.plimsoll(&["policy", "check", "rules", "gone", "good"], "").await,
        2,
        "not every definition",
    );
    // As a mounted ConfigMap has its files.
    fs::create_dir_all(folder.0.path().join("mounted/..data")).unwrap();
    fs::write(folder.0.path().join("mounted/..data/a.rego"), user).unwrap();
    std::os::unix::fs::symlink("..data/a.rego", folder.0.path().join("mounted/a.rego")).unwrap();
    check(&folder.plimsoll(&["policy", "check", "mounted", "root"], "").await, 1, "findings that deny: 1");
}

#[tokio::test]
async fn policies_take_no_more_here_than_in_the_pipeline() {
    let head = "package main\nimport rego.v1\n\n";
    let tests = format!(
        "{head}test_large if {{\n\tcount(numbers.range(1, 200000000)) > 0\n}}\n\ntest_good if {{\n\ttrue\n}}\n\n\
         test_slow if {{\n\tsome i in numbers.range(1, 300000)\n\tsome j in numbers.range(1, 300000)\n\ti + j < 0\n}}\n"
    );
    let deny = format!(
        "{head}deny contains msg if {{\n\tcount(numbers.range(1, 200000000)) > 0\n\tmsg := \"x\"\n}}\n"
    );
    let folder = Folder::with(&[
        ("tests/a.rego", tests.as_bytes()),
        ("large/a.rego", deny.as_bytes()),
        ("good", GOOD.as_bytes()),
    ]);
    let tested = folder.plimsoll(&["policy", "test", "--timeout-ms", "500", "tests"], "").await;
    check(&tested, 1, "2 of 3 tests failed");
    check(&tested, 1, "main.test_large BROKEN: it did not answer within");
    check(&tested, 1, "main.test_slow BROKEN: ");
    assert!(!tested.stdout.contains("test_good"), "{tested:?}");
    let checked = folder.plimsoll(&["policy", "check", "large", "good", "good"], "").await;
    check(&checked, 1, "the policy did not answer within");
    check(&checked, 1, "definitions without an answer: 2");
}

#[tokio::test]
async fn rules_explain_themselves() {
    let folder = Folder::with(&[]);
    let one = folder.plimsoll(&["explain", "dl3004"], "").await;
    check(&one, 0, "# DL3004: ");
    assert!(!one.stdout.contains("fires="), "{}", one.stdout);
    check(&folder.plimsoll(&["explain"], "").await, 0, "DL3004");
    check(&folder.plimsoll(&["explain", "SC2086"], "").await, 0, "ShellCheck");
    check(&folder.plimsoll(&["explain", "pl2001"], "").await, 0, "in the catalog");
    check(&folder.plimsoll(&["explain"], "").await, 0, "PL2003");
    check(&folder.plimsoll(&["explain", "DL9999"], "").await, 2, "there is no rule DL9999");
}

#[tokio::test]
async fn a_reader_that_has_gone_is_nobodys_fault() {
    for arguments in [["explain", "DL3004"], ["explain", "DL9999"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(program("plimsoll"));
        command.args(arguments).stdout(writer.try_clone().unwrap()).stderr(writer);
        let code = command.status().await.unwrap().code();
        let due = if arguments[1] == "DL3004" { 0 } else { 2 };
        assert_eq!(code, Some(due), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_a_fault() {
    for arguments in [&["explain", "DL3004"][..], &["explain"], &["lint", "--help"], &["--version"]] {
        let mut command = Command::new(program("plimsoll"));
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let child = command.args(arguments).stdout(full).stderr(std::process::Stdio::piped()).spawn();
        let ended = child.unwrap().wait_with_output().await.unwrap();
        assert_eq!(ended.status.code(), Some(3), "{arguments:?}: {ended:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot be written"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_nobody_can_mean_is_not_sent() {
    let long = "x".repeat(5000);
    let folder = Folder::with(&[
        ("empty.json", br#"{"name": "p"}"#),
        ("never.json", br#"{"name": "p", "silencing": "never"}"#),
        ("ours/a.rego", b"package main\nimport rego.v1\ndeny contains \"x\" if false\n"),
    ]);
    let ban = ["ban", "reg.example/os:1", "--reason", &long];
    check(&folder.plimsoll(&ban, "").await, 2, "reason: it takes 5000 bytes");
    check(&folder.plimsoll(&["apply", "policy", "empty.json"], "").await, 2, "asks nothing");
    let silencing =
        "field `silencing`: `never` says nothing about comments; write one of heard, with-reason, forbidden";
    check(&folder.plimsoll(&["apply", "policy", "never.json"], "").await, 2, silencing);
    let apply = ["policy", "apply", "ours", "--silencing", "never"];
    check(&folder.plimsoll(&apply, "").await, 2, silencing);
    let apply = ["policy", "apply", "never.json", "--silencing", "forbidden"];
    check(&folder.plimsoll(&apply, "").await, 2, "is the order itself");
    let ban = ["ban", "reg.example/os:1", "--reason", "r", "--expires", "tomorrow"];
    check(&folder.plimsoll(&ban, "").await, 2, "as in 2026-12-24T18:00:00Z");
}

#[tokio::test]
async fn what_a_folder_cannot_give_is_not_passed_over() {
    let folder =
        Folder::with(&[("links/shared.txt", REFUSED.as_bytes()), ("gone/a/Dockerfile", GOOD.as_bytes())]);
    let root = folder.0.path();
    std::os::unix::fs::symlink("shared.txt", root.join("links/Dockerfile")).unwrap();
    std::os::unix::fs::symlink(".", root.join("links/Dockerfile.d")).unwrap();
    std::os::unix::fs::symlink("nowhere", root.join("gone/Dockerfile")).unwrap();
    check(&folder.plimsoll(&["lint", "links"], "").await, 1, "links/Dockerfile:2 DL3004");
    check(&folder.plimsoll(&["lint", "gone"], "").await, 2, "gone/Dockerfile: cannot be read");
    std::os::unix::fs::symlink("Dockerfile", root.join("gone/a/Dockerfile.a")).unwrap();
    std::os::unix::fs::symlink("loop.Dockerfile", root.join("gone/a/loop.Dockerfile")).unwrap();
    check(&folder.plimsoll(&["lint", "gone/a"], "").await, 3, "loop.Dockerfile: cannot be read");
}

#[tokio::test]
async fn a_pipe_is_read_while_somebody_writes() {
    let folder = Folder::with(&[("said", REFUSED.as_bytes())]);
    let made = Command::new("mkfifo").arg(folder.0.path().join("pipe")).status().await.unwrap();
    assert!(made.success());
    check(&folder.plimsoll(&["lint", "pipe"], "").await, 3, "nobody writes");
    let script = format!("{} lint <(sleep 0.2; cat said)", program("plimsoll").display());
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(folder.0.path());
    check(&run_with_input(command, b"", BOUND).await.unwrap(), 1, "DL3004");
}
