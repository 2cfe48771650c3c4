//! Which orders hold a credential: asked of the invalidator, since no operator reads ORDERS.

use std::{process::ExitCode, time::Duration};

use events::rpc::{CredentialsRequest, ExposedOrder};
use time::format_description::well_known::Rfc3339;

use crate::{
    context,
    exit::{self, Failure, say},
};

/// How long the invalidator may take.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    context: context::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::run(async {
        let (connection, _) = arguments.context.connect().await?;
        let reply =
            connection.ask(CredentialsRequest {}, PATIENCE).await.map_err(|error| Failure::fault(&error))?;
        if reply.orders.is_empty() && reply.omitted == 0 {
            say("no order holds a credential");
            return Ok(());
        }
        reply.orders.iter().for_each(|order| say(line(order)));
        if reply.omitted > 0 {
            say(format_args!("{} orders more, for which the answer had no room", reply.omitted));
        }
        Err(Failure::Refused(
            "these orders hold credentials, and every service and node reads them. Change each credential where it is valid; \
             write the new one into the file that `credentials` of [watcher.source], [worker.source] and [notifier.source] names; \
             and apply what is in use again without it"
                .to_owned(),
        ))
    })
}

fn line(exposed: &ExposedOrder) -> String {
    let ExposedOrder { order, operator, kind, name, fields, at, is_current } = exposed;
    let at = at.and_then(|at| at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()).unwrap_or_default();
    let name = if name.is_empty() { String::new() } else { format!(" of {name}") };
    let used = if *is_current { "; in use" } else { "" };
    format!("order {order} by {operator} at {at}: {kind}{name}: a credential in {}{used}", fields.join(", "))
}
