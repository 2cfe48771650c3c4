//! What an installed ShellCheck says of a definition's scripts, asked within bounds. Not what its findings are worth: that is policy, as with any other.

use std::{env, ffi::OsString, num::NonZeroUsize, sync::Arc, time::Duration};

use dockerfile::Dockerfile;
use lint::Finding;
use shellcheck::{Checker, Options};
use tokio::{sync::Semaphore, time::timeout};
use tracing::{info, warn};

/// What one scan waits for its scripts, the wait for a place among the others included: half of what whoever builds waits for the whole scan. A script takes
/// some milliseconds.
const WITHIN: Duration = Duration::from_secs(10);

/// An installed ShellCheck and the places in it, or nobody to ask; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Scripts(Option<Installed>);

#[derive(Debug, Clone)]
struct Installed {
    checker: Arc<Checker>,
    /// As many as there may be processes: a scan has one at a time, and before it the definition read.
    places: Arc<Semaphore>,
    within: Duration,
}

impl Scripts {
    /// Nobody is asked.
    pub(crate) fn unasked() -> Self {
        Self(None)
    }

    /// The ShellCheck that `PATH` leads to, a process a core; its answers are kept below the user's cache folder, since the same scripts come again with each
    /// push and whenever the rules change. Where it is not there, that is said, and nobody is asked.
    pub(crate) fn installed() -> Self {
        let variable = |name: &str| -> Option<OsString> { env::var_os(name) };
        let found = variable("PATH").as_deref().and_then(Options::find).map(|options| {
            options.keep_below(variable("XDG_CACHE_HOME").as_deref(), variable("HOME").as_deref())
        });
        let Some(options) = found else {
            warn!(
                "ShellCheck is not installed: the scripts in RUN are not checked. Install it for every scanner, or say `[scanner] shellcheck = false`."
            );
            return Self::unasked();
        };
        let program = options.program.display().to_string();
        let scripts = Self::open(options, WITHIN);
        info!(program, "The scripts in RUN are checked by ShellCheck.");
        scripts
    }

    fn open(options: Options, within: Duration) -> Self {
        let places = Arc::new(Semaphore::new(options.processes.get()));
        // One process at a time is given all scripts at once: each start costs, and other scans want to be answered too.
        let checker = Checker::open(Options { processes: NonZeroUsize::MIN, ..options });
        Self(checker.map(|checker| Installed { checker: Arc::new(checker), places, within }))
    }

    /// What it says of each script of a definition. A definition that cannot be read has none. What has no answer in time, or none at all, is said and left out:
    /// nobody is refused since a tool failed.
    pub(crate) async fn ask(&self, definition: &str) -> Vec<Finding> {
        let Self(Some(asked)) = self else { return Vec::new() };
        let within = asked.within;
        let said = timeout(within, asked.ask(definition.to_owned())).await;
        let why = match said {
            Ok(Ok(findings)) => return findings,
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {within:?}"),
        };
        warn!(error = %why, "ShellCheck has no answer: a scan goes on without it.");
        Vec::new()
    }
}

impl Installed {
    async fn ask(&self, definition: String) -> Result<Vec<Finding>, String> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| error.to_string())?;
        // Aside from the threads that listen, since a hostile definition may take its time; one whose asker has gone has its place until it has ended.
        let reading = tokio::task::spawn_blocking(move || {
            let scripts = Dockerfile::parse(&definition).map(|file| lint::scripts(&file));
            (scripts.unwrap_or_default(), place)
        });
        let (scripts, _place) =
            reading.await.map_err(|error| format!("the scripts could not be taken out: {error}"))?;
        if scripts.is_empty() {
            return Ok(Vec::new());
        }
        let said =
            self.checker.check(&scripts).await.map_err(|error| telemetry::Chain(&error).to_string())?;
        Ok(said.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests;
