//! How an image was made, attached to it in its registry: SLSA provenance as an OCI artifact that names the image as its subject.
//!
//! Registries without the referrers API find it by the fallback tag `sha256-<hex>` (OCI distribution-spec, "Referrers Tag Schema").

use std::path::Path;

use artifact::Digest;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::fs;

use super::{failure::Failure, pipeline::Pipeline, publish::Made};
use crate::provenance::{Facts, UsedBase, statement};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const STATEMENT: &str = "application/vnd.in-toto+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Pushes the provenance of `digest` and the index by which it is found.
pub(super) async fn attach(pipeline: &Pipeline, made: &Made<'_>, digest: &Digest) -> Result<(), Failure> {
    let Some(facts) = facts(made, digest) else { return Ok(()) };
    let folder = made.layout.with_extension("provenance");
    let subject = made.layout.join("blobs/sha256").join(digest.hex());
    let size = fs::metadata(&subject).await.map_err(Failure::disk("reading the image"))?.len();
    let blobs = artifact(&statement(&facts), digest, size);
    write_layout(&folder, &blobs).await.map_err(Failure::disk("writing the provenance"))?;
    let repository = made.project.image.repository();
    let pushed = pipeline.registry.push_layout(&folder, repository, &[]).await;
    let index = pushed
        .map_err(Failure::registry(format!("pushing the provenance to {repository}"), repository.host()))?;
    let Ok(tag) = format!("sha256-{}", digest.hex()).parse() else { return Ok(()) };
    pipeline
        .registry
        .tag(repository, &index, &tag)
        .await
        .map_err(Failure::registry("naming the provenance", repository.host()))
}

fn facts(made: &Made<'_>, digest: &Digest) -> Option<Facts> {
    let bases = made.story.inputs.iter().filter_map(|input| {
        let digest = input.used.digest()?.clone();
        Some(UsedBase {
            role: input.role,
            written: input.written.clone(),
            built_on: input.used.clone(),
            digest,
        })
    });
    Some(Facts {
        repository: made.project.image.repository().clone(),
        digest: digest.clone(),
        source: made.project.source.parse().ok()?,
        commit: made.checkout.commit.clone(),
        definition: made.project.definition.clone(),
        arguments: Default::default(),
        bases: bases.collect(),
        builder: "https://plimsoll.dev/builder/worker/v1".to_owned(),
        invocation: made.job.build.clone(),
        started: made.began,
        finished: OffsetDateTime::now_utc(),
    })
}

/// The blobs of the artifact, its index last.
fn artifact(statement: &Value, subject: &Digest, subject_size: u64) -> Vec<Vec<u8>> {
    let descriptor = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()});
    let with = |mut descriptor: Value, key: &str, value: Value| {
        if let Some(fields) = descriptor.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
        descriptor
    };
    let predicate = json!({"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"});
    let (empty, statement) = (b"{}".to_vec(), statement.to_string().into_bytes());
    let layer = with(descriptor(STATEMENT, &statement), "annotations", predicate.clone());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": STATEMENT,
        "config": descriptor(EMPTY, &empty),
        "layers": [layer],
        "subject": {"mediaType": MANIFEST, "digest": subject.to_string(), "size": subject_size},
        "annotations": predicate,
    });
    let manifest = manifest.to_string().into_bytes();
    let entry = with(descriptor(MANIFEST, &manifest), "artifactType", json!(STATEMENT));
    let index =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string().into_bytes();
    vec![empty, statement, manifest, index]
}

async fn write_layout(folder: &Path, blobs: &[Vec<u8>]) -> std::io::Result<()> {
    let store = folder.join("blobs/sha256");
    fs::create_dir_all(&store).await?;
    for blob in blobs {
        fs::write(store.join(Digest::of(blob).hex()), blob).await?;
    }
    let entries = blobs.last().map(
        |index| json!({"mediaType": INDEX, "digest": Digest::of(index).to_string(), "size": index.len()}),
    );
    let entries = json!({"schemaVersion": 2, "manifests": Vec::from_iter(entries)});
    fs::write(folder.join("index.json"), entries.to_string()).await?;
    fs::write(folder.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string()).await
}
