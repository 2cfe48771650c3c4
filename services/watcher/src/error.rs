//! Why a hint could not be followed now, and whether it is worth another try.

/// Why something could not be looked at, or what was seen not be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the registry cannot be read")]
    Registry(#[from] registry::Error),
    #[error("the git host cannot be read")]
    Source(#[from] source::Error),
    #[error("what was seen cannot be published")]
    Bus(#[from] bus::Error),
}

impl Error {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_retryable(),
            Self::Source(error) => error.is_retryable(),
            Self::Bus(error) => error.is_retryable(),
        }
    }
}
