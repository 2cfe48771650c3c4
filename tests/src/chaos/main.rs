//! `chaos --seed N --minutes M --only WORD`: one run, its report on standard output, and exit code 1 where a claim does not hold.

use std::{
    io::{Write as _, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tests::chaos::{
    run::{Options, run},
    schedule::Fault,
};

/// A quarter of an hour with start and end.
const MINUTES: f64 = 10.0;
/// Longer runs fill the small disk with what they record.
const MOST_MINUTES: f64 = 60.0;

#[tokio::main]
async fn main() -> ExitCode {
    let ran = async {
        let options = options(std::env::args().skip(1))?;
        writeln!(stderr(), "seed {}; the same seed plans the same faults", options.seed)?;
        run(&options).await
    };
    match ran.await {
        Ok(report) => {
            let written = writeln!(stdout(), "{report}");
            if report.holds() && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            writeln!(stderr(), "the run could not be made: {error:#}").ok();
            ExitCode::from(2)
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let (mut seed, mut minutes, mut kinds) = (None, MINUTES, Fault::all());
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} takes a value"))?;
        match argument.as_str() {
            "--seed" => seed = Some(value.parse().context("--seed takes a whole number")?),
            "--minutes" => minutes = value.parse().context("--minutes takes a number")?,
            // As the report names them: `disk`, `gate`, `SIGSTOP`.
            "--only" => kinds.retain(|kind| kind.to_string().contains(&value)),
            other => bail!("{other} is unknown; write --seed N, --minutes M and --only WORD"),
        }
    }
    if !(0.1..=MOST_MINUTES).contains(&minutes) {
        bail!("--minutes takes a number from 0.1 to {MOST_MINUTES}");
    }
    if kinds.is_empty() {
        let all: Vec<String> = Fault::all().iter().map(ToString::to_string).collect();
        bail!("--only leaves nothing; there are: {}", all.join(", "));
    }
    let seed = match seed {
        Some(seed) => seed,
        None => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs(),
    };
    let logs = PathBuf::from("target/chaos").join(seed.to_string());
    Ok(Options { seed, length: Duration::from_secs_f64(minutes * 60.0), kinds, logs })
}
