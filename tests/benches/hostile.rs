//! Whether work on hostile definitions grows with the text and not faster, and what ten megabytes of each kind cost.
//!
//! `just bench hostile`. Measured is the processor time of this one thread, the least of several runs, so that a busy machine disturbs
//! little; a kind whose time grows more than [`MOST_GROWTH`] times where its text grows [`TIMES`] times is measured again at greater
//! length, and fails the benchmark if it does so there too. Memory is counted exactly, by `tests/growth`.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use tests::hostile::{Shape, Work, shapes};

/// The shorter text.
const LENGTH: usize = 16 << 10;
/// Where a suspect is measured again.
const GREATER_LENGTH: usize = 64 << 10;
/// How many times longer the longer text is: far enough that a square is told from what caches cost.
const TIMES: usize = 16;
const RUNS: usize = 2;
/// Sixteen times, with what caches and a noisy machine add; what grows with the square grows 256 times.
const MOST_GROWTH: f64 = 48.0;
/// A definition at the limit of what `plimsoll lint` reads and beyond what anybody writes.
const LARGE: usize = 10_000_000;

fn main() -> Result<()> {
    let work = Work::new();
    let all = shapes();
    let mut suspects = Vec::new();
    let mut most = 0.0_f64;
    for shape in &all {
        let growth = growth(&work, shape, LENGTH);
        if growth > MOST_GROWTH {
            suspects.push(shape);
        } else {
            most = most.max(growth);
        }
    }
    let mut wrong = 0;
    for shape in &suspects {
        let growth = growth(&work, shape, GREATER_LENGTH);
        if growth > MOST_GROWTH {
            wrong += 1;
            say(&format!("{growth:.0} times the time for {TIMES} times the text: {}", shape.name()));
        } else {
            most = most.max(growth);
        }
    }
    say(&format!(
        "{} kinds of text, {} measured twice: {TIMES} times the text takes at most {most:.0} times the time (wanted: at most {MOST_GROWTH})",
        all.len(),
        suspects.len()
    ));
    ensure!(wrong == 0, "{wrong} kinds of text cost more than they weigh");
    large(&work, &all)
}

/// How many times longer [`TIMES`] times the text takes.
fn growth(work: &Work, shape: &Shape, length: usize) -> f64 {
    let short = least(work, &shape.of_length(length));
    let long = least(work, &shape.of_length(TIMES * length));
    long.as_secs_f64() / short.as_secs_f64()
}

fn least(work: &Work, text: &str) -> Duration {
    let linter = work.linter();
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let began = on_processor();
        work.on(&linter, text);
        least = least.min(on_processor() - began);
    }
    least
}

/// The slowest and the largest of what ten megabytes take, of one kind in 72: the kinds of one head are much alike.
fn large(work: &Work, all: &[Shape]) -> Result<()> {
    let linter = work.linter();
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
    let lines = all.iter().take(LINES).chain(all.iter().skip(2 * LINES).step_by(72));
    let mut count = 0;
    for shape in lines {
        let text = shape.of_length(LARGE);
        // From here on the kernel notes the most that is held.
        fs::write("/proc/self/clear_refs", "5")?;
        let before = held("VmRSS:")?;
        let began = on_processor();
        work.on(&linter, &text);
        let took = on_processor() - began;
        let bytes = held("VmHWM:")?.saturating_sub(before);
        slowest = slowest.max((took, shape.name()));
        largest = largest.max((bytes, shape.name()));
        count += 1;
    }
    say(&format!("{count} texts of {LARGE} bytes, everything done with each:"));
    say(&format!("  slowest {:.1} s: {}", slowest.0.as_secs_f64(), slowest.1));
    say(&format!("  most memory {} bytes for one of text: {}", largest.0 / LARGE, largest.1));
    Ok(())
}

/// How many of the first kinds are whole lines.
const LINES: usize = 65;

/// The time that this thread has been on a processor.
fn on_processor() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// The bytes that the process holds, by the name of that figure in its status.
fn held(figure: &str) -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).context("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
fn say(line: &str) {
    println!("{line}");
}
