//! Building a project because a person wants it, and which builds wait. The planner decides; this asks and prints.

use std::{process::ExitCode, time::Duration};

use events::rpc::{BuildRequest, WaitingBuild, WaitingRequest};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use verdict::order::Name;

use crate::{
    context,
    exit::{self, Failure, say},
};

/// How long the planner may take to release a build.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long `status` waits for what only adds to it.
const BRIEF: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The project whose last push is built again, and what an active ban wants rebuilt of it.
    #[arg(value_name = "PROJECT")]
    project: String,
    #[command(flatten)]
    context: context::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::run(build(arguments))
}

async fn build(arguments: &Arguments) -> Result<(), Failure> {
    let project: Name = arguments.project.parse().map_err(Failure::usage)?;
    let (connection, operator) = arguments.context.connect().await?;
    let request = BuildRequest { project, operator: operator.to_string() };
    let reply = connection.ask(request, PATIENCE).await.map_err(|error| Failure::fault(&error))?;
    for build in &reply.released {
        say(format_args!("{build}: released"));
    }
    if reply.released.is_empty() {
        say(format_args!("nothing is built: {}", reply.reason));
    }
    Ok(())
}

/// Prints the builds that wait; says so where the planner does not answer.
pub(crate) async fn say_waiting(connection: &bus::Connection) {
    match connection.ask(WaitingRequest {}, BRIEF).await {
        Ok(reply) => {
            reply.builds.iter().for_each(say_one);
            if reply.omitted > 0 {
                say(format_args!("{} builds more wait", reply.omitted));
            }
        }
        Err(_) => say("the planner does not answer: which builds wait is not known"),
    }
}

fn say_one(build: &WaitingBuild) {
    let WaitingBuild { build, project, since, reason, class, retry_at, attempt } = build;
    let since = since.map(shown).unwrap_or_default();
    let next = match retry_at {
        Some(at) => format!("next at {}", shown(*at)),
        None => "being tried now".to_owned(),
    };
    let class = class.map_or("", |class| class.as_str());
    say(format_args!(
        "build {build} of {project} waits since {since} ({class}): attempt {attempt} failed, {next}"
    ));
    say(format_args!("  {}", reason.replace('\n', "; ")));
}

fn shown(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
