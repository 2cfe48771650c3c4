//! What a person reads after a run: each fault with the time to recovery, how long orders took, and every claim that does not hold.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{
    history::History,
    oracles::{self, Latency, Recovery, Violation},
    run::Options,
};

/// More lines of one claim are not read.
const MOST_LINES: usize = 20;

/// The outcome of a run.
#[derive(Debug)]
pub struct Report {
    /// The claims that do not hold; none after a good run.
    pub violations: Vec<Violation>,
    options: Options,
    recoveries: Vec<Recovery>,
    latencies: [(&'static str, Latency); 2],
    counts: String,
    unable: Vec<String>,
}

impl Report {
    /// Whether every claim holds, of a run that could do all of its work.
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.unable.is_empty()
    }

    pub(super) fn new(options: &Options, history: &History, unable: Vec<String>) -> Self {
        let acknowledged = history.orders.iter().filter(|order| order.acknowledged.is_some()).count();
        let mut decisions: BTreeMap<&str, usize> = BTreeMap::new();
        for check in &history.checks {
            *decisions.entry(&check.decision).or_default() += 1;
        }
        let decisions: Vec<String> =
            decisions.into_iter().map(|(decision, count)| format!("{decision} {count}")).collect();
        let counts = format!(
            "{} orders given, {acknowledged} acknowledged; {} checks ({}); {} publications; {} looks",
            history.orders.len(),
            history.checks.len(),
            decisions.join(", "),
            history.published.len(),
            history.looks.len()
        );
        Self {
            violations: oracles::violations(history),
            options: options.clone(),
            recoveries: oracles::recoveries(history),
            latencies: [
                ("while broker and invalidator were not touched", oracles::latency(history, true)),
                ("while the broker was not touched", oracles::latency(history, false)),
            ],
            counts,
            unable,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
        writeln!(f, "seed {}, {} s of faults", self.options.seed, self.options.length.as_secs())?;
        writeln!(f, "\n{:>8}  {:>7}  {:>9}  {:>11}  fault", "at s", "lasted", "back in s", "undisturbed")?;
        for Recovery { fault, from, lasted, after, undisturbed } in &self.recoveries {
            let after = after.map_or("never".to_owned(), seconds);
            let (from, lasted, undisturbed) = (seconds(*from), seconds(*lasted), seconds(*undisturbed));
            writeln!(f, "{from:>8}  {lasted:>7}  {after:>9}  {undisturbed:>11}  {fault}")?;
        }
        writeln!(f, "\n{}", self.counts)?;
        for (when, Latency { count, median, p99, worst }) in &self.latencies {
            writeln!(
                f,
                "orders accepted {when}: {count}, median {:.3} s, p99 {:.3} s, worst {:.3} s",
                median.as_secs_f64(),
                p99.as_secs_f64(),
                worst.as_secs_f64()
            )?;
        }
        for error in &self.unable {
            writeln!(f, "the run itself could not go on with a part of its work: {error}")?;
        }
        let mut by_oracle: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for violation in &self.violations {
            by_oracle.entry(violation.oracle).or_default().push(&violation.seen);
        }
        for (oracle, seen) in &by_oracle {
            writeln!(f, "\nVIOLATED: {oracle} ({} times)", seen.len())?;
            for line in seen.iter().take(MOST_LINES) {
                writeln!(f, "  {line}")?;
            }
        }
        if self.holds() {
            write!(f, "\nEvery claim holds.")
        } else {
            write!(f, "\nThe logs are in {}", self.options.logs.display())
        }
    }
}
