//! The scanner as a process of its own.

use std::process::ExitCode;

use events::topology::Role;

fn main() -> ExitCode {
    // Policies are read in a child that is this program again.
    if let Some(ended) = evaluator::inside::begin() {
        return ended;
    }
    service::main(Role::Scanner, scanner::run)
}
