//! Questions from the command line: to the gate of this node, and to the invalidator.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use events::{
    Body,
    rpc::{BanStatus, CheckReply, CheckRequest, StatusReply, StatusRequest, WhyRequest},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header};
use hyper_util::rt::TokioIo;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::net::UnixStream;
use verdict::Decision;

use crate::{
    build, context,
    exit::{self, Failure, remark, say},
};

/// How long an answer may take: a gate may have to ask a registry for an image it has never seen.
const PATIENCE: Duration = Duration::from_secs(15);
/// No answer is longer.
const LONGEST_ANSWER: usize = 1 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// The image, by any name.
    image: String,
    #[command(flatten)]
    gate: GateArguments,
}

/// Where the gate of this node listens.
#[derive(Debug, clap::Args)]
#[group(id = "node")]
pub(crate) struct GateArguments {
    /// The gate's socket, as `plimsoll up` makes it.
    #[arg(long, env = "PLIMSOLL_GATE", default_value = "plimsoll-data/gate.sock", value_name = "SOCKET")]
    gate: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhyArguments {
    /// The image, by any name.
    image: String,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    /// What became of this order, by its sequence: exit code 0 accepted, 1 rejected, 3 not known (yet).
    #[arg(long, value_name = "SEQUENCE")]
    order: Option<u64>,
    #[command(flatten)]
    context: context::Arguments,
}

pub(crate) fn check(arguments: &CheckArguments) -> ExitCode {
    exit::run(async {
        let reply = arguments.gate.ask(&arguments.image, "check").await?;
        let line = exit::visible(&format!("{}: {}", arguments.image, reply.message));
        match (reply.decision, reply.strict) {
            (Decision::Refuse, _) => return Err(Failure::Refused(format!("refuse  {line}"))),
            (Decision::Warn, _) => say(format_args!("warn    {line}")),
            (Decision::Allow, Decision::Allow) => say(format_args!("allow   {line}")),
            (Decision::Allow, strict) => {
                say(format_args!("allow   {line} (an enforcing door would {strict})"))
            }
        }
        remark(format_args!(
            "as of order {} and resolution {}, {}",
            reply.orders,
            reply.resolutions,
            age(&reply)
        ));
        Ok(())
    })
}

pub(crate) fn why(arguments: &WhyArguments) -> ExitCode {
    exit::run(async {
        let (connection, _) = arguments.context.connect().await?;
        let question = WhyRequest { image: arguments.image.clone() };
        let reply = connection.ask(question, PATIENCE).await.map_err(|error| match error {
            bus::Error::Answer { message, .. } => Failure::Usage(exit::visible(&message)),
            error => Failure::fault(&error),
        })?;
        say(format_args!("{}: {}", arguments.image, reply.verdict.strict));
        say(format_args!("  {}", reply.verdict.message));
        if !reply.verdict.path.is_empty() {
            say(format_args!("  path         {}", reply.verdict.path.join(" → ")));
        }
        if !reply.evidence.is_empty() {
            say(format_args!("  known by     {}", reply.evidence));
        }
        for derivative in &reply.derivatives {
            say(format_args!("  stands on it {derivative}"));
        }
        for line in &reply.campaign {
            say(format_args!("  campaign     {}", in_a_row(line)));
        }
        Ok(())
    })
}

pub(crate) fn status(arguments: &StatusArguments) -> ExitCode {
    exit::run(async {
        let (connection, _) = arguments.context.connect().await?;
        let reply =
            connection.ask(StatusRequest {}, PATIENCE).await.map_err(|error| Failure::fault(&error))?;
        if let Some(order) = arguments.order {
            return outcome(&reply, order);
        }
        say(format_args!(
            "{}, {}, {} in force",
            counted(reply.orders, "order"),
            counted(reply.images, "image"),
            counted(
                u64::try_from(reply.bans.len()).unwrap_or(u64::MAX) + u64::from(reply.untold_bans),
                "ban"
            )
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
        build::say_waiting(&connection).await;
        Ok(())
    })
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

/// How old an answer is, for people.
fn age(reply: &CheckReply) -> String {
    let age = match reply.age_ms.map(Duration::from_millis) {
        Some(age) if age < Duration::from_secs(10) => format!("{:.1} s old", age.as_secs_f32()),
        Some(age) => format!("{} s old", age.as_secs()),
        None => "of unknown age".to_owned(),
    };
    if reply.stale { format!("{age}: stale") } else { age }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What was said in lines, such as the findings of a scan, on one of our own.
fn in_a_row(text: &str) -> String {
    text.replace('\n', "; ")
}

fn shown(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

impl GateArguments {
    /// Asks the gate over its socket.
    pub(crate) async fn ask(&self, image: &str, door: &str) -> Result<CheckReply, Failure> {
        tokio::time::timeout(PATIENCE, self.exchange(image, door)).await.unwrap_or_else(|_| {
            Err(Failure::Fault(format!("the gate did not answer within {} s", PATIENCE.as_secs())))
        })
    }

    async fn exchange(&self, image: &str, door: &str) -> Result<CheckReply, Failure> {
        let socket = self.gate.display();
        let stream = UnixStream::connect(&self.gate).await.map_err(|error| {
            Failure::Fault(format!(
                "no gate listens at {socket}: {error}; start `plimsoll up`, or name its socket with --gate"
            ))
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::fault(&error))?;
        let question = CheckRequest { image: image.to_owned(), door: door.to_owned() };
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/check")
            .header(header::HOST, "gate")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(question.encode())))
            .map_err(|error| Failure::fault(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| Failure::fault(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
            let body = body
                .map_err(|error| Failure::Fault(format!("the gate's answer broke off: {error}")))?
                .to_bytes();
            Ok::<_, Failure>((status, body))
        };
        // The connection does the work while the exchange waits; it ends with it.
        let (status, body) = tokio::select! {
            answer = exchange => answer?,
            ended = connection => {
                return Err(Failure::Fault(format!("the gate closed the connection: {ended:?}")));
            }
        };
        let text = || String::from_utf8_lossy(&body).trim().to_owned();
        match status {
            StatusCode::OK => CheckReply::decode(&body).map_err(|error| Failure::fault(&error)),
            StatusCode::BAD_REQUEST => Err(Failure::Usage(text())),
            _ => Err(Failure::Fault(format!("the gate answers {status}: {}", text()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
