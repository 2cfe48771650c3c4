//! What no service could handle: shown, and tried again when a person wants it.

use std::{process::ExitCode, time::Duration};

use bus::dead::Redriven;
use events::fact::DeadLetter;

use crate::{
    context,
    exit::{self, Failure, say},
};

/// How long a letter is waited for; a build takes longer, and is seen in its own facts.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The letters to try again, as they are listed where none is named.
    #[arg(value_name = "STREAM/CONSUMER/SEQUENCE")]
    letters: Vec<String>,
    /// All of them.
    #[arg(long, conflicts_with = "letters")]
    all: bool,
    #[command(flatten)]
    context: context::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::run(redrive(arguments))
}

async fn redrive(arguments: &Arguments) -> Result<(), Failure> {
    let (connection, operator) = arguments.context.connect().await?;
    let letters = connection.dead_letters().await.map_err(|error| Failure::fault(&error))?;
    if let Some(unknown) =
        arguments.letters.iter().find(|wanted| !letters.iter().any(|it| name(it) == **wanted))
    {
        return Err(Failure::Usage(format!(
            "{unknown} is no dead letter that waits; `plimsoll redrive` lists them"
        )));
    }
    if arguments.letters.is_empty() && !arguments.all {
        for letter in &letters {
            say(described(letter));
        }
        return Ok(());
    }
    let mut failed = 0;
    for letter in letters.iter().filter(|letter| arguments.all || arguments.letters.contains(&name(letter))) {
        let redriven = connection.redrive(letter, &operator, PATIENCE).await;
        match redriven.map_err(|error| Failure::fault(&error))? {
            Redriven::Handled => say(format_args!("{}: handled", name(letter))),
            Redriven::Asked => say(format_args!(
                "{}: will be tried; nothing came of it within {} s",
                name(letter),
                PATIENCE.as_secs()
            )),
            Redriven::Failed(again) => {
                failed += 1;
                say(described(&again));
            }
        }
    }
    if failed > 0 { Err(Failure::Fault(format!("{failed} failed again and wait on"))) } else { Ok(()) }
}

fn name(letter: &DeadLetter) -> String {
    format!("{}/{}/{}", letter.stream, letter.consumer, letter.sequence)
}

fn described(letter: &DeadLetter) -> String {
    let DeadLetter { subject, deliveries, reason, .. } = letter;
    format!("{}: {subject}, given up after {deliveries} deliveries: {reason}", name(letter))
}
