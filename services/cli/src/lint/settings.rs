//! What a run is asked to do: flags, `.hadolint.yaml` and `HADOLINT_*` together. Not what the words in them mean (see `lint::Config`).

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use lint::{
    Config, Level, Mistake, Policy,
    render::{Colour, Format},
};

use crate::{exit::Failure, files};

#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The configuration file; the first that is found as hadolint looks for it where none is given.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the report is written: tty, json, checkstyle, codeclimate, gitlab_codeclimate, gnu, codacy, sonarqube, sarif, junit, github.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Do not fail, whatever is found.
    #[arg(long)]
    no_fail: bool,
    /// Do not colour the report.
    #[arg(long)]
    no_color: bool,
    /// Say which configuration is used.
    #[arg(short = 'V', long)]
    verbose: bool,
    /// A code that is an error.
    #[arg(long, value_name = "CODE")]
    error: Vec<String>,
    /// A code that is a warning.
    #[arg(long, value_name = "CODE")]
    warning: Vec<String>,
    /// A code that is worth knowing.
    #[arg(long, value_name = "CODE")]
    info: Vec<String>,
    /// A code that is a matter of taste.
    #[arg(long, value_name = "CODE")]
    style: Vec<String>,
    /// A code that is not looked at.
    #[arg(long, value_name = "CODE")]
    ignore: Vec<String>,
    /// A registry that images may come from, such as docker.io or *.example.org.
    #[arg(long, value_name = "REGISTRY")]
    trusted_registry: Vec<String>,
    /// A label that must be there, and what its value must be, such as maintainer:email.
    #[arg(long, value_name = "LABEL[:FORMAT]", value_parser = lint::label)]
    require_label: Vec<(String, lint::LabelFormat)>,
    /// Allow no labels but those required.
    #[arg(long)]
    strict_labels: bool,
    /// Do not hear comments that silence findings.
    #[arg(long)]
    disable_ignore_pragma: bool,
    /// The mildest level that fails: error, warning, info, style, ignore, none; info where none is given.
    #[arg(short = 't', long, value_name = "LEVEL", value_parser = lint::threshold)]
    failure_threshold: Option<Level>,
    /// Leave ShellCheck out.
    #[arg(long)]
    no_shellcheck: bool,
    /// Docker's build checks too, under their own names.
    #[arg(long)]
    docker_checks: bool,
}

/// What a run does.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) format: Format,
    pub(super) colour: Colour,
    /// The installed ShellCheck, if it is wanted.
    pub(super) shellcheck: ShellCheck,
}

/// What becomes of the scripts in RUN.
#[derive(Debug)]
pub(super) enum ShellCheck {
    /// They are checked.
    Installed(Box<shellcheck::Options>),
    /// They would be.
    Missing,
    /// Nobody wants it.
    Unwanted,
}

impl Settings {
    pub(super) fn read(flags: &Flags) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::vars_os().find(|(key, _)| key == name).map(|(_, value)| value);
        let text = |name: &str| variable(name).map(|value: OsString| value.to_string_lossy().into_owned());
        let mut mistakes = Vec::new();
        let mut told = |place: &str, wrong: Vec<Mistake>| {
            mistakes.extend(wrong.into_iter().map(|mistake| format!("{place}: {mistake}")));
            Config::default()
        };
        let environment = Config::from_environment(text).unwrap_or_else(|wrong| told("environment", wrong));
        let (place, file) = match file(flags.config.as_deref(), &variable)? {
            Some((path, text)) => {
                let place = path.display().to_string();
                let config = Config::from_yaml(&text).unwrap_or_else(|wrong| told(&place, wrong));
                (Some(place), config)
            }
            None => (None, Config::default()),
        };
        if !mistakes.is_empty() {
            return Err(Failure::Usage(mistakes.join("\n")));
        }
        let config = Config::together(flags.config(), file, environment);
        if config.verbose == Some(true) {
            let place = place.as_deref().unwrap_or("none");
            crate::exit::remark(format_args!("configuration file: {place}\n{config:#?}"));
        }
        let format = config.format.unwrap_or_default();
        let plain =
            config.no_color == Some(true) || variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let policy = config.into_policy();
        let shellcheck = match (flags.no_shellcheck, variable("PATH")) {
            (true, _) => ShellCheck::Unwanted,
            (false, path) => match path.as_deref().and_then(shellcheck::Options::find) {
                Some(options) => ShellCheck::Installed(Box::new(
                    options.keep_below(variable("XDG_CACHE_HOME").as_deref(), variable("HOME").as_deref()),
                )),
                None => ShellCheck::Missing,
            },
        };
        Ok(Self {
            policy: if flags.docker_checks { policy.with_docker_checks() } else { policy },
            format,
            colour: if plain { Colour::Plain } else { Colour::Ansi },
            shellcheck,
        })
    }
}

impl Flags {
    fn config(&self) -> Config {
        let on = |flag: bool| flag.then_some(true);
        let levels = [
            (&self.style, Level::Style),
            (&self.info, Level::Info),
            (&self.warning, Level::Warning),
            (&self.error, Level::Error),
        ];
        // Of several levels for one code the worst counts, which comes last here.
        let levels: BTreeMap<String, Level> = levels
            .into_iter()
            .flat_map(|(codes, level)| codes.iter().map(move |code| (code.clone(), level)))
            .collect();
        Config {
            ignored: self.ignore.clone(),
            levels,
            failure_threshold: self.failure_threshold,
            no_fail: on(self.no_fail),
            no_color: on(self.no_color),
            verbose: on(self.verbose),
            format: self.format,
            trusted_registries: self.trusted_registry.clone(),
            label_schema: self.require_label.iter().cloned().collect(),
            strict_labels: on(self.strict_labels),
            disable_ignore_pragma: on(self.disable_ignore_pragma),
            silencing: None,
        }
    }
}

/// The configuration file that is named, or the first that is there, in hadolint's order; none where there is none.
fn file(
    named: Option<&Path>,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<(PathBuf, String)>, Failure> {
    if let Some(path) = named {
        let text = files::read_text(path)
            .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", path.display())))?;
        return Ok(Some((path.to_owned(), text)));
    }
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let (config, home) = (folder("XDG_CONFIG_HOME"), folder("HOME"));
    let places = [
        (Some(PathBuf::from(".")), ".hadolint"),
        (config, "hadolint"),
        (home.clone(), ".config/hadolint"),
        (home.clone(), ".hadolint/hadolint"),
        (home.clone(), "hadolint/config"),
        (home, ".hadolint"),
    ];
    for (folder, name) in places {
        let Some(folder) = folder else { continue };
        for ending in ["yaml", "yml"] {
            let path = folder.join(format!("{name}.{ending}"));
            match files::read_text(&path) {
                Ok(text) => return Ok(Some((path, text))),
                Err(error)
                    // hadolint passes over a folder of that name and what is in a folder that it may not enter, and is stopped by a file that it may not read.
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
                    ) || fs::symlink_metadata(&path)
                        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) => {}
                Err(error) => return Err(files::unreadable(&path, &error)),
            }
        }
    }
    Ok(None)
}
