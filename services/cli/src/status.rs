//! `plimsoll status`: what is in force, and which processes are there. It says what is known also when a part is away.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use bus::presence::Present;
use events::{
    rpc::{BanStatus, StatusReply, StatusRequest},
    topology::Role,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    build, context,
    exit::{self, Failure, say},
    questions::{PATIENCE, in_a_row},
};

/// How long a process may take to answer that it is there.
const PRESENCE: Duration = Duration::from_secs(1);

/// Shows what is in force, which roles are down, and what is wrong with those that run.
///
/// Ends with 3 when a role that should run does not answer, after saying everything that is known. Which roles should run stands in the
/// operator's context file, as `plimsoll up` writes it; all where the file does not say.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    /// What became of this order, by its sequence: exit code 0 accepted, 1 rejected, 3 not known (yet).
    #[arg(long, value_name = "SEQUENCE")]
    order: Option<u64>,
    #[command(flatten)]
    context: context::Arguments,
}

pub(crate) fn status(arguments: &StatusArguments) -> ExitCode {
    exit::run(async {
        let (connection, _, roles) = arguments.context.connect_and_expect().await?;
        if let Some(order) = arguments.order {
            let reply =
                connection.ask(StatusRequest {}, PATIENCE).await.map_err(|error| Failure::fault(&error))?;
            return outcome(&reply, order);
        }
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let present = connection.present(&roles, PRESENCE).await.map_err(|error| Failure::fault(&error))?;
        let down = down(&roles, &present);
        // Who is known to be away is not waited for.
        let reply = if down.contains(Role::Invalidator.as_str()) {
            Err(Failure::Fault("the invalidator does not answer".to_owned()))
        } else {
            connection.ask(StatusRequest {}, PATIENCE).await.map_err(|error| Failure::fault(&error))
        };
        match &reply {
            Ok(reply) => say_reply(reply),
            Err(why) => say(format_args!("bans, orders and images are not known: {why}")),
        }
        if present.iter().any(|process| process.name == Role::Planner.as_str()) {
            build::say_waiting(&connection).await;
        }
        conditions(&present).into_iter().for_each(say);
        if down.is_empty() {
            return reply.map(drop);
        }
        let down = down.into_iter().collect::<Vec<_>>().join(", ");
        say(format_args!("down: {down}"));
        Err(Failure::Fault(format!("not running, or not answering: {down}; the logs say why")))
    })
}

/// The roles that should run and did not answer.
fn down<'a>(expected: &[&'a str], present: &[Present]) -> BTreeSet<&'a str> {
    let answers = |role: &&&str| !present.iter().any(|process| process.name == **role);
    expected.iter().filter(answers).copied().collect()
}

/// A line for each thing that is wrong, with the roles that say so.
fn conditions(present: &[Present]) -> Vec<String> {
    let mut by_text: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for process in present {
        for text in &process.conditions {
            by_text.entry(text).or_default().insert(&process.name);
        }
    }
    let line = |(text, roles): (&str, BTreeSet<&str>)| {
        format!("condition of {}: {text}", roles.into_iter().collect::<Vec<_>>().join(", "))
    };
    by_text.into_iter().map(line).collect()
}

/// What became of one order. Rejections that the answer had no room for are the oldest.
fn outcome(reply: &StatusReply, order: u64) -> Result<(), Failure> {
    let rejected = reply.rejected.iter().filter_map(|line| line.strip_prefix("order ")?.split_once(": "));
    let rejected: Vec<(u64, &str)> =
        rejected.filter_map(|(sequence, reason)| Some((sequence.parse().ok()?, reason))).collect();
    if order == 0 || order > reply.orders {
        return Err(Failure::Fault(format!(
            "order {order}: not known: the last order that the invalidator has read is {}",
            reply.orders
        )));
    }
    if let Some((_, reason)) = rejected.iter().find(|(sequence, _)| *sequence == order) {
        return Err(Failure::Refused(exit::visible(&format!("order {order}: rejected: {reason}"))));
    }
    let oldest_named = rejected.iter().map(|(sequence, _)| *sequence).min();
    if reply.untold_rejected > 0 && oldest_named.is_none_or(|oldest| order < oldest) {
        return Err(Failure::Fault(format!(
            "order {order}: not known: the answer had no room for {} older rejections",
            reply.untold_rejected
        )));
    }
    say(format_args!("order {order}: accepted"));
    Ok(())
}

fn say_reply(reply: &StatusReply) {
    say(format_args!(
        "{}, {}, {} in force",
        counted(reply.orders, "order"),
        counted(reply.images, "image"),
        counted(u64::try_from(reply.bans.len()).unwrap_or(u64::MAX) + u64::from(reply.untold_bans), "ban")
    ));
    reply.bans.iter().for_each(say_ban);
    if reply.untold_bans > 0 {
        say(format_args!("{} bans more; `plimsoll why` names what covers an image", reply.untold_bans));
    }
    if reply.untold_rejected > 0 {
        say(format_args!("rejected: {} orders before these", reply.untold_rejected));
    }
    for line in &reply.rejected {
        say(format_args!("rejected: {line}"));
    }
}

fn say_ban(ban: &BanStatus) {
    let since = ban.since.map(shown).unwrap_or_default();
    say(format_args!(
        "ban {} of {} by {} since {since}: {}, {}",
        ban.ban, ban.target, ban.operator, ban.severity, ban.state
    ));
    say(format_args!("  {}", ban.reason));
    if !ban.pending_because.is_empty() {
        say(format_args!("  its target cannot be read: {}", ban.pending_because));
    }
    let campaign = if ban.campaign.is_empty() { "not opened" } else { &ban.campaign };
    say(format_args!(
        "  campaign {campaign}: {} covered, {} replaced, {} remedied",
        counted(u64::from(ban.images), "image"),
        ban.replaced,
        counted(u64::from(ban.containers_remedied), "container")
    ));
    for straggler in &ban.stragglers {
        say(format_args!("  left: {}", in_a_row(straggler)));
    }
    if ban.untold > 0 {
        say(format_args!(
            "  left: {} more; plimsoll.campaign.progressed and plimsoll.image.unattributed name each",
            ban.untold
        ));
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn shown(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, conditions: &[&str]) -> Present {
        Present {
            name: name.to_owned(),
            conditions: conditions.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn who_should_answer_and_does_not_is_down() {
        let present = [process("gate", &[]), process("gate", &[]), process("other", &[])];
        assert_eq!(down(&["gate", "worker"], &present), BTreeSet::from(["worker"]));
    }

    #[test]
    fn what_several_say_is_one_line() {
        let present =
            [process("gate", &["full"]), process("agent", &["behind", "full"]), process("gate", &["full"])];
        assert_eq!(conditions(&present), ["condition of agent: behind", "condition of agent, gate: full"]);
    }

    #[track_caller]
    fn check(order: u64, untold_rejected: u32, expected: &str) {
        let rejected = vec!["order 4: no such remedy: nope".to_owned(), "order 7: late".to_owned()];
        let reply = StatusReply { orders: 9, rejected, untold_rejected, ..StatusReply::default() };
        let said = match outcome(&reply, order) {
            Ok(()) => "accepted",
            Err(Failure::Refused(_)) => "rejected",
            Err(Failure::Usage(_)) => "mistyped",
            Err(Failure::Fault(_)) => "unknown",
        };
        assert_eq!(said, expected, "order {order} with {untold_rejected} rejections that were left out");
    }

    #[test]
    fn an_order_that_was_read_is_accepted_or_rejected() {
        check(3, 0, "accepted");
        check(4, 0, "rejected");
        check(7, 0, "rejected");
        check(9, 0, "accepted");
        check(10, 0, "unknown");
        check(0, 0, "unknown");
        check(3, 2, "unknown");
        check(5, 2, "accepted");
    }
}
