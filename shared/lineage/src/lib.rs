//! Which image stands on which, and how we know. Pure; the index over all images is a projection that lives with its owner.

mod evidence;

pub use evidence::{Evidence, Tie};

use artifact::DiffId;

/// Whether an image of `layers` stands on an image of `base` layers: the base's layers are its lowest ones.
///
/// An empty chain never matches: every image stands on nothing, and a ban of nothing must ban nothing.
pub fn stands_on(layers: &[DiffId], base: &[DiffId]) -> bool {
    !base.is_empty() && layers.starts_with(base)
}

#[cfg(test)]
mod tests {
    use artifact::{Digest, chain_ids};

    use super::*;

    fn layers(numbers: &[u8]) -> Vec<DiffId> {
        numbers.iter().map(|n| Digest::of(&[*n]).into()).collect()
    }

    #[track_caller]
    fn check(image: &[u8], base: &[u8], expected: bool) {
        let (image, base) = (layers(image), layers(base));
        assert_eq!(stands_on(&image, &base), expected);
        // The same answer by chain ids, which is how the doors ask.
        let by_chain = chain_ids(&base).last().is_some_and(|top| chain_ids(&image).contains(top));
        assert_eq!(by_chain, expected);
    }

    #[test]
    fn a_base_is_a_prefix() {
        check(&[1, 2, 3], &[1, 2], true);
        check(&[1, 2], &[1, 2], true);
        check(&[1, 2], &[1, 2, 3], false);
        check(&[1, 3, 2], &[1, 2], false);
        check(&[2, 1, 2], &[1, 2], false);
        check(&[1], &[], false);
        check(&[], &[], false);
    }
}
