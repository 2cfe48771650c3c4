//! Code names of releases, oldest first. Not their support dates.

/// Who gives the names: those of two families have no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    Ubuntu,
}

/// <https://www.debian.org/releases/>
const DEBIAN: [&str; 20] = [
    "buzz", "rex", "bo", "hamm", "slink", "potato", "woody", "sarge", "etch", "lenny", "squeeze", "wheezy",
    "jessie", "stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke",
];

/// <https://wiki.ubuntu.com/Releases>, from the first one with images on.
const UBUNTU: [&str; 31] = [
    "lucid", "maverick", "natty", "oneiric", "precise", "quantal", "raring", "saucy", "trusty", "utopic",
    "vivid", "wily", "xenial", "yakkety", "zesty", "artful", "bionic", "cosmic", "disco", "eoan", "focal",
    "groovy", "hirsute", "impish", "jammy", "kinetic", "lunar", "mantic", "noble", "oracular", "plucky",
];

/// Whose name `word` is, and its place in their order.
pub(super) fn named(word: &str) -> Option<(Family, u64)> {
    let place =
        |names: &[&str]| names.iter().position(|name| *name == word).and_then(|at| u64::try_from(at).ok());
    place(&DEBIAN).map(|at| (Family::Debian, at)).or_else(|| place(&UBUNTU).map(|at| (Family::Ubuntu, at)))
}
