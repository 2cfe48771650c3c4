//! What a ban covers among the images that the index holds.

use std::collections::BTreeMap;

use artifact::{BaseRole, ImageRef};
use lineage::{Evidence, Tie};
use verdict::{
    decide::tie,
    order::BanTarget,
    snapshot::{ActiveBan, Coverage, Coverages, Part},
};

use crate::index::{Error, Image, Index};

/// The images that `ban` may cover: each that is or stands on something it covers, or was built with something it covers. Fixed or not.
pub(crate) fn candidates(index: &Index, ban: &ActiveBan, known: &Coverages) -> Result<Vec<Image>, Error> {
    let sequence = ban.record.sequence;
    let coverage = known.of(sequence).cloned().unwrap_or_default();
    let (_, clean) = known.versions(sequence);
    let mut candidates: BTreeMap<ImageRef, Image> = BTreeMap::new();
    let mut take =
        |images: Vec<Image>| candidates.extend(images.into_iter().map(|image| (image.reference(), image)));
    let clean_digests = clean.iter().flat_map(|version| &version.digests);
    for digest in coverage.digests.iter().chain(clean_digests) {
        take(index.identified_by(digest)?);
        for role in ban.ban.roles.iter().filter(|role| **role != BaseRole::Base) {
            take(index.built_with(digest, *role)?);
        }
    }
    for (digest, _) in &coverage.derived {
        take(index.identified_by(digest)?);
    }
    for chain in coverage.chains.iter().chain(clean.iter().flat_map(|version| &version.chains)) {
        take(index.standing_on(chain)?);
    }
    if let BanTarget::Layer(layer) = &ban.ban.target {
        take(index.containing(layer)?);
    }
    Ok(candidates.into_values().collect())
}

/// The tie of the first instance that has one.
pub(crate) fn image_tie(ban: &ActiveBan, coverage: &Coverage, image: &Image) -> Option<Tie> {
    image.facts().find_map(|facts| tie(ban, coverage, &facts))
}

/// What the ban of a digest means once `image`, which has that digest, was read.
pub(crate) fn target(ban: &ActiveBan, image: &Image) -> Part {
    let mut part = Part::default();
    for facts in image.facts() {
        // A digest may name one instance of several: the others are not banned by it.
        let is_meant = match &ban.ban.target {
            BanTarget::Digest(_, digest) => facts.digests.contains(digest),
            BanTarget::Tag(..) | BanTarget::Layer(_) => true,
        };
        if is_meant {
            part.chains.extend(facts.top());
            part.digests.extend(facts.digests);
        }
    }
    if let BanTarget::Digest(_, digest) = &ban.ban.target
        && *digest != image.pushed.digest
    {
        part.digests.remove(&image.pushed.digest);
    }
    part
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
