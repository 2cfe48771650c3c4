//! The registry, asked aside: a slow or absent one delays its own answer and nothing else.

use std::time::Duration;

use artifact::ImageRef;
use events::fact::{ImageInstance, ImagePushed};
use registry::{Client, Description};
use tokio::sync::mpsc;
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

/// A try that failed: what was asked, and what went wrong.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) question: Question,
    pub(crate) reason: String,
}

impl Question {
    fn image(&self) -> &ImageRef {
        match self {
            Self::Base(image) | Self::Ban(_, image) => image,
        }
    }

    fn what_to_do(&self) -> &'static str {
        match self {
            Self::Base(_) => {
                "A catalogued base cannot be read, so that a ban of it could not be resolved at once; see to its registry."
            }
            Self::Ban(..) => {
                "The banned image cannot be read, and the ban stays pending: push the image, see to its registry, or lift the ban."
            }
        }
    }
}

/// Asks until there is an answer. A question that stays open keeps its ban pending, which refuses more and never less.
/// Each failed try is told to whoever listens.
pub(crate) async fn ask(client: Client, question: Question, tell: mpsc::Sender<Trouble>) -> Answer {
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
                    let reason = telemetry::Chain(&error).to_string();
                    error!(image = %question.image(), error = %reason, "{}", question.what_to_do());
                    // Nobody listens any more at the end, and a full queue has the same news already.
                    tell.try_send(Trouble { question: question.clone(), reason }).ok();
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
