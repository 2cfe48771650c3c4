//! The official parser as a child that lives as long as the comparison. Not what its answers mean.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, bail};
use serde_json::Value;

use super::reading::{self, Reading};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/official_parser.py");

/// The running peer.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it with a Python that finds it.
    pub fn start(python: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(python)
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the official parser")?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the official parser has no pipes");
        };
        Ok(Self { child, questions, answers: BufReader::new(answers) })
    }

    /// How it reads `text`.
    pub fn read(&mut self, text: &str) -> anyhow::Result<Reading> {
        writeln!(self.questions, "{}", text.len())?;
        self.questions.write_all(text.as_bytes())?;
        self.questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the official parser ended: {:?}", self.child.wait());
        }
        let answer: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        reading::theirs(&answer).with_context(|| line)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It waits for the next question; nothing is lost with it.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
