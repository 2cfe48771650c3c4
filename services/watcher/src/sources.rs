//! Branches: their heads asked of the git host, whatever made us look, and told as facts. The host's answer wins over any hint.

use bus::Connection;
use events::fact::SourcePushed;
use source::{Commit, Fetcher, GitUrl};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    error::Error,
    images::poll_cause,
    memory::Branch,
    told::{Told, Turns},
};

/// Asks git hosts and tells what is new; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    fetcher: Fetcher,
    connection: Connection,
    stop: CancellationToken,
    /// By branch and not by project: a project that moves to another branch has news.
    told: Told<Branch, Commit>,
    turns: Turns<String>,
}

impl Sources {
    pub(crate) fn new(fetcher: Fetcher, connection: Connection, stop: CancellationToken) -> Self {
        Self { fetcher, connection, stop, told: Told::default(), turns: Turns::default() }
    }

    /// Looks because somebody says that the branch moved.
    pub(crate) async fn moved(&self, branch: &Branch, cause: &str) -> Result<(), Error> {
        self.look(branch, |_| cause.to_owned()).await
    }

    /// Looks because it is time to.
    pub(crate) async fn poll(&self, branch: &Branch) -> Result<(), Error> {
        self.look(branch, |commit| poll_cause(commit.as_str())).await
    }

    async fn look(&self, wanted: &Branch, cause: impl FnOnce(&Commit) -> String) -> Result<(), Error> {
        let Branch { project, source, branch } = wanted;
        let (Ok(url), Ok(name)) = (source.parse::<GitUrl>(), branch.parse::<source::Branch>()) else {
            // The address itself may hold a password.
            warn!(%project, "The project's source or branch cannot be asked about; apply it again, with an address such as https://host/team/app.");
            return Ok(());
        };
        let _turn = self.turns.take(&project.to_string()).await;
        let commit = match self.fetcher.ls_remote(&url, &name, &self.stop).await {
            Ok(commit) => commit,
            Err(source::Error::NoBranch { .. }) => {
                debug!(%project, branch, "The branch is not there.");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if self.told.is_told(wanted, &commit) {
            return Ok(());
        }
        let fact =
            SourcePushed { project: project.clone(), commit: commit.to_string(), branch: branch.clone() };
        self.connection.publish(fact, &cause(&commit)).await?;
        info!(%project, branch, %commit, "A branch has a new head.");
        self.told.tell(wanted.clone(), commit);
        Ok(())
    }
}
