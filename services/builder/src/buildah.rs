//! The driver for buildah. Not the place where it runs (`isolation`), nor what becomes of its image (`layout`).
//!
//! Each build has a storage of its own, so nothing that one build did can be seen by another; the bases come as OCI layouts that
//! are mounted read-only. Labels and annotations are added afterwards, outside: buildah would write them into the definition as
//! an instruction, and the steps that run beside it have no say in them.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::fs;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::driver::{Base, Error, Report, Request};
use crate::isolation::{self, Isolation, Limits, View, Workspace};
use crate::layout::{self, Additions, Built};
use child::Log;

/// The driver's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Buildah 1.28 or newer; must lie below /usr, which is all that is seen inside.
    pub buildah: PathBuf,
    /// What runs the steps. Not crun, which refuses hybrid control groups.
    pub runtime: PathBuf,
    /// How images are unpacked.
    pub storage: Storage,
    /// Where builds happen.
    pub isolation: isolation::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            buildah: PathBuf::from("/usr/bin/buildah"),
            runtime: PathBuf::from("/usr/sbin/runc"),
            storage: Storage::Auto,
            isolation: isolation::Config::default(),
        }
    }
}

/// How layers become a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Overlay where the machine can, else copies.
    Auto,
    /// Mounted upon one another: fast. Needs a scratch directory that is not on an overlay itself.
    Overlay,
    /// Copied: works everywhere, and costs a copy of the base.
    Vfs,
}

/// Builds with buildah.
#[derive(Debug, Clone)]
pub struct Buildah {
    config: Config,
    isolation: Isolation,
    storage: &'static str,
}

impl Buildah {
    /// Sweeps the scratch directory, tries the isolation out, and finds out how images can be unpacked.
    pub async fn open(config: Config) -> Result<Self, Error> {
        for program in [&config.buildah, &config.runtime] {
            if !fs::try_exists(program).await.unwrap_or(false) {
                let hint = "install buildah and runc, or set their paths in the config";
                return Err(Error::Request(format!("{} does not exist; {hint}", program.display())));
            }
        }
        let isolation = Isolation::new(config.isolation.clone());
        isolation.sweep().await?;
        let can_overlay = can_overlay(&isolation).await?;
        let storage = match (config.storage, can_overlay) {
            (Storage::Vfs, _) | (Storage::Auto, false) => "vfs",
            (Storage::Overlay, _) | (Storage::Auto, true) => "overlay",
        };
        info!(storage, "Builds can be isolated.");
        Ok(Self { config, isolation, storage })
    }

    /// See [`crate::driver::Driver::build`].
    pub(crate) async fn build(&self, request: &Request, stop: &CancellationToken) -> Report {
        let mut log = Log::new(request.limits.log_bytes);
        let workspace = match self.isolation.workspace() {
            Ok(workspace) => workspace,
            Err(error) => return Report { log: String::new(), result: Err(error.into()) },
        };
        let result = self.build_in(&workspace, request, &mut log, stop).await;
        if let Err(error) = self.isolation.remove(workspace).await {
            // The image stands; the next sweep tries again.
            error!(error = &error as &dyn std::error::Error, "A build's directory stays behind.");
        }
        Report { log: readable(&log, &request.bases), result }
    }

    async fn build_in(
        &self,
        workspace: &Workspace,
        request: &Request,
        log: &mut Log,
        stop: &CancellationToken,
    ) -> Result<Built, Error> {
        let command = self.command(request)?;
        let views = prepare(workspace, request).await.map_err(Error::Prepare)?;
        match self.isolation.run(workspace, &views, &command, &request.limits, log, stop).await? {
            0 => {}
            code => return Err(Error::Failed { code }),
        }
        let (built, output) = (workspace.output(), request.output.clone());
        let bases: Vec<PathBuf> = request.bases.iter().map(|base| base.layout.clone()).collect();
        let additions = Additions {
            labels: request.labels.clone(),
            annotations: request.annotations.clone(),
            names: (0..)
                .zip(&request.bases)
                .map(|(index, base)| (history(index), base.reference.clone()))
                .collect(),
        };
        let finished = spawn_blocking(move || layout::finish(&built, &bases, &additions, &output)).await;
        Ok(finished.map_err(|panic| Error::Prepare(panic.into()))??)
    }

    fn command(&self, request: &Request) -> Result<Vec<OsString>, Error> {
        let mut command: Vec<OsString> = vec![self.config.buildah.clone().into()];
        command.extend(
            ["--root", "/build/storage", "--runroot", "/build/run", "--storage-driver", self.storage, "bud"]
                .map(Into::into),
        );
        command.extend(["--isolation", "oci", "--runtime"].map(Into::into));
        command.push(self.config.runtime.clone().into());
        // One layer on top of the base: no cache could be used in a storage that is new each time.
        command.extend(
            ["--network", "none", "--pull-never", "--layers=false", "--identity-label=false"].map(Into::into),
        );
        command.push(format!("--timestamp={}", request.timestamp.max(0)).into());
        for (name, value) in &request.arguments {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(word) {
                return Err(Error::Request(format!("`{name}` is not the name of a build argument")));
            }
            command.push(format!("--build-arg={name}={value}").into());
        }
        for (index, base) in (0..).zip(&request.bases) {
            let plain = |c: char| c.is_ascii_graphic() && c != '=';
            if base.reference.is_empty() || !base.reference.chars().all(plain) {
                return Err(Error::Request(format!("`{}` is not a reference", base.reference)));
            }
            let inside = inside(index);
            command.push(format!("--build-context={}=container-image://oci:{inside}", base.reference).into());
        }
        command.extend(
            ["--file=/build/Dockerfile", "--tag=oci:/build/output:image", "/context"].map(Into::into),
        );
        Ok(command)
    }
}

/// Where the base of this index lies inside.
fn inside(index: usize) -> String {
    format!("/bases/{index:03}")
}

/// What buildah calls it in the image's history.
fn history(index: usize) -> String {
    format!("FROM localhost{}:latest", inside(index))
}

/// The log with the bases under the names that its reader knows.
fn readable(log: &Log, bases: &[Base]) -> String {
    let name = |text: String, (index, base): (usize, &Base)| {
        text.replace(&format!("oci:{}", inside(index)), &base.reference)
    };
    (0..).zip(bases).fold(log.text(), name)
}

/// Writes the definition and makes what is mounted readable for a user that is nobody outside.
async fn prepare(workspace: &Workspace, request: &Request) -> io::Result<Vec<View>> {
    let definition = workspace.build().join("Dockerfile");
    fs::write(&definition, &request.definition).await?;
    fs::set_permissions(&definition, Permissions::from_mode(0o644)).await?;
    // Git wrote the files below it for everybody; only the directory itself may be private.
    make_readable(&request.context).await?;
    let mut views = vec![View { from: request.context.clone(), to: "/context".to_owned() }];
    for (index, base) in (0..).zip(&request.bases) {
        let blobs = base.layout.join("blobs");
        for path in [&base.layout, &base.layout.join("index.json"), &base.layout.join("oci-layout"), &blobs] {
            make_readable(path).await?;
        }
        make_readable(&blobs.join("sha256")).await?;
        let mut entries = fs::read_dir(blobs.join("sha256")).await?;
        while let Some(entry) = entries.next_entry().await? {
            make_readable(&entry.path()).await?;
        }
        views.push(View { from: base.layout.clone(), to: inside(index) });
    }
    Ok(views)
}

async fn make_readable(path: &Path) -> io::Result<()> {
    let metadata = fs::metadata(path).await?;
    let mode = metadata.permissions().mode();
    let wanted = mode | if metadata.is_dir() { 0o555 } else { 0o444 };
    if mode == wanted { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(wanted)).await }
}

/// Whether one overlay can be mounted inside, which also shows that the isolation as a whole works here.
async fn can_overlay(isolation: &Isolation) -> Result<bool, Error> {
    const SCRIPT: &str = "cd /build/tmp && mkdir low up work all && \
        mount -t overlay -o lowerdir=low,upperdir=up,workdir=work none all";
    /// A mount takes milliseconds; a machine that needs longer has other troubles.
    const LIMITS: Limits = Limits {
        memory_bytes: 256 << 20,
        processes: 32,
        disk_bytes: 16 << 20,
        wall_seconds: 30,
        log_bytes: 4096,
    };
    let workspace = isolation.workspace()?;
    let command = ["sh", "-c", SCRIPT].map(OsString::from);
    let mut log = Log::new(LIMITS.log_bytes);
    let code = isolation.run(&workspace, &[], &command, &LIMITS, &mut log, &CancellationToken::new()).await;
    isolation.remove(workspace).await?;
    Ok(code? == 0)
}

#[cfg(test)]
mod tests;
