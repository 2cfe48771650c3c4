//! The notifier as a process of its own.

use std::process::ExitCode;

use events::topology::Role;

fn main() -> ExitCode {
    service::main(Role::Notifier, notifier::run)
}
