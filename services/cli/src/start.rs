//! `plimsoll run`: ask the gate, then start exactly what it judged. A wrapper for people; where it must hold, the plugin stands behind it.

use std::{os::unix::process::CommandExt as _, path::PathBuf, process::ExitCode};

use verdict::Decision;

use crate::{
    exit::{self, Failure, remark},
    questions::GateArguments,
};

#[derive(Debug, clap::Args)]
#[command(trailing_var_arg = true)]
pub(crate) struct Arguments {
    /// Run in the background.
    #[arg(short, long)]
    detach: bool,
    /// Remove the container when it ends.
    #[arg(long)]
    rm: bool,
    /// The container's name.
    #[arg(long)]
    name: Option<String>,
    /// The container's network.
    #[arg(long)]
    network: Option<String>,
    /// An environment variable, as NAME=VALUE.
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    environment: Vec<String>,
    /// Any other option of `docker run`, as one word: --docker=--read-only.
    #[arg(long = "docker", value_name = "OPTION", allow_hyphen_values = true)]
    options: Vec<String>,
    /// The Docker command.
    #[arg(long, default_value = "docker")]
    docker_command: PathBuf,
    /// The daemon, as in `docker -H`.
    #[arg(short = 'H', long, value_name = "ADDRESS")]
    host: Option<String>,
    #[command(flatten)]
    gate: GateArguments,
    /// The image.
    image: String,
    /// The command inside, and its arguments.
    #[arg(allow_hyphen_values = true)]
    command: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::run(async {
        let reply = arguments.gate.ask(&arguments.image, "create").await?;
        match reply.decision {
            Decision::Refuse => {
                return Err(Failure::Refused(format!("not started: {}", exit::visible(&reply.message))));
            }
            Decision::Warn => remark(format_args!("warning: {}", exit::visible(&reply.message))),
            Decision::Allow => {}
        }
        // By digest, so that a tag that moves between the question and the start cannot swap the image.
        let image = if reply.pinned.is_empty() { &arguments.image } else { &reply.pinned };
        let mut docker = std::process::Command::new(&arguments.docker_command);
        docker.args(arguments.host.iter().flat_map(|host| ["-H", host]));
        docker.arg("run");
        docker.args(arguments.detach.then_some("--detach"));
        docker.args(arguments.rm.then_some("--rm"));
        docker.args(arguments.name.iter().flat_map(|name| ["--name", name]));
        docker.args(arguments.network.iter().flat_map(|network| ["--network", network]));
        docker.args(arguments.environment.iter().flat_map(|variable| ["--env", variable]));
        docker.args(&arguments.options).arg(image).args(&arguments.command);
        // Only returns when it could not be started.
        let error = docker.exec();
        Err(Failure::Fault(format!("{} cannot be run: {error}", arguments.docker_command.display())))
    })
}
