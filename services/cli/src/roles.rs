//! One role in this process: the same body that the role's own binary runs.

use std::process::ExitCode;

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
