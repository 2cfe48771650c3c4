//! Compares `shared/dockerfile` with the official parser on generated files and on given ones, and fails where they differ.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Parser;
use differential::{
    DOCKERFILES, Grammar, Random, Selection, mutate,
    parser::{Difference, Outcome, Peer, Reading, compare},
    shrink,
};
use dockerfile::Dockerfile;

/// Compare our reading of Dockerfiles with the official parser's.
#[derive(Debug, Parser)]
struct Options {
    /// A Python that finds the official parser; deploy/dev/peers.sh makes one and names it in target/dev/peers/env.
    #[arg(long, env = "PEER_PYTHON")]
    python: PathBuf,
    #[command(flatten)]
    selection: Selection,
}

/// How many generated files say enough.
const FILES: u64 = 20_000;

/// What became of all files of one kind.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    accepted: usize,
    agreed: usize,
    rejected: usize,
    named: BTreeMap<Difference, usize>,
    differ: Vec<(String, String)>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Options { python, selection } = Options::parse();
    let seed = selection.seed();
    let mut peer = Peer::start(&python)?;
    let grammar = Grammar::parse(&[DOCKERFILES])?;
    let mut generated = Tally::default();
    for index in 0..selection.count(FILES) {
        let mut random = Random::nth(seed, index);
        let text = grammar.make("file", &mut random);
        // One in four is damaged.
        let text = if random.percent(25) { mutate(&text, &mut random) } else { text };
        generated.add(&format!("seed {seed}, file {index}"), &text, &mut peer)?;
    }
    let mut given = Tally::default();
    for (name, text) in selection.named()? {
        given.add(&name, &text, &mut peer)?;
    }
    generated.tell(&format!("generated with seed {seed}"));
    given.tell("given");
    for (name, text) in generated.differ.iter().chain(&given.differ).take(selection.show) {
        tell_difference(name, text, &mut peer)?;
    }
    let clean = generated.differ.is_empty() && given.differ.is_empty();
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Tally {
    fn add(&mut self, name: &str, text: &str, peer: &mut Peer) -> anyhow::Result<()> {
        let file = Dockerfile::read(text);
        self.files += 1;
        if file.to_string() != text {
            self.differ.push((format!("{name}: the round trip changes it"), text.to_owned()));
        }
        let theirs = peer.read(text)?;
        self.accepted += usize::from(matches!(theirs, Reading::Accepted(_)));
        match compare(&file, &theirs) {
            Outcome::Agreed => self.agreed += 1,
            Outcome::Rejected => self.rejected += 1,
            Outcome::Named(difference) => *self.named.entry(difference).or_default() += 1,
            Outcome::Differs(..) => self.differ.push((name.to_owned(), text.to_owned())),
        }
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "the tally is what this program is for")]
    fn tell(&self, what: &str) {
        let Self { files, accepted, agreed, rejected, named, differ } = self;
        println!("{what}: {files} files, {accepted} accepted by the official parser");
        println!("  read alike {agreed}, rejected by both {rejected}, named differences {named:?}");
        println!("  differ: {}", differ.len());
    }
}

#[expect(clippy::print_stdout, reason = "the difference is what this program is for")]
fn tell_difference(name: &str, text: &str, peer: &mut Peer) -> anyhow::Result<()> {
    let mut differs =
        |text: &str| match peer.read(text).map(|theirs| compare(&Dockerfile::read(text), &theirs)) {
            Ok(Outcome::Differs(ours, theirs)) => Some((ours, theirs)),
            _ => None,
        };
    let small = shrink(text, &mut |text| differs(text).is_some());
    if let Some((ours, theirs)) = differs(&small) {
        println!("{name}\n  text   {small:?}\n  ours   {ours}\n  theirs {theirs}");
    } else {
        println!("{name}");
    }
    Ok(())
}
