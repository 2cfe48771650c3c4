//! The registry, asked aside: a slow or absent one delays its own answer and nothing else.

use std::time::Duration;

use artifact::ImageRef;
use events::fact::{ImageInstance, ImagePushed};
use registry::{Client, Description};
use tracing::{Instrument as _, Span, error, warn};
use verdict::Sequence;

use crate::index::Image;

/// Between two tries at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Something that only the registry can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Question {
    /// What does this catalogued tag point at?
    Base(ImageRef),
    /// What was banned by this order?
    Ban(Sequence, ImageRef),
}

/// What the registry said; none when it holds no such image.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) question: Question,
    pub(crate) image: Option<Image>,
    /// The span of the message that made us ask.
    pub(crate) span: Span,
}

impl Question {
    fn image(&self) -> &ImageRef {
        match self {
            Self::Base(image) | Self::Ban(_, image) => image,
        }
    }
}

/// Asks until there is an answer. A question that stays open keeps its ban pending, which refuses more and never less.
pub(crate) async fn ask(client: Client, question: Question) -> Answer {
    let span = Span::current();
    let mut wait = BACKOFF.0;
    let image = async {
        loop {
            match client.describe(question.image()).await {
                Ok(description) => return Some(image(&description)),
                // A catalogued version may yet be pushed, and that is heard of.
                Err(error) if error.is_not_found() && matches!(question, Question::Base(_)) => {
                    warn!(image = %question.image(), "A catalogued version is not in its registry.");
                    return None;
                }
                Err(error) => {
                    error!(image = %question.image(), error = %telemetry::Chain(&error), "A base cannot be read, and what it means stays open.");
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(BACKOFF.1);
        }
    };
    let image = image.instrument(span.clone()).await;
    Answer { question, image, span }
}

fn image(description: &Description) -> Image {
    let instances = description.instances.iter().map(|instance| ImageInstance {
        digest: instance.digest.clone(),
        platform: instance.platform.clone(),
        config_digest: instance.config_digest.clone(),
        layers: instance.layers.clone(),
        claimed_base: instance.base_name().cloned(),
    });
    let pushed = ImagePushed {
        repository: description.reference.repository().clone(),
        tag: None,
        digest: description.digest.clone(),
        instances: instances.collect(),
    };
    Image { pushed, tags: description.reference.tag().cloned().into_iter().collect() }
}
