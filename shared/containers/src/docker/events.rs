//! What Docker tells of its containers as it happens. Only hints: what is there is asked again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};

use super::Docker;
use crate::{container::Lifecycle, error::Error};

/// The subscription reaches the daemon after the call; what happened on the way is asked for too. More than the
/// way takes, so that a clock that is set back a little loses nothing.
const MARGIN: Duration = Duration::from_secs(2);

impl Docker {
    pub(crate) fn watch(&self) -> BoxStream<'static, Result<Lifecycle, Error>> {
        let docker = self.clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = now.saturating_sub(MARGIN);
        // Without a filter for the kind of event: Podman's kinds have other names.
        let options = EventsOptionsBuilder::default()
            .since(&format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
            .filters(&[("type", vec!["container"])].into())
            .build();
        let events = async move {
            let client = docker.client().await?;
            let events = client.events(Some(options));
            Ok(events.map_err(move |error| docker.failed("the events of its containers", error)))
        };
        let mut has_failed = false;
        stream::once(events)
            .try_flatten()
            .try_filter_map(async |message| Ok(lifecycle(message)))
            .take_while(move |event| {
                let goes_on = !has_failed;
                has_failed = event.is_err();
                std::future::ready(goes_on)
            })
            .boxed()
    }
}

fn lifecycle(message: EventMessage) -> Option<Lifecycle> {
    let id = message.actor?.id?.parse().ok()?;
    match message.action?.as_str() {
        "start" => Some(Lifecycle::Started { id }),
        // Docker's word and Podman's.
        "die" | "died" => Some(Lifecycle::Died { id }),
        "destroy" | "remove" => Some(Lifecycle::Destroyed { id }),
        _ => None,
    }
}
