//! Images and builds as a watcher and a worker announce them, with no registry behind them: for tests of what follows from facts.

use anyhow::Result;
use artifact::{DiffId, Digest, ImageRef};
use bus::{Connection, keyring::identity};
use events::{
    Event,
    fact::{BuildFinished, ImageInstance, ImagePushed},
    topology::Role,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{apart::Broker, world::STEP};

/// Facts on their way to the broker at once.
const AT_ONCE: usize = 64;

/// Publishes facts under the identity of one role.
#[derive(Debug, Clone)]
pub struct Announcer(Connection);

impl Announcer {
    /// Connects as `role`.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn connect(broker: &Broker, role: Role) -> Result<Self> {
        let identity = identity(role, "");
        let config = bus::Config {
            url: broker.url().to_owned(),
            seed_file: Some(broker.seed(&identity)),
            node: String::new(),
        };
        Ok(Self(Connection::connect(&config, &identity, STEP).await?))
    }

    /// Publishes facts, 64 at once, and returns when all are stored. Equal facts with equal causes are stored once.
    ///
    /// # Errors
    /// When one of them is not stored.
    pub async fn publish<E: Event + Send + 'static>(
        &self,
        facts: impl IntoIterator<Item = E>,
        cause: &str,
    ) -> Result<()> {
        let mut publishing = JoinSet::new();
        for fact in facts {
            if publishing.len() >= AT_ONCE
                && let Some(stored) = publishing.join_next().await
            {
                stored??;
            }
            let (connection, cause) = (self.0.clone(), cause.to_owned());
            publishing.spawn(async move { connection.publish(fact, &cause).await });
        }
        while let Some(stored) = publishing.join_next().await {
            stored??;
        }
        Ok(())
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.0
    }
}

/// The layer of this name.
pub fn layer(name: &str) -> DiffId {
    DiffId::from(Digest::of(name.as_bytes()))
}

/// An image by its digest, as a node has it: no registry is asked.
pub fn by_digest(image: &ImageRef) -> ImageRef {
    image.repository().at_digest(digest("manifest", image))
}

/// The push of an image with these layers.
pub fn pushed(image: &ImageRef, layers: Vec<DiffId>) -> ImagePushed {
    let instance = ImageInstance {
        digest: digest("manifest", image),
        platform: None,
        config_digest: digest("configuration", image),
        layers,
        claimed_base: None,
    };
    ImagePushed {
        repository: image.repository().clone(),
        tag: image.tag().cloned(),
        digest: digest("manifest", image),
        instances: vec![instance],
    }
}

/// The build of `image`, which copied from `sources`.
///
/// # Errors
/// When it is none that can be read.
pub fn copied(image: &ImageRef, sources: &[ImageRef]) -> Result<BuildFinished> {
    let inputs = sources.iter().map(|source| json!({"role": "copy", "used": by_digest(source).to_string()}));
    let body = json!({
        "build": digest("build", image).as_str(), "project": "shop", "commit": "c", "image": image.to_string(),
        "digest": digest("manifest", image).as_str(), "outcome": "published", "inputs": inputs.collect::<Vec<_>>(),
    });
    Ok(BuildFinished::decode(body.to_string().as_bytes())?)
}

fn digest(what: &str, image: &ImageRef) -> Digest {
    Digest::of(format!("{what} {image}").as_bytes())
}
