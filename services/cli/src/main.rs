//! `plimsoll`: the operators' and developers' tool, and the embedded pipeline. The only crate that composes services.

mod build;
mod context;
mod credentials;
mod exit;
mod explain;
mod files;
mod lint;
mod orders;
mod policy;
mod questions;
mod redrive;
mod roles;
mod start;
mod status;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

/// Reading and judging definitions is small allocations for the most part: the system's allocator takes a fifth of a `lint`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Containers under operations' eyes: catalogued bases, one ban, and everything derived from it refused, replaced and patched.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole pipeline here: a broker of its own and one process a role.
    Up(up::Arguments),
    /// Run one role, as `up` and service managers do.
    Role(roles::Arguments),
    /// Make streams, consumers and buckets on an existing broker.
    Bootstrap(up::BootstrapArguments),
    /// Print the accounts block for an existing broker's configuration; makes the keys that are missing.
    BrokerConfig(up::BrokerConfigArguments),
    /// Refuse an image and everything derived from it.
    ///
    /// `accepted` means that the invalidator has read the order and found it sound. It does not count the gates: each holds to it as soon as the order reaches
    /// it. Where the invalidator does not answer, the order is stored and not confirmed, which is exit code 3; `plimsoll status --order` says what became of it.
    Ban(orders::BanArguments),
    /// End a ban.
    ///
    /// Exit code 3: stored, but not confirmed by the invalidator; `plimsoll status --order` says what became of it.
    Lift(orders::LiftArguments),
    /// Record from which digest on a banned tag is clean: that one and later ones are allowed, earlier ones stay denied.
    ///
    /// Exit code 3: stored, but not confirmed by the invalidator; `plimsoll status --order` says what became of it.
    Fixed(orders::FixedArguments),
    /// Apply a catalog section, a project or a policy from a JSON file.
    ///
    /// Exit code 3: stored, but not confirmed by the invalidator; `plimsoll status --order` says what became of it.
    Apply(orders::ApplyArguments),
    /// Hold definitions to the rules.
    Lint(lint::Arguments),
    /// Try organisation policies: run their tests, or ask them about definitions.
    Policy(policy::Arguments),
    /// What does a rule ask for, and why?
    Explain(explain::Arguments),
    /// May this image start? Asks the gate of this node.
    Check(questions::CheckArguments),
    /// Ask the gate, then start exactly what it judged.
    Run(start::Arguments),
    /// Why is this image as it is: verdict, path, who, since when, what stands on it?
    Why(questions::WhyArguments),
    /// How do things stand: bans, campaigns, stragglers?
    Status(status::StatusArguments),
    /// Which stored orders hold a credential? Exit code 1 where any does.
    Credentials(credentials::Arguments),
    /// Build a project's last push again, whatever it failed for.
    Build(build::Arguments),
    /// What no service could handle: list it, or have it tried again.
    Redrive(redrive::Arguments),
}

fn main() -> ExitCode {
    // Policies are read in a child that is this program again.
    if let Some(ended) = evaluator::inside::begin() {
        return ended;
    }
    let command = match Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(said) => return exit::told(&said),
    };
    match command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Role(arguments) => roles::run(&arguments),
        Command::Bootstrap(arguments) => up::bootstrap(&arguments),
        Command::BrokerConfig(arguments) => up::broker_config(&arguments),
        Command::Ban(arguments) => orders::ban(&arguments),
        Command::Lift(arguments) => orders::lift(&arguments),
        Command::Fixed(arguments) => orders::fixed(&arguments),
        Command::Apply(arguments) => orders::apply(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Check(arguments) => questions::check(&arguments),
        Command::Run(arguments) => start::run(&arguments),
        Command::Why(arguments) => questions::why(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Credentials(arguments) => credentials::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Redrive(arguments) => redrive::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
