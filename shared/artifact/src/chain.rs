//! Layer chains: what an image stands on, whatever it is called and however its layers were compressed.

use std::{fmt, str::FromStr};

use crate::digest::{Digest, InvalidDigest};

/// The digest of one uncompressed layer (OCI image-spec, config.md: `rootfs.diff_ids`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DiffId(Digest);

/// The identity of a stack of layers from the bottom up (OCI image-spec, config.md: "Layer ChainID").
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(Digest);

/// The chain id of every prefix of `layers`, bottom first; as many as there are layers, none for an empty image.
///
/// `ChainID(L0) = DiffID(L0)`; `ChainID(L0|…|Ln) = sha256(ChainID(L0|…|Ln-1) + " " + DiffID(Ln))`.
pub fn chain_ids(layers: &[DiffId]) -> Vec<ChainId> {
    let mut chain = Vec::with_capacity(layers.len());
    let mut top: Option<ChainId> = None;
    for layer in layers {
        let next = match &top {
            None => ChainId(layer.0.clone()),
            Some(below) => ChainId(Digest::of(format!("{} {}", below.0, layer.0).as_bytes())),
        };
        chain.push(next.clone());
        top = Some(next);
    }
    chain
}

macro_rules! digest_newtype {
    ($name:ident) => {
        impl $name {
            /// The digest itself.
            pub fn digest(&self) -> &Digest {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidDigest;

            fn from_str(text: &str) -> Result<Self, InvalidDigest> {
                text.parse().map(Self)
            }
        }

        impl From<Digest> for $name {
            fn from(digest: Digest) -> Self {
                Self(digest)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

digest_newtype!(DiffId);
digest_newtype!(ChainId);

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(n: u8) -> DiffId {
        DiffId(Digest::of(&[n]))
    }

    #[test]
    fn a_chain_has_one_id_a_prefix() {
        assert!(chain_ids(&[]).is_empty());
        let chain = chain_ids(&[layer(1), layer(2)]);
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[0].digest(), layer(1).digest());
        assert_eq!(chain[1].0, Digest::of(format!("{} {}", layer(1), layer(2)).as_bytes()));
    }

    #[test]
    fn prefixes_agree_and_order_matters() {
        let base = chain_ids(&[layer(1), layer(2)]);
        let derived = chain_ids(&[layer(1), layer(2), layer(3)]);
        assert_eq!(base[1], derived[1]);
        assert_ne!(chain_ids(&[layer(2), layer(1)])[1], base[1]);
    }
}
