//! What ShellCheck prints: its format `json1`, as far as it is needed. Not what becomes of it.
//!
//! `{"comments": [{"file", "line", "column", "level", "code", "message", …}]}`

use lint::{Finding, Level};
use serde::{Deserialize, Serialize};

/// One thing ShellCheck says about a script, whichever line the script has in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    code: u32,
    level: Severity,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Error,
    Warning,
    Info,
    Style,
}

#[derive(Deserialize)]
struct Report {
    comments: Vec<Comment>,
}

#[derive(Deserialize)]
struct Comment {
    /// The script's number.
    file: String,
    #[serde(flatten)]
    note: Note,
}

/// The notes about each of so many scripts, each code once, by code.
pub(crate) fn read(printed: &[u8], scripts: usize) -> Result<Vec<Vec<Note>>, serde_json::Error> {
    let report: Report = serde_json::from_slice(printed)?;
    let mut notes: Vec<Vec<Note>> = vec![Vec::new(); scripts];
    for Comment { file, note } in report.comments {
        if let Some(own) = file.parse().ok().and_then(|number: usize| notes.get_mut(number)) {
            own.push(note);
        }
    }
    for own in &mut notes {
        own.sort_by_key(|note| note.code);
        own.dedup_by_key(|note| note.code);
    }
    Ok(notes)
}

impl Note {
    /// The note as a finding on that line.
    pub(crate) fn on(&self, line: usize) -> Finding {
        let level = match self.level {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Info => Level::Info,
            Severity::Style => Level::Style,
        };
        let (code, message) = (format!("SC{}", self.code).into(), self.message.clone().into());
        Finding { line, code, level, message, fix: Vec::new(), span: None }
    }
}
