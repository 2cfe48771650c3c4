//! One TOML file a service: `[nats]`, `[telemetry]`, `[health]`, and the service's own section. Every mistake is told at once.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::health;

/// What every service is told, and `S`, which is its own.
#[derive(Debug)]
pub(crate) struct Config<S> {
    pub(crate) nats: bus::Config,
    pub(crate) telemetry: telemetry::Config,
    pub(crate) health: health::Config,
    /// Where the service keeps files, if it does: the key `folder` of its own section.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) own: S,
}

/// Everything that is wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    file: String,
    mistakes: Vec<String>,
}

impl Mistakes {
    /// Each of them, with section and key; for whoever made the file from another one, in which they are to be mended.
    pub fn each(&self) -> &[String] {
        &self.mistakes
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used:", self.file)?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n  - {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// Reads the section `own` of a file in which nothing else stands; for configuration that is no service's.
pub fn load<S: DeserializeOwned>(file: &Path, own: &str) -> Result<S, Mistakes> {
    let mut reader = Reader::open(file)?;
    let section = reader.section(own, Presence::Required);
    reader.finish()?;
    section.ok_or_else(|| reader.mistakes())
}

/// Reads the whole configuration of a service, as its process will, and says what is wrong with it.
pub fn check<S: DeserializeOwned>(file: &Path, own: &str) -> Result<(), Mistakes> {
    read::<S>(file, own).map(drop)
}

/// A service's own section of its configuration, read as its process will read it.
pub fn section<S: DeserializeOwned>(file: &Path, own: &str) -> Result<S, Mistakes> {
    read::<S>(file, own).map(|config| config.own)
}

pub(crate) fn read<S: DeserializeOwned>(file: &Path, own: &str) -> Result<Config<S>, Mistakes> {
    let mut reader = Reader::open(file)?;
    let nats = reader.section("nats", Presence::Required);
    let telemetry = reader.section("telemetry", Presence::Optional);
    let health = reader.section("health", Presence::Optional);
    let folder = reader.table.get(own).and_then(|own| own.get("folder")?.as_str()).map(PathBuf::from);
    let own = reader.section(own, Presence::Optional);
    reader.finish()?;
    match (nats, telemetry, health, own) {
        (Some(nats), Some(telemetry), Some(health), Some(own)) => {
            Ok(Config { nats, telemetry, health, folder, own })
        }
        _ => Err(reader.mistakes()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    /// Absent is empty, so that a section of defaults need not be written.
    Optional,
}

struct Reader {
    file: String,
    table: toml::Table,
    mistakes: Vec<String>,
}

impl Reader {
    fn open(file: &Path) -> Result<Self, Mistakes> {
        let name = file.display().to_string();
        let fail = |mistake: String| Mistakes { file: name.clone(), mistakes: vec![mistake] };
        let text = fs::read_to_string(file).map_err(|error| fail(format!("it cannot be read: {error}")))?;
        let table = text.parse::<toml::Table>().map_err(|error| fail(format!("it is not TOML: {error}")))?;
        Ok(Self { file: name, table, mistakes: Vec::new() })
    }

    fn section<S: DeserializeOwned>(&mut self, name: &str, presence: Presence) -> Option<S> {
        let value = match (self.table.remove(name), presence) {
            (Some(value), _) => value,
            (None, Presence::Optional) => toml::Value::Table(toml::Table::new()),
            (None, Presence::Required) => {
                self.mistakes.push(format!("the section [{name}] is missing"));
                return None;
            }
        };
        match S::deserialize(value) {
            Ok(section) => Some(section),
            Err(error) => {
                self.mistakes.push(format!("[{name}] {}", error.to_string().replace('\n', " ")));
                None
            }
        }
    }

    fn finish(&mut self) -> Result<(), Mistakes> {
        self.mistakes.extend(self.table.keys().map(|key| format!("[{key}] is no section of this service")));
        if self.mistakes.is_empty() { Ok(()) } else { Err(self.mistakes()) }
    }

    fn mistakes(&self) -> Mistakes {
        Mistakes { file: self.file.clone(), mistakes: self.mistakes.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        #[allow(dead_code, reason = "only whether it can be read is asked")]
        width: u32,
    }

    #[track_caller]
    fn mistakes(text: &str) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read::<Own>(file.path(), "own").unwrap_err().to_string()
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let text = mistakes("[own]\nwidth = \"broad\"\n[natss]\nurl = \"x\"\n[telemetry]\nlogg = \"info\"\n");
        for part in ["[nats] is missing", "[own]", "width", "[natss] is no section", "logg"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn what_is_no_toml_is_said_so() {
        assert!(mistakes("[own").contains("not TOML"));
    }
}
