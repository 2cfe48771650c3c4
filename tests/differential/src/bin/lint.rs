//! `just test-differential`, the half about rules: generated and real files under hadolint and under ours, and a table.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::{collections::BTreeSet, env, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::Parser;
use differential::{
    Grammar, Random, Selection,
    lint::{Compared, Comparison, Found, Hadolint},
};

/// At least this part of the files must agree, in hundredths of a percent.
const AGREEMENT: usize = 9_950;
/// Each rule must fire at least this often, so that one that is wrong is seen.
const FIRES: usize = 20;

/// How many generated files say enough.
const FILES: u64 = 7_000;

/// Compare our rules with hadolint's.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    selection: Selection,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { selection } = Arguments::parse();
    let seed = selection.seed();
    let program = env::var_os("HADOLINT").context("HADOLINT names no program; run deploy/dev/peers.sh")?;
    let peer = Hadolint::new(program.as_ref())?;
    let grammar = Grammar::parse(&[include_str!("../../grammar/lint.txt")])?;
    let mut files: Vec<(String, String)> = (0..selection.count(FILES))
        .map(|index| (format!("#{index}"), grammar.make("file", &mut Random::nth(seed, index))))
        .collect();
    files.extend(selection.named()?);
    println!("{}; seed {seed}, {} files", peer.version(), files.len());
    let comparison = Comparison::of(&files, &peer)?;
    table(&comparison);
    disagreements(&comparison, selection.show);
    judge(&comparison)
}

fn table(comparison: &Comparison) {
    println!("{:8} {:>7} {:>10}", "rule", "fires", "wrong in");
    let fired = comparison.fired();
    for rule in lint::rules::all().filter(|rule| rule.code.starts_with("DL")) {
        let of_rule = |file: &Compared| {
            let differ = file.ours.symmetric_difference(&file.theirs);
            differ.into_iter().any(|found| found.code == rule.code)
        };
        let wrong = comparison.files.iter().filter(|file| of_rule(file)).count();
        println!("{:8} {:>7} {:>10}", rule.code, fired.get(rule.code).unwrap_or(&0), wrong);
    }
}

fn disagreements(comparison: &Comparison, show: usize) {
    let differing = comparison.files.iter().filter(|file| !file.agrees(None));
    for file in differing.take(show) {
        let only = |one: &BTreeSet<_>, other: &BTreeSet<_>| {
            let shown = |found: &Found| format!("{}:{} {}", found.line, found.code, found.level);
            format!("{:?}", one.difference(other).map(shown).collect::<Vec<_>>())
        };
        println!("--- {}\n{}", file.name, file.text);
        println!("only ours: {}", only(&file.ours, &file.theirs));
        println!("only theirs: {}", only(&file.theirs, &file.ours));
    }
}

fn judge(comparison: &Comparison) -> anyhow::Result<ExitCode> {
    let (agreeing, all) = (comparison.agreeing(None), comparison.files.len());
    println!(
        "{agreeing} of {all} files agree, {} of them unsound to all but hadolint; it cannot read {} more",
        comparison.unsound, comparison.unread
    );
    let fired = comparison.fired();
    // A file that cannot be read is not compared, so this rule cannot be seen here.
    let codes = || {
        lint::rules::all().map(|rule| rule.code).filter(|code| code.starts_with("DL") && *code != "DL1000")
    };
    let rare: Vec<&str> = codes().filter(|code| fired.get(code).is_none_or(|times| *times < FIRES)).collect();
    let unknown: Vec<&&str> = fired.keys().filter(|code| lint::rule(code).is_none()).collect();
    let blind = comparison.blind_to(codes());
    if agreeing * 10_000 < all * AGREEMENT {
        bail!("fewer than {} in 10,000 files agree", AGREEMENT);
    }
    if !rare.is_empty() || !unknown.is_empty() || !blind.is_empty() {
        bail!(
            "rules that fire too rarely: {rare:?}; that we do not have: {unknown:?}; that nothing would miss: {blind:?}"
        );
    }
    println!("each of {} rules fires at least {FIRES} times, and would be missed", codes().count());
    Ok(ExitCode::SUCCESS)
}
