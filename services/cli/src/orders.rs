//! Orders from the command line: the same JSON on the same subjects as any client publishes, and a wait for the answer.

mod fix;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use bus::order::Given;
use events::{order, rpc::StatusRequest};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use verdict::Sequence;

use crate::{
    context,
    exit::{self, Failure, remark, say},
    files, policy,
};

/// How long the invalidator may take to answer an order.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct BanArguments {
    /// What is banned: an image with its tag or digest.
    image: String,
    /// Why, for the people who are refused.
    #[arg(long)]
    reason: String,
    /// low, high or critical.
    #[arg(long, default_value = "high")]
    severity: String,
    /// What to build on instead.
    #[arg(long)]
    replacement: Option<String>,
    /// A remedy that the catalog declares, for containers that run already.
    #[arg(long)]
    remedy: Option<String>,
    /// Roles in which the image taints another: base, copy, stage, mount, frontend.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// When the ban ends by itself, as in 2026-12-24T18:00:00Z (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = instant)]
    expires: Option<String>,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LiftArguments {
    /// The banned image as in the ban, or the ban's order sequence.
    ban: String,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FixedArguments {
    /// The banned tag as in the ban, or the ban's order sequence.
    ban: String,
    /// The first clean digest that the tag itself points at: of the index, where there is one.
    digest: String,
    /// Why it is clean.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArguments {
    /// What the file holds: catalog, project or policy.
    kind: Kind,
    /// The JSON file; `-` reads standard input.
    file: PathBuf,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Catalog,
    Project,
    Policy,
}

/// A time as orders have it; what else is tried is a day without an hour, or a word.
fn instant(text: &str) -> Result<String, String> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err("write date, time and zone, as in 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00"
                .to_owned())
        }
    }
}

pub(crate) fn ban(arguments: &BanArguments) -> ExitCode {
    let BanArguments { image, reason, severity, replacement, remedy, roles, expires, context } = arguments;
    let mut body = Map::from_iter([
        ("image".to_owned(), json!(image)),
        ("reason".to_owned(), json!(reason)),
        ("severity".to_owned(), json!(severity)),
        ("roles".to_owned(), json!(roles)),
    ]);
    let optional = [("replacement", replacement), ("remedy", remedy), ("expires", expires)];
    body.extend(
        optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))),
    );
    let body = Value::Object(body).to_string().into_bytes();
    exit::run(async {
        if let Some((connection, ban)) = give(order::BANNED, body, context).await? {
            say_pending(&connection, ban).await;
        }
        Ok(())
    })
}

/// A ban whose target could not be read yet holds back more than it names: whoever gave it must hear of that now. That the answer
/// is missing is no failure, since the order stands.
async fn say_pending(connection: &bus::Connection, ban: Sequence) {
    let Ok(status) = connection.ask(StatusRequest {}, PATIENCE).await else { return };
    let Some(ban) = status.bans.into_iter().find(|status| status.ban == ban) else { return };
    if ban.state != "pending" {
        return;
    }
    let held = match ban.severity.as_str() {
        "critical" => "enforcing doors refuse every image that cannot be cleared of it",
        _ => "images that cannot be cleared of it are warned of",
    };
    let because = if ban.pending_because.is_empty() { "it is being looked up" } else { &ban.pending_because };
    remark(format_args!(
        "{} has not been read ({because}): until it is, {held}. Is it spelt right? See `plimsoll status`; `plimsoll lift {}` ends it.",
        ban.target, ban.ban
    ));
}

pub(crate) fn lift(arguments: &LiftArguments) -> ExitCode {
    let LiftArguments { ban, reason, context } = arguments;
    let body = match ban.parse::<u64>() {
        Ok(sequence) => json!({"ban": sequence, "reason": reason}),
        Err(_) => json!({"image": ban, "reason": reason}),
    };
    exit::run(async { give(order::LIFTED, body.to_string().into_bytes(), context).await.map(drop) })
}

pub(crate) fn fixed(arguments: &FixedArguments) -> ExitCode {
    let FixedArguments { ban, digest, reason, context } = arguments;
    let body = match ban.parse::<u64>() {
        Ok(sequence) => json!({"ban": sequence, "digest": digest, "reason": reason}),
        Err(_) => json!({"image": ban, "digest": digest, "reason": reason}),
    };
    exit::run(async {
        // Before anything is asked: what cannot be meant needs no answer.
        order::decode_body(order::FIXED, body.to_string().as_bytes()).map_err(Failure::usage)?;
        fix::check(&context.connect().await?.0, ban, digest).await?;
        give(order::FIXED, body.to_string().into_bytes(), context).await.map(drop)
    })
}

pub(crate) fn apply(arguments: &ApplyArguments) -> ExitCode {
    let ApplyArguments { kind, file, context } = arguments;
    let kind = match kind {
        Kind::Catalog => order::CATALOG,
        Kind::Project => order::PROJECT,
        Kind::Policy => order::POLICY,
    };
    let body = match file.as_os_str().to_str() {
        Some("-") => files::read_input(),
        _ => files::read(file),
    };
    let unreadable = |error| Failure::Usage(format!("{} cannot be read: {error}", file.display()));
    exit::run(async { give(kind, body.map_err(unreadable)?, context).await.map(drop) })
}

/// Gives an order and says what became of it. The connection and the order's place are returned where it changed something.
pub(crate) async fn give(
    kind: &str,
    body: Vec<u8>,
    context: &context::Arguments,
) -> Result<Option<(bus::Connection, Sequence)>, Failure> {
    // What every reader of the order would reject is not even sent.
    let order = order::decode_body(kind, &body).map_err(Failure::usage)?;
    order.check_texts().map_err(Failure::usage)?;
    policy::check_order(&order).await?;
    give_as_it_is(kind, body, context).await
}

/// As [`give`], without asking whether anybody could mean it.
pub(crate) async fn give_as_it_is(
    kind: &str,
    body: Vec<u8>,
    context: &context::Arguments,
) -> Result<Option<(bus::Connection, Sequence)>, Failure> {
    let (connection, operator) = context.connect().await?;
    let given = connection.order(kind, &operator, body, PATIENCE).await.map_err(|error| match error {
        error @ bus::Error::Large { .. } => {
            Failure::Usage(format!("{error}; take out what need not be in it"))
        }
        error => Failure::fault(&error),
    });
    match given? {
        Given::Accepted(accepted) if accepted.changed => {
            say(format_args!("order {}: accepted", accepted.order));
            Ok(Some((connection, accepted.order)))
        }
        Given::Accepted(accepted) => {
            say(format_args!("order {}: accepted, and in effect already", accepted.order));
            Ok(None)
        }
        Given::Rejected(rejected) => {
            let why = exit::visible(&rejected.reason);
            Err(Failure::Refused(format!("order {}: rejected: {why}", rejected.order)))
        }
        Given::Unanswered(sequence) => Err(Failure::Fault(unconfirmed(kind, Sequence(sequence)))),
    }
}

/// What is known of an order that is stored and not answered: that it is stored. Whether it can be meant only the invalidator says, and the gates were not
/// asked.
fn unconfirmed(kind: &str, sequence: Sequence) -> String {
    let list = if kind == order::POLICY { ", and `plimsoll policy list` which policies hold" } else { "" };
    format!(
        "order {sequence}: stored; not confirmed yet: the invalidator did not answer within {} s, so it may still be rejected, and no gate was asked. \
         Do not give it again: `plimsoll status --order {sequence}` says what became of it{list}",
        PATIENCE.as_secs()
    )
}
