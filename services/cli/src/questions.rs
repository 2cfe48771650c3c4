//! Questions about an image from the command line: to the gate of this node, and to the invalidator.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use events::{
    Body,
    rpc::{CheckReply, CheckRequest, WhyRequest},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use verdict::Decision;

use crate::{
    context,
    exit::{self, Failure, remark, say},
};

/// How long an answer may take: a gate may have to ask a registry for an image it has never seen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
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

/// How old an answer is, for people.
fn age(reply: &CheckReply) -> String {
    let age = match reply.age_ms.map(Duration::from_millis) {
        Some(age) if age < Duration::from_secs(10) => format!("{:.1} s old", age.as_secs_f32()),
        Some(age) => format!("{} s old", age.as_secs()),
        None => "of unknown age".to_owned(),
    };
    if reply.stale { format!("{age}: stale") } else { age }
}

/// What was said in lines, such as the findings of a scan, on one of our own.
pub(crate) fn in_a_row(text: &str) -> String {
    text.replace('\n', "; ")
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
