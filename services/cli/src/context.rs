//! Who is typing: an operator's context, in the form in which the stock `nats` CLI reads its own.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use events::topology::Role;
use serde::{Deserialize, Serialize};
use verdict::Operator;

use crate::exit::Failure;

/// How long the broker may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which context to use.
#[derive(Debug, clap::Args)]
#[group(id = "operator")]
pub(crate) struct Arguments {
    /// The operator's context file, as `plimsoll up` writes it.
    #[arg(
        long,
        env = "PLIMSOLL_CONTEXT",
        default_value = "plimsoll-data/contexts/operator.json",
        value_name = "FILE"
    )]
    context: PathBuf,
}

/// A context file. The stock CLI reads `url` and `nkey`; the operator's name is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    pub(crate) description: String,
    pub(crate) url: String,
    pub(crate) nkey: PathBuf,
    pub(crate) operator: String,
    /// The roles that are to run; all of them where the file does not say.
    #[serde(default = "all_roles")]
    pub(crate) roles: Vec<String>,
}

fn all_roles() -> Vec<String> {
    Role::ALL.map(|role| role.to_string()).into()
}

impl Arguments {
    /// Connects as the operator.
    pub(crate) async fn connect(&self) -> Result<(bus::Connection, Operator), Failure> {
        self.connect_and_expect().await.map(|(connection, operator, _)| (connection, operator))
    }

    /// Connects as the operator; yields also the roles that are to run.
    pub(crate) async fn connect_and_expect(
        &self,
    ) -> Result<(bus::Connection, Operator, Vec<String>), Failure> {
        let path = self.context.display();
        let text = fs::read_to_string(&self.context).map_err(|error| {
            match error.kind() {
                io::ErrorKind::PermissionDenied => Failure::Fault(format!(
                    "the operator's context {path} may not be read: {error}; only whoever started `plimsoll up` may"
                )),
                _ => Failure::Usage(format!(
                    "no operator's context at {path}: {error}; start `plimsoll up`, or name one with --context"
                )),
            }
        })?;
        let context: Context = serde_json::from_str(&text)
            .map_err(|error| Failure::Usage(format!("{path} is no operator's context: {error}")))?;
        let operator: Operator = context.operator.parse().map_err(Failure::usage)?;
        let config = bus::Config { url: context.url, seed_file: Some(context.nkey), node: String::new() };
        let connection = bus::Connection::connect(&config, operator.as_str(), PATIENCE).await;
        Ok((connection.map_err(|error| Failure::fault(&error))?, operator, context.roles))
    }
}

impl Context {
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_vec_pretty(self)?;
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        io::Write::write_all(&mut file, &text)
    }
}
