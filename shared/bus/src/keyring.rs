//! The identities of an embedded pipeline: one nkey a process and a person, made at the first start and kept in one folder.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use events::topology::{Account, Role};
use nkeys::KeyPair;
use verdict::Operator;

use crate::accounts::{Identities, node_identity};

/// The name of the identity in the broker's own account, which may ask about the broker itself.
pub const SYSTEM_IDENTITY: &str = "system";

/// A folder of seeds, readable by its owner alone.
#[derive(Debug, Clone)]
pub struct Keyring {
    folder: PathBuf,
}

/// Why a seed could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system said no.
    #[error("the seed {0} cannot be read or written")]
    File(String, #[source] io::Error),
    /// The file holds no seed.
    #[error("{0} holds no nkey seed; remove it, and a new one is made at the next start")]
    Seed(String, #[source] nkeys::error::Error),
}

impl Keyring {
    /// A keyring in `folder`, which is made when the first seed is.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The seed file of an identity, whether it exists or not.
    pub fn seed_file(&self, identity: &str) -> PathBuf {
        self.folder.join(format!("{identity}.nk"))
    }

    /// The seed file of a role; gates and agents have one a node.
    pub fn role_seed_file(&self, role: Role, node: &str) -> PathBuf {
        self.seed_file(&identity(role, node))
    }

    /// The identities of every role, of one node's gate and agent, and of `operators`; makes what is missing.
    pub fn identities(&self, node: &str, operators: &[Operator]) -> Result<Identities, Error> {
        let mut identities = Identities { system: self.key(SYSTEM_IDENTITY)?, ..Identities::default() };
        for account in Account::ALL {
            identities.provision.push((account, self.key(&provision_identity(account))?));
        }
        for role in Role::ALL.into_iter().filter(|role| role.spec().account != Account::Node) {
            identities.roles.push((role, self.key(&identity(role, node))?));
        }
        identities.nodes = self.node_identities(node)?;
        for operator in operators {
            identities.operators.push((operator.clone(), self.key(&operator_identity(operator))?));
        }
        Ok(identities)
    }

    /// The identities of one more node's gate and agent, for [`Identities::nodes`]; makes what is missing.
    pub fn node_identities(&self, node: &str) -> Result<Vec<(Role, String, String)>, Error> {
        let roles = Role::ALL.into_iter().filter(|role| role.spec().account == Account::Node);
        roles.map(|role| Ok((role, node.to_owned(), self.key(&node_identity(role, node))?))).collect()
    }

    /// The public key of an identity, whose seed is made when it is missing.
    fn key(&self, identity: &str) -> Result<String, Error> {
        let path = self.seed_file(identity);
        let name = path.display().to_string();
        let seed = match fs::read_to_string(&path) {
            Ok(seed) => seed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = KeyPair::new_user().seed().map_err(|error| Error::Seed(name.clone(), error))?;
                write_private(&path, &seed).map_err(|error| Error::File(name.clone(), error))?;
                seed
            }
            Err(error) => return Err(Error::File(name, error)),
        };
        let pair = KeyPair::from_seed(seed.trim()).map_err(|error| Error::Seed(name, error))?;
        Ok(pair.public_key())
    }
}

/// The name of the bootstrap step's identity in an account.
pub fn provision_identity(account: Account) -> String {
    format!("provision-{}", account.as_str().to_ascii_lowercase())
}

/// The name of a person's identity.
pub fn operator_identity(operator: &Operator) -> String {
    format!("operator-{operator}")
}

/// The name of a role's identity, which also names its inbox.
pub fn identity(role: Role, node: &str) -> String {
    match role.spec().account {
        Account::Node => node_identity(role, node),
        Account::Ops | Account::Ruling | Account::Pipe => role.as_str().to_owned(),
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
