//! What an image is: its instances, their layers and labels, and the bases that they claim. Not whether it may run.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{DiffId, Digest, ImageFacts, ImageRef, Platform};

use crate::{
    Error, Result,
    authority::Scope,
    document::{Content, Descriptor, ImageConfig, Texts},
    transport::Transport,
};

/// Largest image configuration read: real ones stay under 100 KiB, but hold a line of history a layer.
pub(crate) const CONFIG_BYTES: u64 = 8 * 1024 * 1024;
/// Indexes within indexes: nobody is known to use more than two.
const MAX_DEPTH: usize = 4;
/// Manifests read for one reference: the largest official images list some 40.
const MAX_MANIFESTS: usize = 256;

const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// What a reference points at, every byte of it verified against its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The reference that was asked for.
    pub reference: ImageRef,
    /// The digest of what it points at: an index or an image manifest.
    pub digest: Digest,
    /// The media type of what it points at.
    pub media_type: String,
    /// One a platform, in the index's order, each manifest once; one alone where there is no index. None for an artifact
    /// that is no image.
    pub instances: Vec<Instance>,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The platform that its configuration names.
    pub platform: Option<Platform>,
    /// The digest of its configuration: Docker's image id.
    pub config_digest: Digest,
    /// Its uncompressed layers, bottom first, as many as its manifest lists.
    pub layers: Vec<DiffId>,
    /// The labels of its configuration.
    pub labels: BTreeMap<String, String>,
    /// The ONBUILD triggers of its configuration, in order and each without its ONBUILD: instructions that builders carry out in every build
    /// on it.
    pub triggers: Vec<String>,
    /// The bases that it or an index above it claims, without repetition; its own annotations first, then its labels.
    pub bases: Vec<ClaimedBase>,
    /// The digests of the indexes between the reference and its manifest, outermost first.
    pub indexes: Vec<Digest>,
}

/// A base by the annotations or labels `org.opencontainers.image.base.*`: a hint, which anybody may write or leave out.
///
/// Source: OCI image-spec, annotations.md, "Pre-Defined Annotation Keys".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedBase {
    /// The base's name.
    pub name: Option<ImageRef>,
    /// The digest of the base's manifest; builders write the platform's, not the index's.
    pub digest: Option<Digest>,
}

/// A manifest on the way to its instances.
struct Step {
    image: ImageRef,
    indexes: Vec<Digest>,
    claims: Vec<ClaimedBase>,
}

impl Description {
    /// The instance for `platform`, where there is exactly that.
    pub fn instance(&self, platform: &Platform) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.platform.as_ref() == Some(platform))
    }
}

impl Instance {
    /// What is known of this instance when a verdict is asked; `description` is the one it belongs to.
    pub fn facts(&self, description: &Description) -> ImageFacts {
        let mut digests: BTreeSet<Digest> = self.indexes.iter().cloned().collect();
        digests.extend([description.digest.clone(), self.digest.clone(), self.config_digest.clone()]);
        let claimed = self.bases.iter().flat_map(|base| match (&base.name, &base.digest) {
            // Bans name a tag or a digest: the claim is read as both.
            (Some(name), Some(digest)) => {
                vec![name.pinned(digest.clone()), name.repository().at_digest(digest.clone())]
            }
            (Some(name), None) => vec![name.clone()],
            (None, _) => Vec::new(),
        });
        ImageFacts {
            references: vec![description.reference.clone()],
            digests,
            layers: self.layers.clone(),
            platform: self.platform.clone(),
            claimed_bases: claimed.collect(),
        }
    }

    /// The first base name claimed.
    pub fn base_name(&self) -> Option<&ImageRef> {
        self.bases.iter().find_map(|base| base.name.as_ref())
    }

    /// The first base digest claimed.
    pub fn base_digest(&self) -> Option<&Digest> {
        self.bases.iter().find_map(|base| base.digest.as_ref())
    }
}

impl ClaimedBase {
    fn read(texts: &Texts) -> Option<Self> {
        let name = texts.get(BASE_NAME).and_then(|text| text.parse().ok());
        let digest = texts.get(BASE_DIGEST).and_then(|text| text.parse().ok());
        (name.is_some() || digest.is_some()).then_some(Self { name, digest })
    }
}

impl Transport {
    pub(crate) async fn describe(&self, reference: &ImageRef) -> Result<Description> {
        let top = self.manifest(reference).await?;
        let mut description = Description {
            reference: reference.clone(),
            digest: top.digest.clone(),
            media_type: top.document.media_type.clone(),
            instances: Vec::new(),
        };
        let repository = reference.repository();
        let first =
            Step { image: repository.at_digest(top.digest.clone()), indexes: Vec::new(), claims: Vec::new() };
        let mut seen = BTreeSet::from([top.digest.clone()]);
        let mut read = Some(top);
        // A stack read from its end keeps the index's order when its entries are put on it backwards.
        let mut steps = vec![first];
        while let Some(step) = steps.pop() {
            let manifest = match read.take() {
                Some(manifest) => manifest,
                None => self.manifest(&step.image).await?,
            };
            let own = ClaimedBase::read(&manifest.document.annotations);
            let claims = own.into_iter().chain(step.claims).collect();
            let step = Step { claims, ..step };
            match manifest.document.content {
                Content::Image { config, layers } => {
                    description
                        .instances
                        .extend(self.instance(step, manifest.digest, &config, layers.len()).await?);
                }
                Content::Index(entries) => {
                    let mut indexes = step.indexes;
                    indexes.push(manifest.digest);
                    let subject = format!("manifest {reference}");
                    if indexes.len() > MAX_DEPTH {
                        return Err(Error::malformed(&subject, "its indexes lie too deep in one another"));
                    }
                    for entry in entries.into_iter().rev().filter(|entry| !entry.is_no_platform) {
                        if seen.insert(entry.digest.clone()) {
                            let image = repository.at_digest(entry.digest);
                            steps.push(Step { image, indexes: indexes.clone(), claims: step.claims.clone() });
                        }
                    }
                    if seen.len() > MAX_MANIFESTS {
                        return Err(Error::malformed(
                            &subject,
                            format!("it lists more than {MAX_MANIFESTS} manifests"),
                        ));
                    }
                }
            }
        }
        Ok(description)
    }

    /// The instance that a manifest of `layer_count` layers and its configuration make; none where it is another artifact.
    async fn instance(
        &self,
        step: Step,
        digest: Digest,
        descriptor: &Descriptor,
        layer_count: usize,
    ) -> Result<Option<Instance>> {
        let Step { image, indexes, claims } = step;
        let subject = format!("configuration of {image}");
        let is_image = descriptor.is_image_config();
        if descriptor.size > CONFIG_BYTES && !is_image {
            return Ok(None);
        }
        let bytes = self.small_blob(&image, descriptor, CONFIG_BYTES, &subject).await?;
        let config = match ImageConfig::parse(&bytes, &subject) {
            Ok(config) => config,
            // Runtimes start what reads like an image, whatever it calls itself. This does not read like one.
            Err(_) if !is_image => return Ok(None),
            Err(error) => return Err(error),
        };
        if config.layers.len() != layer_count {
            let diff_ids = config.layers.len();
            return Err(Error::malformed(
                &subject,
                format!("it has {diff_ids} diff ids for {layer_count} layers"),
            ));
        }
        let mut bases = Vec::new();
        for base in claims.into_iter().chain(ClaimedBase::read(&config.labels)) {
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        Ok(Some(Instance {
            digest,
            platform: config.platform,
            config_digest: descriptor.digest.clone(),
            layers: config.layers,
            labels: config.labels,
            triggers: config.triggers,
            bases,
            indexes,
        }))
    }

    /// The bytes of a blob beside `image`, verified, at most `limit`.
    async fn small_blob(
        &self,
        image: &ImageRef,
        descriptor: &Descriptor,
        limit: u64,
        subject: &str,
    ) -> Result<Vec<u8>> {
        if descriptor.size > limit {
            return Err(Error::TooLarge { subject: subject.to_owned(), limit_bytes: limit });
        }
        let repository = image.repository();
        self.with_blobs(
            repository,
            &Scope::pull(repository),
            self.config.timeout,
            subject,
            |store| async move {
                let mut bytes = Vec::new();
                store.download(&descriptor.digest, descriptor.size, &mut bytes, subject).await?;
                Ok(bytes)
            },
        )
        .await
    }
}
