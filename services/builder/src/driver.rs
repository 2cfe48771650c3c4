//! A build as the worker asks for it, whatever drives it. Not the drivers themselves: see `buildah`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use artifact::Platform;
use tokio_util::sync::CancellationToken;

use crate::buildah::Buildah;
use crate::isolation::{self, Limits};
use crate::layout::{self, Built};

/// One build.
#[derive(Debug, Clone)]
pub struct Request {
    /// The files that the definition may copy; only read.
    pub context: PathBuf,
    /// The Dockerfile, with every image in it pinned to what stands in `bases`. Heredocs have been refused beforehand.
    pub definition: String,
    /// Values for its `ARG` lines.
    pub arguments: BTreeMap<String, String>,
    /// Every image that it may use: there is no network to fetch another.
    pub bases: Vec<Base>,
    /// Labels that the image gets; they win over its own.
    pub labels: BTreeMap<String, String>,
    /// Annotations that the manifest gets; it has no others.
    pub annotations: BTreeMap<String, String>,
    /// The time that files and history get, in seconds since 1970, so that a build can be repeated.
    pub timestamp: i64,
    /// What it may use.
    pub limits: Limits,
    /// Where the OCI layout is to be made; must not exist yet.
    pub output: PathBuf,
}

/// An image that the definition uses.
#[derive(Debug, Clone)]
pub struct Base {
    /// As it stands in the definition, letter by letter.
    pub reference: String,
    /// An OCI layout with this image alone, already checked against its digest.
    pub layout: PathBuf,
}

/// How a build went.
#[derive(Debug)]
pub struct Report {
    /// What the steps printed, bounded; there is a log of a failed build too. It may hold anything.
    pub log: String,
    /// The image in the request's `output`, or why there is none.
    pub result: Result<Built, Error>,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be given to the driver.
    #[error("the build cannot be asked for: {0}")]
    Request(String),
    /// Its files could not be prepared.
    #[error("preparing the build's files failed")]
    Prepare(#[source] io::Error),
    /// It did not come to its own end.
    #[error("the build was ended")]
    Isolation(#[from] isolation::Error),
    /// A step failed.
    #[error("the build failed with exit code {code}; its log says at which step")]
    Failed {
        /// The exit code.
        code: i32,
    },
    /// What it left is no image.
    #[error("the build left no valid image")]
    Layout(#[from] layout::Error),
}

impl Error {
    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Request(_) | Self::Failed { .. } => false,
            Self::Prepare(_) => true,
            Self::Isolation(error) => error.is_retryable(),
            Self::Layout(error) => error.is_retryable(),
        }
    }
}

/// The program that builds. A closed set: config chooses one.
#[derive(Debug, Clone)]
pub enum Driver {
    /// Buildah, in our own isolation.
    Buildah(Buildah),
}

/// The platform that builds run on and for: this machine's. None where its word for it does not tell the variant.
pub fn platform() -> Option<Platform> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        own @ ("riscv64" | "s390x") => own,
        _ => return None,
    };
    Some(Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None })
}

impl Driver {
    /// Builds, and always comes to an end: by itself, at a limit, or soon after `stop`. Nothing is left behind but the output.
    pub async fn build(&self, request: &Request, stop: &CancellationToken) -> Report {
        match self {
            Self::Buildah(buildah) => buildah.build(request, stop).await,
        }
    }
}
