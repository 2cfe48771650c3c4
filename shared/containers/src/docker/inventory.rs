//! The containers that Docker has, with what is known of their images. Nothing is run here.

use std::collections::{BTreeMap, BTreeSet};

use artifact::Digest;
use bollard::{
    models::{ContainerInspectResponse, ImageInspect},
    query_parameters::{InspectContainerOptions, RemoveContainerOptionsBuilder},
};
use futures::{StreamExt, TryStreamExt, stream};
use tracing::warn;

use super::{Docker, found, image};
use crate::{
    container::Container,
    error::Error,
    id::{ContainerId, is_word},
};

/// Requests in flight to one daemon: enough to hide the way there, few enough to leave it its own work.
const CONCURRENCY: usize = 8;
/// What Docker writes for a time that never was (Go's zero time).
const NEVER: &str = "0001-01-01T00:00:00Z";
/// Docker bounds a name by nothing but the host name's 63 characters and a file's 255.
const LONGEST_NAME: usize = 255;

impl Docker {
    pub(crate) async fn running(&self) -> Result<Vec<Container>, Error> {
        let client = self.client().await?;
        let listed = self.bounded("the running containers", client.list_containers(None)).await?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        let inspected: Vec<Option<ContainerInspectResponse>> =
            stream::iter(ids.map(|id| self.inspect(id))).buffer_unordered(CONCURRENCY).try_collect().await?;
        let inspected: Vec<_> = inspected.into_iter().flatten().filter(is_running).collect();
        let wanted: BTreeSet<String> =
            inspected.iter().filter_map(|container| container.image.clone()).collect();
        // Each image once, however many containers stand on it.
        let images: BTreeMap<String, Option<ImageInspect>> = stream::iter(wanted)
            .map(async |id| self.inspect_image(&id).await.map(|image| (id, image)))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        let containers = inspected.into_iter().filter_map(|container| {
            let image = container.image.as_ref().and_then(|id| images.get(id)).and_then(Option::as_ref);
            // One that cannot be read must not hide the others.
            described(container, image)
                .map_err(|error| warn!(error = %error, "Container cannot be described."))
                .ok()
        });
        Ok(containers.collect())
    }

    pub(crate) async fn container(&self, name_or_id: &str) -> Result<Option<Container>, Error> {
        if !is_word(name_or_id, LONGEST_NAME) {
            return Ok(None);
        }
        let Some(container) = self.inspect(name_or_id.to_owned()).await? else { return Ok(None) };
        let image = match &container.image {
            Some(id) => self.inspect_image(id).await?,
            None => None,
        };
        described(container, image.as_ref()).map(Some)
    }

    pub(crate) async fn remove(&self, container: &ContainerId) -> Result<(), Error> {
        let client = self.client().await?;
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let request = client.remove_container(container.as_str(), Some(options));
        match self.bounded(format!("the removal of container {container}"), request).await {
            // Gone, or somebody else is removing it: what was wanted.
            Err(Error::NotFound { .. } | Error::NotRunning { .. }) => Ok(()),
            other => other,
        }
    }

    async fn inspect(&self, name_or_id: String) -> Result<Option<ContainerInspectResponse>, Error> {
        let client = self.client().await?;
        let request = client.inspect_container(&name_or_id, None::<InspectContainerOptions>);
        found(self.bounded(format!("container {name_or_id}"), request).await)
    }
}

fn is_running(container: &ContainerInspectResponse) -> bool {
    container.state.as_ref().and_then(|state| state.running).unwrap_or(false)
}

fn described(container: ContainerInspectResponse, image: Option<&ImageInspect>) -> Result<Container, Error> {
    let is_running = is_running(&container);
    let ContainerInspectResponse { id, name, image: image_id, state, config, host_config, .. } = container;
    let id = id.unwrap_or_default();
    let malformed = |reason: String| Error::Malformed { subject: format!("container {id}"), reason };
    let image_id: Digest =
        image_id.unwrap_or_default().parse().map_err(|error| malformed(format!("{error}")))?;
    let config = config.unwrap_or_default();
    let image_name = config.image.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    Ok(Container {
        id: id.parse().map_err(|error| malformed(format!("{error}")))?,
        name: name.unwrap_or_default().trim_start_matches('/').to_owned(),
        facts: match image {
            Some(image) => image::facts(image, &image_name),
            None => image::facts_of_lost(&image_id, &image_name, &labels),
        },
        image_id,
        image_name,
        started_at: state.and_then(|state| state.started_at).filter(|at| !at.is_empty() && at != NEVER),
        is_running,
        is_removed_at_end: host_config.and_then(|host| host.auto_remove).unwrap_or(false),
        labels: labels.into_iter().collect(),
    })
}
