//! A scanner whose ShellCheck answers, fails, is missing, and is not wanted: it scans all the same, and says so.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use events::{
    order,
    rpc::{ScanReply, ScanRequest},
};
use serde_json::json;
use testkit::wait::eventually;
use tests::world::STEP;

use super::Desk;

/// What the program says, whatever it is asked: the real one's version is not what this is about.
const ANSWERS: &str = r#"echo '{"comments": [{"file": "0", "level": "info", "code": 2086, "message": "Quote it.", "fix": null}]}'; exit 1"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_are_checked_while_shellcheck_answers() {
    let _machine = super::super::machine().await;
    let mut desk = Desk::start_with(|command, folder| {
        let tools = folder.join("tools");
        fs::create_dir(&tools)?;
        place(&tools, ANSWERS)?;
        command.env("PATH", tools);
        Ok(())
    })
    .await
    .unwrap();
    let played = checked(&mut desk).await;
    desk.tell(played);
}

fn place(tools: &Path, says: &str) -> Result<()> {
    testkit::script::write(&tools.join("shellcheck"), &format!("#!/bin/sh\n{says}\n"))
}

async fn checked(desk: &mut Desk) -> Result<()> {
    let policy = json!({"name": "shell", "projects": ["*"], "deny": ["SC2086"]});
    let tools = desk.broker.folder().join("tools");
    desk.order(order::POLICY, &policy).await?;
    eventually("the policy to hold", STEP, async || -> Result<()> {
        let reply = scan(desk, "echo $x").await?;
        let said = reply.findings.iter().find(|found| found.code == "SC2086").context("it is not told")?;
        ensure!(said.line == 2 && said.level == "info" && reply.refused, "{reply:?}");
        Ok(())
    })
    .await?;
    ensure!(scan(desk, "echo $x; sudo x").await?.findings.iter().any(|found| found.code == "DL3004"));
    ensure!(told(desk, "checked by ShellCheck") == 1 && told(desk, "goes on without") == 0);
    // It fails: nobody is refused for that, and the log has it once a scan.
    place(&tools, "exit 4")?;
    let reply = scan(desk, "echo $y").await?;
    ensure!(!reply.refused && !codes(&reply).contains(&"SC2086"), "{reply:?}");
    ensure!(told(desk, "goes on without") == 1);
    // What it said before is kept.
    ensure!(scan(desk, "echo $x").await?.refused && told(desk, "goes on without") == 1);
    // It is not there.
    fs::remove_file(tools.join("shellcheck"))?;
    again(desk).await?;
    ensure!(!scan(desk, "echo $x").await?.refused && told(desk, "is not installed") == 1);
    // It is there, and not wanted.
    place(&tools, ANSWERS)?;
    let file = desk.broker.folder().join("scanner.toml");
    let text = fs::read_to_string(&file)?;
    fs::write(&file, text.replace("[scanner]\n", "[scanner]\nshellcheck = false\n"))?;
    again(desk).await?;
    ensure!(!scan(desk, "echo $x").await?.refused);
    ensure!(told(desk, "is not installed") == 1 && told(desk, "checked by ShellCheck") == 1);
    Ok(())
}

async fn again(desk: &mut Desk) -> Result<()> {
    desk.scanner.kill()?;
    desk.scanner.restart()?;
    desk.health("200").await?;
    eventually("the scanner to answer", STEP, async || scan(desk, "true").await).await.map(drop)
}

async fn scan(desk: &Desk, step: &str) -> Result<ScanReply> {
    let definition = format!("FROM reg.example/os:1\nRUN {step}\nUSER 1000\n");
    let request = ScanRequest { definition, project: "shop".parse().ok(), ..ScanRequest::default() };
    Ok(desk.worker.ask(request, STEP).await?)
}

fn codes(reply: &ScanReply) -> Vec<&str> {
    reply.findings.iter().map(|found| found.code.as_str()).collect()
}

/// How often the log has it.
fn told(desk: &Desk, what: &str) -> usize {
    desk.scanner.log().matches(what).count()
}
