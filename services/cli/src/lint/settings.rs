//! What a run is asked to do: flags over `HADOLINT_*` over `.hadolint.yaml`. Not what the words in them mean (see `lint::Policy`).

use lint::{
    Level, Policy,
    render::{Colour, Format},
};

use crate::exit::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// How the report is written: tty, json, checkstyle, codeclimate, gitlab_codeclimate, gnu, codacy, sonarqube, sarif, junit, github.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Do not fail, whatever is found.
    #[arg(long)]
    no_fail: bool,
    /// Do not colour the report.
    #[arg(long)]
    no_color: bool,
    /// Codes that are not looked at.
    #[arg(long, value_name = "CODE")]
    ignore: Vec<String>,
}

/// What a run does.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) format: Format,
    pub(super) colour: Colour,
    /// Whether findings may make the command fail.
    pub(super) can_fail: bool,
}

impl Settings {
    pub(super) fn read(flags: &Flags) -> Result<Self, Failure> {
        let Flags { format, no_fail, no_color, ignore } = flags;
        let policy = Policy { ignore: ignore.clone(), fail_on: Some(Level::Info), ..Policy::default() };
        Ok(Self {
            policy,
            format: format.unwrap_or_default(),
            colour: if *no_color { Colour::Plain } else { Colour::Ansi },
            can_fail: !no_fail,
        })
    }
}
