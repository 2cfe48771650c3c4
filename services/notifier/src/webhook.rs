//! The generic webhook: JSON by POST to the address that the project's order names. Its address may be a secret and is never printed.

use std::time::Duration;

use reqwest::{Client, redirect::Policy};

use crate::notice::Notice;

/// For a whole exchange: a receiver that does more than take the notice does it wrong.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a webhook was not delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
    #[error("the receiver could not be reached within {} s", TIMEOUT.as_secs())]
    Unreachable(#[source] reqwest::Error),
    #[error("the receiver answered {0}; check the project's webhook address")]
    Answered(u16),
    #[error("the project's webhook is no address; apply the project again")]
    Address(#[source] reqwest::Error),
}

impl Error {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            // Told to wait, or broken for now. A redirect is no answer: it would lead where nobody ordered us to go.
            Self::Answered(status) => matches!(*status, 408 | 425 | 429 | 500..),
            Self::Setup(_) | Self::Address(_) => false,
        }
    }
}

/// Sends webhooks; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sender(Client);

impl Sender {
    pub(crate) fn new() -> Result<Self, Error> {
        // Err means that another one is installed, which serves as well.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(client.map_err(Error::Setup)?))
    }

    /// Delivers `notice`. What the receiver says beside its status is not read.
    pub(crate) async fn send(&self, address: &str, notice: &Notice) -> Result<(), Error> {
        let answer = self.0.post(address).json(notice).send().await.map_err(|error| {
            let error = error.without_url();
            if error.is_builder() { Error::Address(error) } else { Error::Unreachable(error) }
        })?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Error::Answered(status.as_u16())),
        }
    }
}
