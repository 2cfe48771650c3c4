//! `plimsoll lint`: definitions held to the rules, on all cores. The rules and formats are `shared/lint`'s; here are files and flags.

mod batch;
mod catalog;
mod files;
mod fix;
mod scripts;
mod settings;

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::lint::render::{Colour, Judged, Report};
use time::OffsetDateTime;

use self::{
    batch::{Outcome, Verdict},
    catalog::{Catalog, Judge},
    files::Place,
    scripts::Scripts,
    settings::Settings,
};
use crate::exit::{self, Failure, remark};

/// Files that are judged before their report is written: enough to keep all cores and ShellCheck busy, few enough to stay small in memory.
const BATCH_FILES: usize = 512;
/// As many where one core does it all: their texts stay in its cache, and memory that is not touched need not be cleared.
const BATCH_FILES_ALONE: usize = 64;

#[derive(Debug, clap::Args)]
// -V is hadolint's --verbose here.
#[command(disable_version_flag = true)]
pub(crate) struct Arguments {
    /// Definitions, folders with definitions, or - for standard input; the current folder where none is given.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    settings: settings::Flags,
    #[command(flatten)]
    catalog: catalog::CatalogFlags,
    /// Write the report to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The path that the report names instead of the file's own (checkstyle, codeclimate, gitlab_codeclimate, sonarqube, junit).
    #[arg(long, value_name = "PATH")]
    file_path_in_report: Option<String>,
    /// Put right what can be put right without changing what the definition means, with --catalog also images that it replaces, and report what is left.
    #[arg(long)]
    fix: bool,
    /// How many files are judged at the same time; all cores where none is given.
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::end(lint(arguments))
}

fn lint(arguments: &Arguments) -> Result<(), Failure> {
    let settings = Settings::read(&arguments.settings)?;
    let here = [PathBuf::from(".")];
    let paths = if arguments.paths.is_empty() { &here[..] } else { &arguments.paths };
    let places = files::places(paths)?;
    if let Some(output) = &arguments.output {
        files::keep_apart(output, &places)?;
    }
    let pool = batch::pool(arguments.jobs, places.len())?;
    let judge = Judge::new(&settings.policy, Catalog::read(&arguments.catalog)?);
    let scripts = Scripts::open(&settings.shellcheck, arguments.jobs)?;
    let (output, colour) = output(arguments, &settings)?;
    let mut run = Run {
        arguments,
        settings: &settings,
        pool,
        judge,
        scripts,
        report: Report::new(settings.format, colour, OffsetDateTime::now_utc()),
        text: String::new(),
        output,
        tally: Tally::default(),
    };
    run.report.begin(&mut run.text);
    let judged = run.judge_all(&places);
    // Whatever happened: who reads the report reads a whole one.
    run.report.end(&mut run.text);
    put(&mut run.output, &mut run.text)?;
    judged?;
    // What was not looked at weighs more than what was found.
    match run.scripts.and_then(Scripts::unchecked) {
        Some(failure) => Err(failure),
        None => run.tally.end(&settings),
    }
}

/// One report in the making.
struct Run<'a> {
    arguments: &'a Arguments,
    settings: &'a Settings,
    pool: Option<rayon::ThreadPool>,
    judge: Judge<'a>,
    scripts: Option<Scripts>,
    report: Report,
    /// What has been written of it since it was last put out.
    text: String,
    output: Box<dyn Write>,
    tally: Tally,
}

impl Run<'_> {
    /// Judges and reports all places; false where the report's reader has gone before the last.
    fn judge_all(&mut self, places: &[Place]) -> Result<bool, Failure> {
        let alone = self.pool.is_none() && self.scripts.is_none();
        for places in places.chunks(if alone { BATCH_FILES_ALONE } else { BATCH_FILES }) {
            for verdict in batch::judge(self.pool.as_ref(), places, &self.judge, self.scripts.as_ref()) {
                if let Outcome::Folder(path) = &verdict.outcome {
                    match files::within(path) {
                        Ok(places) if !self.judge_all(&places)? => return Ok(false),
                        Ok(_) => {}
                        // The report has begun, and is brought to its end.
                        Err(failure) => {
                            remark(&failure);
                            self.tally.count_folder(&failure);
                        }
                    }
                    continue;
                }
                let verdict = match self.arguments.fix {
                    true => fix::mend(verdict, &self.judge, self.scripts.as_ref())?,
                    false => verdict,
                };
                self.write(&verdict);
                self.tally.count(&verdict);
            }
            if !put(&mut self.output, &mut self.text)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self, verdict: &Verdict) {
        let Verdict { path, outcome } = verdict;
        match outcome {
            Outcome::Judged { text, findings, .. } => {
                let told = self
                    .arguments
                    .file_path_in_report
                    .as_deref()
                    .filter(|_| self.settings.format.takes_path());
                self.report.file(&mut self.text, &Judged { path: told.unwrap_or(path), text, findings });
            }
            Outcome::Unread(error) => remark(format_args!("{path}: cannot be read: {error}")),
            // What it holds has been judged in its place.
            Outcome::Folder(_) => {}
        }
    }
}

/// Where the report goes, and whether it may be coloured.
fn output(arguments: &Arguments, settings: &Settings) -> Result<(Box<dyn Write>, Colour), Failure> {
    match &arguments.output {
        Some(path) => {
            let file = File::create(path)
                .map_err(|error| Failure::Fault(format!("{} cannot be written: {error}", path.display())))?;
            Ok((Box::new(file), Colour::Plain))
        }
        None => {
            let output = io::stdout();
            let colour = match settings.colour {
                Colour::Ansi if output.is_terminal() => Colour::Ansi,
                Colour::Ansi | Colour::Plain => Colour::Plain,
            };
            Ok((Box::new(output.lock()), colour))
        }
    }
}

/// Writes what has gathered; false where the reader has gone, which is no fault of anybody's.
fn put(output: &mut dyn Write, text: &mut String) -> Result<bool, Failure> {
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    text.clear();
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Fault(format!("the report cannot be written: {error}"))),
    }
}

/// What all files together come to.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    /// Paths that lead to nothing, and folders without a definition.
    missing: usize,
    unread: usize,
}

impl Tally {
    fn count(&mut self, verdict: &Verdict) {
        match &verdict.outcome {
            Outcome::Judged { refused: true, .. } => self.refused += 1,
            Outcome::Judged { refused: false, .. } | Outcome::Folder(_) => {}
            Outcome::Unread(error) if error.kind() == io::ErrorKind::NotFound => self.missing += 1,
            Outcome::Unread(_) => self.unread += 1,
        }
    }

    /// A folder in which nothing was found, or which could not be walked.
    fn count_folder(&mut self, failure: &Failure) {
        match failure {
            Failure::Usage(_) => self.missing += 1,
            Failure::Refused(_) | Failure::Fault(_) => self.unread += 1,
        }
    }

    /// A file that could not be read outweighs one that is refused: nobody knows what it says.
    fn end(self, settings: &Settings) -> Result<(), Failure> {
        let Self { refused, missing, unread } = self;
        if unread > 0 {
            return Err(Failure::Fault(format!("{unread} of the files and folders could not be read")));
        }
        if missing > 0 {
            return Err(Failure::Usage(format!(
                "{missing} of the paths lead to no definition; name files, or folders that hold some"
            )));
        }
        if refused > 0 && settings.format.can_fail() {
            return Err(Failure::Refused(format!(
                "{refused} of the files refused; `plimsoll explain CODE` says what a rule asks for"
            )));
        }
        Ok(())
    }
}

/// How a path is shown.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
