//! `--catalog`: the catalog in files, so that a developer hears before a push what the scanner will say. Nobody is asked over the network, so bans, what
//! projects publish and what tags point at are not known here.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use builder::driver;
use dockerfile::{Dockerfile, Inputs};
use events::order;
use lint::{
    Context, Finding, Level, Linter, Policy, Report,
    rules::{self, elsewhere},
};
use scanner::scan::alone;
use time::OffsetDateTime;
use verdict::{
    Operator, Order, OrderRecord, Outcome, Sequence, Snapshot,
    order::{CatalogSection, Name},
};

use crate::{
    exit::{Failure, remark},
    files,
};

/// Who gives the orders that stand in files; nobody is told of it.
const OPERATOR: &str = "files";

#[derive(Debug, clap::Args)]
pub(super) struct CatalogFlags {
    /// Hold images to the catalog too: a file with a section of it as `plimsoll apply catalog` takes it, or a folder of such files. Offline: bans, and images
    /// that projects publish, are not known.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// The project whose holds and exceptions count.
    #[arg(long, value_name = "NAME", requires = "catalog")]
    project: Option<Name>,
}

/// The catalog that files say.
#[derive(Debug)]
pub(super) struct Catalog {
    snapshot: Snapshot,
    project: Option<Name>,
    inputs: Inputs,
    now: OffsetDateTime,
}

/// All that a definition is held to.
#[derive(Debug)]
pub(super) struct Judge<'p> {
    pub(super) linter: Linter<'p>,
    pub(super) catalog: Option<Catalog>,
    /// Whether what `.dockerignore` leaves out counts.
    pub(super) hears_ignore_files: bool,
}

impl<'p> Judge<'p> {
    pub(super) fn new(policy: &'p Policy, catalog: Option<Catalog>) -> Self {
        let linter = Linter::new(policy);
        let hears_ignore_files = linter.looks_at(rules::IGNORED_FILE);
        Self { linter, catalog, hears_ignore_files }
    }

    /// The rules' findings on the file at `path`, what others said beside them, and the catalog's.
    pub(super) fn report(&self, path: &str, file: &Dockerfile, said: Vec<Finding>) -> Report {
        let ignore_file = if self.hears_ignore_files { ignore_file(Path::new(path)) } else { None };
        let context = Context { ignore_file, ..Context::default() };
        let report = self.linter.lint_in(file, &context, said);
        match &self.catalog {
            Some(catalog) => self.linter.with_catalog(report, catalog.says(file)),
            None => report,
        }
    }

    /// The text with the catalog's images instead of those that it would replace; none where nothing changes.
    pub(super) fn replaced(&self, text: &str) -> Option<String> {
        let catalog = self.catalog.as_ref()?;
        let file = Dockerfile::parse(text).ok()?;
        catalog.alone().replaced(&file).unwrap_or_else(|error| {
            remark(format_args!("no image is replaced: {error}"));
            None
        })
    }
}

impl Catalog {
    /// None where no file is named.
    pub(super) fn read(flags: &CatalogFlags) -> Result<Option<Self>, Failure> {
        let CatalogFlags { catalog, project } = flags;
        if catalog.is_empty() {
            return Ok(None);
        }
        let mut sections = Vec::new();
        for path in catalog {
            for file in files(path)? {
                let section = section(&file)?;
                sections.push((rank(&section), file, section));
            }
        }
        // Rules may lead to bases that stand in a file of a later name.
        sections.sort_by_key(|(rank, _, _)| *rank);
        let mut neighbours = sections.iter().zip(sections.iter().skip(1));
        if let Some(((_, first, _), (_, second, _))) = neighbours.find(|(one, other)| one.0 == other.0) {
            return Err(Failure::Usage(format!(
                "{} and {} hold the same section, and one would replace the other; name one of them",
                first.display(),
                second.display()
            )));
        }
        let now = OffsetDateTime::now_utc();
        let snapshot = snapshot(sections.into_iter().map(|(_, file, section)| (file, section)))?;
        let inputs = Inputs { platform: driver::platform(), ..Inputs::default() };
        Ok(Some(Self { snapshot, project: project.clone(), inputs, now }))
    }

    fn alone(&self) -> alone::Catalog<'_> {
        let Self { snapshot, project, inputs, now } = self;
        alone::Catalog { snapshot, project: project.as_ref(), inputs, now: *now }
    }

    fn says(&self, file: &Dockerfile) -> Vec<Finding> {
        let finding = |told: alone::Told| {
            let alone::Told { finding, span } = told;
            Finding {
                line: usize::try_from(finding.line).unwrap_or(usize::MAX),
                span,
                code: finding.code.into(),
                level: finding.level.parse().unwrap_or(Level::Error),
                message: finding.message.into(),
                fix: Vec::new(),
            }
        };
        match file.errors().first() {
            // Of what cannot be read nobody knows what it is built on, whatever is ignored.
            Some(error) => vec![Finding {
                line: error.line,
                span: Some(error.span.clone()),
                code: elsewhere::REFUSED.code.into(),
                level: elsewhere::REFUSED.level,
                message: format!("the definition cannot be read, so nobody knows its images: {}", error.kind)
                    .into(),
                fix: Vec::new(),
            }],
            None => self.alone().says(file).into_iter().map(finding).collect(),
        }
    }
}

/// What a build of this definition leaves out of its context: the definition's own list, or that of its folder, which is taken for
/// the context. One that cannot be read leaves out nothing.
fn ignore_file(definition: &Path) -> Option<String> {
    let own =
        definition.with_file_name(format!("{}.dockerignore", definition.file_name()?.to_string_lossy()));
    let folders = definition.with_file_name(".dockerignore");
    files::read_text(&own).or_else(|_| files::read_text(&folders)).ok()
}

/// The section's place among the others: what it leads to comes first.
fn rank(section: &CatalogSection) -> u8 {
    match section {
        CatalogSection::Bases(_) => 0,
        CatalogSection::Remedies(_) => 1,
        CatalogSection::Doors(_) => 2,
        CatalogSection::Replacements(_) => 3,
        CatalogSection::Holds(_) => 4,
        CatalogSection::Exceptions(_) => 5,
    }
}

/// The file itself, or the JSON files of the folder by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error: io::Error| Failure::Fault(format!("{} cannot be read: {error}", path.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            found.push(file);
        }
    }
    if found.is_empty() {
        return Err(Failure::Usage(format!(
            "{}: no .json file in this folder; name a section's file",
            path.display()
        )));
    }
    found.sort();
    Ok(found)
}

fn section(file: &Path) -> Result<CatalogSection, Failure> {
    let body = files::read(file).map_err(|error| files::unreadable(file, &error))?;
    let wrong = |reason: &dyn std::fmt::Display| Failure::Usage(format!("{}: {reason}", file.display()));
    match order::decode_body(order::CATALOG, &body).map_err(|error| wrong(&error))? {
        Order::Catalog(section) => Ok(section),
        _ => Err(wrong(&"it is no section of the catalog")),
    }
}

/// What the sections say together, as if each had been ordered before anything in them ended.
fn snapshot(sections: impl Iterator<Item = (PathBuf, CatalogSection)>) -> Result<Snapshot, Failure> {
    let at = OffsetDateTime::UNIX_EPOCH;
    let operator: Operator = OPERATOR.parse().map_err(Failure::usage)?;
    let mut snapshot = Snapshot::default();
    for (sequence, (file, section)) in (1..).map(Sequence).zip(sections) {
        let record = OrderRecord { sequence, operator: operator.clone(), at, order: Order::Catalog(section) };
        if let Outcome::Rejected(reason) = snapshot.apply(&record) {
            return Err(Failure::Usage(format!("{}: {reason}", file.display())));
        }
    }
    Ok(snapshot)
}
