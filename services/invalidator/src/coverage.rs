//! What a ban covers among the images that the index holds.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{BaseRole, Digest, ImageRef};
use lineage::{Evidence, Tie};
use verdict::{
    Snapshot,
    decide::tie,
    order::BanTarget,
    resolution::BanResolution,
    snapshot::{ActiveBan, Coverage},
};

use crate::index::{Error, Image, Index};

/// Every image that `ban` covers, each with its strongest tie.
pub(crate) fn covered(
    index: &Index,
    snapshot: &Snapshot,
    ban: &ActiveBan,
) -> Result<Vec<(Image, Tie)>, Error> {
    let coverage = snapshot.coverage(ban);
    let mut found: BTreeMap<ImageRef, (Image, Tie)> = BTreeMap::new();
    let mut candidates = Vec::new();
    for digest in coverage.digests.iter().chain(coverage.derived.iter().map(|(digest, _)| digest)) {
        candidates.extend(index.identified_by(digest)?);
    }
    for chain in &coverage.chains {
        candidates.extend(index.standing_on(chain)?);
    }
    if let BanTarget::Layer(layer) = &ban.ban.target {
        candidates.extend(index.containing(layer)?);
    }
    for image in candidates {
        if let Some(tie) = image_tie(ban, &coverage, &image) {
            found.insert(image.reference(), (image, tie));
        }
    }
    Ok(found.into_values().collect())
}

/// The tie of the first instance that has one.
pub(crate) fn image_tie(ban: &ActiveBan, coverage: &Coverage, image: &Image) -> Option<Tie> {
    image.facts().find_map(|facts| tie(ban, coverage, &facts))
}

/// What is to be added to the coverage of `ban`: images that contain what it covers in a counting role that no layer chain shows, by every
/// digest of theirs, and their layer chains, since whatever stands on such an image has it too.
///
/// What is copied out of an image that stands on a banned base is that base's content as well, so every covered image counts as a source.
pub(crate) fn recorded(index: &Index, snapshot: &Snapshot, ban: &ActiveBan) -> Result<BanResolution, Error> {
    let coverage = snapshot.coverage(ban);
    let mut sources: BTreeSet<Digest> = coverage.digests.clone();
    for (image, _) in covered(index, snapshot, ban)? {
        sources.extend(image.facts().flat_map(|facts| facts.digests));
    }
    let mut found = resolution(ban, None);
    for role in ban.ban.roles.iter().copied().filter(|role| *role != BaseRole::Base) {
        for source in &sources {
            for facts in index.built_with(source, role)?.iter().flat_map(Image::facts) {
                found.chains.extend(facts.top());
                found.derived.extend(facts.digests.into_iter().map(|digest| (digest, role)));
            }
        }
    }
    found.derived = found.derived.difference(&coverage.derived).cloned().collect();
    found.chains = found.chains.difference(&coverage.chains).cloned().collect();
    Ok(found)
}

/// The resolution of a ban whose target is `image`, or nothing at all where the registry holds no such image.
pub(crate) fn resolution(ban: &ActiveBan, image: Option<&Image>) -> BanResolution {
    let mut resolution = BanResolution {
        ban: ban.record.sequence,
        digests: BTreeSet::new(),
        chains: BTreeSet::new(),
        derived: BTreeSet::new(),
        complete: true,
    };
    for facts in image.iter().flat_map(|image| image.facts()) {
        // A digest may name one instance of several: the others are not banned by it.
        let meant = match &ban.ban.target {
            BanTarget::Digest(_, digest) => facts.digests.contains(digest),
            BanTarget::Tag(..) | BanTarget::Layer(_) => true,
        };
        if meant {
            resolution.chains.extend(facts.top());
            resolution.digests.extend(facts.digests);
        }
    }
    if let (BanTarget::Digest(_, digest), Some(image)) = (&ban.ban.target, image)
        && *digest != image.pushed.digest
    {
        resolution.digests.remove(&image.pushed.digest);
    }
    resolution
}

/// From what is banned to `image`, through every image in between that the index knows.
pub(crate) fn path(index: &Index, ban: &ActiveBan, tie: &Tie, image: &Image) -> Result<Vec<String>, Error> {
    let mut path = vec![ban.ban.target.to_string()];
    if let Evidence::Chain(banned) = &tie.evidence {
        let chain =
            image.facts().map(|facts| facts.chain()).find(|chain| chain.contains(banned)).unwrap_or_default();
        let above = chain.iter().skip_while(|step| *step != banned).skip(1);
        for step in above.take(chain.len()) {
            let own = image.facts().any(|facts| facts.top().as_ref() == Some(step));
            if let (false, Some(between)) = (own, index.topped_by(step)?.first()) {
                path.extend(between.names().first().map(ToString::to_string));
            }
        }
    }
    path.extend(image.names().first().map(ToString::to_string));
    Ok(path)
}
