//! Who tells the story: aloud in the demo, silently in a test. A claim that does not hold ends it.

use std::{fmt::Display, time::Instant};

use anyhow::{Result, bail};

/// Tells what happens and what is claimed.
#[derive(Debug)]
pub struct Teller {
    voice: Voice,
    began: Instant,
    claims: usize,
}

/// Whether anybody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// On standard output.
    Aloud,
    /// Nowhere.
    Silent,
}

impl Teller {
    /// A teller who begins now.
    pub fn new(voice: Voice) -> Self {
        Self { voice, began: Instant::now(), claims: 0 }
    }

    /// A new chapter.
    pub fn chapter(&self, title: &str) {
        self.line(format_args!("\n{title}"));
    }

    /// Something that is done.
    pub fn say(&self, what: impl Display) {
        self.line(format_args!("{:>7.1} s    {what}", self.began.elapsed().as_secs_f64()));
    }

    /// Something that must be so.
    pub fn claim(&mut self, what: impl Display, holds: bool) -> Result<()> {
        if !holds {
            bail!("does not hold: {what}");
        }
        self.claims += 1;
        self.line(format_args!("{:>7.1} s  ✓ {what}", self.began.elapsed().as_secs_f64()));
        Ok(())
    }

    /// How many claims have held.
    pub fn claims(&self) -> usize {
        self.claims
    }

    /// A line as it is.
    #[expect(clippy::print_stdout, reason = "telling is what it is for")]
    pub fn line(&self, line: impl Display) {
        if self.voice == Voice::Aloud {
            println!("{line}");
        }
    }
}
