//! One role in this process: the same body that the role's own binary runs.

use std::{path::Path, process::ExitCode};

use events::topology::Role;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The role.
    role: Role,
    #[command(flatten)]
    service: service::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Arguments { role, service: own } = arguments;
    match role {
        Role::Watcher => service::run(*role, own, watcher::run),
        Role::Scanner => service::run(*role, own, scanner::run),
        Role::Planner => service::run(*role, own, builder::plan),
        Role::Worker => service::run(*role, own, builder::work),
        Role::Invalidator => service::run(*role, own, invalidator::run),
        Role::Notifier => service::run(*role, own, notifier::run),
        Role::Gate => service::run(*role, own, gate::run),
        Role::Agent => service::run(*role, own, remediator::run),
    }
}

/// Reads a role's configuration as its process will.
pub(crate) fn check(role: Role, file: &Path) -> Result<(), service::Mistakes> {
    let own = role.as_str();
    match role {
        Role::Watcher => service::check::<watcher::Config>(file, own),
        Role::Scanner => service::check::<scanner::Config>(file, own),
        Role::Planner => service::check::<builder::PlannerConfig>(file, own),
        Role::Worker => service::check::<builder::WorkerConfig>(file, own),
        Role::Invalidator => service::check::<invalidator::Config>(file, own),
        Role::Notifier => service::check::<notifier::Config>(file, own),
        Role::Gate => service::check::<gate::Config>(file, own),
        Role::Agent => service::check::<remediator::Config>(file, own),
    }
}
