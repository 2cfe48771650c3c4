//! Resolutions: what orders turned out to mean. Written by the invalidator alone, folded by whoever decides.

use artifact::{BaseRole, ChainId, Digest, ImageRef};
use verdict::{
    Resolution, Sequence,
    resolution::{BanResolution, IndexedBase},
};

use crate::{
    Body, Malformed, Subject,
    message::{events, message},
};

message! {
    /// A catalogued or banned tag was read.
    BaseIndexed {
        /// The tag, with the digest that it pointed at.
        reference: ImageRef,
        /// Index, instances and configurations.
        digests: Vec<Digest>,
        /// The top of each instance's layer chain.
        chains: Vec<ChainId>,
    }
}

message! {
    /// What a ban covers, or covers now as well.
    BanResolved {
        /// The ban.
        ban: Sequence,
        /// The digest that the banned tag had; none where the ban is not about a tag.
        image: Option<Digest>,
        /// The banned images themselves.
        digests: Vec<Digest>,
        /// The tops of their layer chains.
        chains: Vec<ChainId>,
        /// Images that contain a banned one in a role that no layer chain shows.
        derived: Vec<DerivedImage>,
        /// Whether the target is known in full.
        complete: bool,
        /// Whether there is more that could not be published.
        withheld: bool,
    }
}

message! {
    /// An image that contains a banned one in a role that no layer chain shows.
    DerivedImage {
        /// The image.
        digest: Digest,
        /// The banned image's role in it.
        role: BaseRole,
    }
}

message! {
    /// An order took effect.
    OrderAccepted {
        /// The order.
        order: Sequence,
        /// Who gave it.
        operator: String,
        /// Its subject without the operator.
        kind: String,
        /// False when it was in effect already.
        changed: bool,
    }
}

message! {
    /// An order changes nothing.
    OrderRejected {
        /// The order.
        order: Sequence,
        /// Who gave it.
        operator: String,
        /// Its subject without the operator.
        kind: String,
        /// What is wrong and what to do.
        reason: String,
    }
}

events! {
    BaseIndexed on "plimsoll.base.indexed" in Resolutions, by |event| vec![event.reference.repository().key()];
    BanResolved on "plimsoll.ban.resolved" in Resolutions, by |event| vec![event.ban.to_string()];
    OrderAccepted on "plimsoll.order.accepted" in Resolutions, by |event| vec![event.order.to_string()];
    OrderRejected on "plimsoll.order.rejected" in Resolutions, by |event| vec![event.order.to_string()];
}

/// Reads a message of the RESOLUTIONS stream into what the snapshot folds.
pub fn decode(subject: &Subject, body: &[u8]) -> Result<Resolution, Malformed> {
    use crate::Event as _;

    match subject.split_kind() {
        Some((BaseIndexed::KIND, _)) => {
            let base: BaseIndexed = Body::decode(body)?;
            Ok(Resolution::Indexed(base.into()))
        }
        Some((BanResolved::KIND, _)) => {
            let BanResolved { ban, image, digests, chains, derived, complete, withheld } =
                Body::decode(body)?;
            Ok(Resolution::BanResolved(BanResolution {
                ban,
                image,
                digests: digests.into_iter().collect(),
                chains: chains.into_iter().collect(),
                derived: derived.into_iter().map(|DerivedImage { digest, role }| (digest, role)).collect(),
                complete,
                withheld,
            }))
        }
        Some((OrderAccepted::KIND, _)) => {
            let OrderAccepted { order, operator: _, kind: _, changed: _ } = Body::decode(body)?;
            Ok(Resolution::Accepted(order))
        }
        Some((OrderRejected::KIND, _)) => {
            let OrderRejected { order, operator: _, kind: _, reason } = Body::decode(body)?;
            Ok(Resolution::Rejected(order, reason))
        }
        _ => Err(Malformed::Subject(subject.to_string())),
    }
}

impl From<IndexedBase> for BaseIndexed {
    fn from(base: IndexedBase) -> Self {
        let IndexedBase { reference, digests, chains } = base;
        Self { reference, digests: digests.into_iter().collect(), chains: chains.into_iter().collect() }
    }
}

impl From<BaseIndexed> for IndexedBase {
    fn from(base: BaseIndexed) -> Self {
        let BaseIndexed { reference, digests, chains } = base;
        Self { reference, digests: digests.into_iter().collect(), chains: chains.into_iter().collect() }
    }
}

impl From<BanResolution> for BanResolved {
    fn from(resolution: BanResolution) -> Self {
        let BanResolution { ban, image, digests, chains, derived, complete, withheld } = resolution;
        Self {
            ban,
            image,
            digests: digests.into_iter().collect(),
            chains: chains.into_iter().collect(),
            derived: derived.into_iter().map(|(digest, role)| DerivedImage { digest, role }).collect(),
            complete,
            withheld,
        }
    }
}
