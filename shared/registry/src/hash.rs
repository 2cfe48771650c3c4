//! Digests of content as it comes along, in the algorithm that was promised. Not of small bytes at hand: `Digest::of`.

use artifact::Digest;
use sha2::{Digest as _, Sha256, Sha512};

use crate::{Error, Result};

/// Content on its way past us.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// For content that `expected` promises.
    pub(crate) fn like(expected: &Digest) -> Self {
        if expected.as_str().starts_with("sha512:") {
            Self::Sha512(Sha512::new())
        } else {
            Self::Sha256(Sha256::new())
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Ends with an error unless the content was what `expected` promised.
    pub(crate) fn verify(self, expected: &Digest, subject: &str) -> Result<()> {
        let text = match self {
            Self::Sha256(hasher) => format!("sha256:{}", hex::encode(hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512:{}", hex::encode(hasher.finalize())),
        };
        if text == expected.as_str() {
            return Ok(());
        }
        let actual = text.parse().map_err(|error| Error::malformed(subject, format!("{error}")))?;
        Err(Error::DigestMismatch { subject: subject.to_owned(), expected: expected.clone(), actual })
    }
}

/// Ends with an error unless `bytes` are what `expected` promises.
pub(crate) fn verify(bytes: &[u8], expected: &Digest, subject: &str) -> Result<()> {
    let mut hasher = Hasher::like(expected);
    hasher.update(bytes);
    hasher.verify(expected, subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_algorithms_are_verified() {
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        for digest in [Digest::of(b"abc"), sha512.parse().unwrap()] {
            assert!(verify(b"abc", &digest, "abc").is_ok());
            assert!(matches!(verify(b"abd", &digest, "abc"), Err(Error::DigestMismatch { .. })));
        }
    }
}
