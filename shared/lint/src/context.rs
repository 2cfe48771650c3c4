//! What a file is judged with besides its own text. Not where it comes from: whoever reads files and asks registries fills it in.

use std::collections::BTreeMap;

/// What is known around a file; the default knows nothing, and rules that need more are silent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The text of the `.dockerignore` that the build will use.
    pub ignore_file: Option<String>,
    /// The platforms that each base image turned out to be for (`os/architecture`), by the reference as FROM writes it.
    pub base_platforms: BTreeMap<String, Vec<String>>,
    /// The platform that is built for (`os/architecture`).
    pub platform: Option<String>,
}
