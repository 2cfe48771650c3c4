//! The watcher as a process of its own.

use std::process::ExitCode;

use events::topology::Role;

fn main() -> ExitCode {
    service::main(Role::Watcher, watcher::run)
}
