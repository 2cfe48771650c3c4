//! What an embedded pipeline is to be: defaults for everything, and what the operator's file says otherwise.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use bus::keyring::Keyring;
use events::topology::Role;
use serde::Deserialize;
use toml::{Table, Value};
use verdict::{Operator, order::Name};

use super::layout::Layout;
use crate::exit::Failure;

/// What is to run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) up: Up,
    pub(super) telemetry: telemetry::Config,
    /// What is wrong with the operator's file, as far as no role has to be asked.
    pub(super) mistakes: Vec<String>,
    sections: Table,
}

/// The `[up]` section.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) nats: Option<String>,
    pub(super) nats_server: PathBuf,
    pub(super) port: u16,
    pub(super) replicas: usize,
    pub(super) node: String,
    pub(super) operators: Vec<Operator>,
    pub(super) roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct UpFile {
    /// An existing broker; a child is started where none is given.
    nats: Option<String>,
    /// The broker's program.
    nats_server: PathBuf,
    /// The child's port.
    port: u16,
    /// Copies of each stream.
    replicas: usize,
    /// The name of this node.
    node: String,
    /// The people who give orders; the first one's context is the command line's default.
    operators: Vec<String>,
    /// Which roles run here; all where the key is missing.
    roles: Option<Vec<String>>,
}

impl Default for UpFile {
    fn default() -> Self {
        Self {
            nats: None,
            nats_server: PathBuf::from("nats-server"),
            // The broker's well-known port.
            port: 4222,
            replicas: 1,
            node: "node-1".to_owned(),
            operators: vec!["operator".to_owned()],
            roles: None,
        }
    }
}

/// A role that is ready to start.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) role: Role,
    pub(super) config: PathBuf,
    pub(super) log: PathBuf,
}

impl Plan {
    /// Reads the operator's file, if there is one.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let mut sections = match file {
            None => Table::new(),
            Some(file) => {
                let wrong =
                    |error: String| Failure::Usage(format!("{} cannot be used: {error}", file.display()));
                fs::read_to_string(file)
                    .map_err(|error| wrong(error.to_string()))?
                    .parse::<Table>()
                    .map_err(|error| wrong(error.to_string()))?
            }
        };
        let mut mistakes = Vec::new();
        let up = section::<UpFile>(&mut sections, "up", &mut mistakes).unwrap_or_default();
        let telemetry = sections.get("telemetry").cloned().unwrap_or_else(|| Value::Table(Table::new()));
        let telemetry = telemetry::Config::deserialize(telemetry)
            .map_err(|error| mistakes.push(format!("[telemetry] {error}")))
            .unwrap_or_default();
        for unknown in sections.keys().filter(|name| *name != "telemetry" && name.parse::<Role>().is_err()) {
            mistakes.push(format!("[{unknown}] is neither [up], [telemetry] nor a role"));
        }
        // It stands in subjects and permissions.
        if let Err(error) = up.node.parse::<Name>() {
            mistakes.push(format!("[up] node: {error}"));
        }
        if up.operators.is_empty() {
            mistakes.push("[up] operators: name at least 1, or leave the key out for `operator`".to_owned());
        }
        if up.roles.as_ref().is_some_and(Vec::is_empty) {
            mistakes.push("[up] roles: name at least 1, or leave the key out for all of them".to_owned());
        }
        if up.port == 0 {
            mistakes.push(
                "[up] port: 0 is none; name the port that the broker is to listen on, which clients are told"
                    .to_owned(),
            );
        }
        let operators = parse_all("operators", &up.operators, &mut mistakes);
        let roles = up.roles.as_ref().map(|roles| parse_all("roles", roles, &mut mistakes));
        let UpFile { nats, nats_server, port, replicas, node, .. } = up;
        let roles = roles.unwrap_or_else(|| Role::ALL.to_vec());
        Ok(Self {
            up: Up { nats, nats_server, port, replicas, node, operators, roles },
            telemetry,
            mistakes,
            sections,
        })
    }

    /// Writes each role's configuration file.
    pub(super) fn roles(&self, layout: &Layout, keys: &Keyring, url: &str) -> Result<Vec<Prepared>, Failure> {
        let mut prepared = Vec::new();
        for role in &self.up.roles {
            let config = layout.role_config(*role);
            let written = fs::create_dir_all(layout.role_folder(*role)).and_then(|()| {
                write_private(&config, &self.role_config(*role, layout, keys, url).to_string())
            });
            written.map_err(|error| {
                Failure::Fault(format!("{} cannot be written: {error}", config.display()))
            })?;
            prepared.push(Prepared { role: *role, config, log: layout.log(*role) });
        }
        Ok(prepared)
    }

    fn role_config(&self, role: Role, layout: &Layout, keys: &Keyring, url: &str) -> Table {
        let text = |path: PathBuf| Value::String(path.display().to_string());
        let mut nats = Table::new();
        nats.insert("url".to_owned(), Value::String(url.to_owned()));
        nats.insert("seed_file".to_owned(), text(keys.role_seed_file(role, &self.up.node)));
        nats.insert("node".to_owned(), Value::String(self.up.node.clone()));
        let mut own = match self.sections.get(role.as_str()) {
            Some(Value::Table(own)) => own.clone(),
            _ => Table::new(),
        };
        let defaults: &[(&str, Value)] = match role {
            Role::Invalidator | Role::Worker | Role::Notifier => {
                &[("folder", text(layout.role_folder(role)))]
            }
            Role::Gate => {
                &[("socket", text(layout.gate_socket())), ("folder", text(layout.role_folder(role)))]
            }
            Role::Watcher | Role::Scanner | Role::Planner | Role::Agent => &[],
        };
        for (key, value) in defaults {
            own.entry(*key).or_insert_with(|| value.clone());
        }
        let mut config = Table::new();
        config.insert("nats".to_owned(), Value::Table(nats));
        config.insert(role.as_str().to_owned(), Value::Table(own));
        let folders = Value::Array(vec![text(layout.folder().to_owned())]);
        config.insert(
            "health".to_owned(),
            Value::Table([("folders".to_owned(), folders)].into_iter().collect()),
        );
        if let Some(telemetry) = self.sections.get("telemetry") {
            config.insert("telemetry".to_owned(), telemetry.clone());
        }
        config
    }
}

fn section<S: for<'de> Deserialize<'de>>(
    sections: &mut Table,
    name: &str,
    mistakes: &mut Vec<String>,
) -> Option<S> {
    S::deserialize(sections.remove(name)?).map_err(|error| mistakes.push(format!("[{name}] {error}"))).ok()
}

fn parse_all<T: std::str::FromStr<Err: std::fmt::Display>>(
    key: &str,
    texts: &[String],
    mistakes: &mut Vec<String>,
) -> Vec<T> {
    texts
        .iter()
        .filter_map(|text| {
            text.parse().map_err(|error: T::Err| mistakes.push(format!("[up] {key}: {error}"))).ok()
        })
        .collect()
}

/// Secrets of the operator's file stand in it.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests;
