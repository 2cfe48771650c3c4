//! What the client says of images: what is there, and what is refused.

use anyhow::Result;
use artifact::chain_ids;
use registry::Error;
use serde_json::json;
use testkit::image::{Format, Image, ImageRecipe, LayerRecipe};
use testkit::registry::DockerRegistry;

use crate::{base, client, push};

const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

#[tokio::test]
async fn an_image_tells_layers_labels_and_bases() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let below = base().make()?;
    for format in [Format::Oci, Format::Docker] {
        let recipe = ImageRecipe::on(&base())
            .layer(LayerRecipe::new().file("app", "1"))
            .label("team", "payments")
            .label(BASE_NAME, "registry.test/os:10.4.8")
            .annotation(BASE_NAME, "registry.test/os:10.4.8")
            .annotation(BASE_DIGEST, below.digest().as_str())
            .format(format);
        let image = recipe.make()?;
        let (name, digest) = push(&registry, &image, "team/app:1").await?;
        assert_eq!(client()?.resolve(&name).await?, digest);

        let description = client()?.describe(&name).await?;
        assert_eq!((&description.reference, &description.digest), (&name, &digest));
        let [instance] = description.instances.as_slice() else { panic!("{description:?}") };
        assert_eq!(instance.digest, digest);
        assert_eq!(Some(&instance.config_digest), image.config_digest());
        assert_eq!(instance.platform, Some("linux/amd64".parse()?));
        assert_eq!(instance.layers, image.layers());
        assert_eq!(instance.labels["team"], "payments");
        assert_eq!(instance.base_name(), Some(&"registry.test/os:10.4.8".parse()?));
        let claimed_digest = (format == Format::Oci).then_some(below.digest());
        assert_eq!(instance.base_digest(), claimed_digest);

        let facts = instance.facts(&description);
        assert!(facts.is_resolved());
        assert_eq!(facts.references, [name]);
        assert_eq!(facts.digests, [digest, instance.config_digest.clone()].into());
        assert_eq!(facts.chain()[1], *chain_ids(below.layers()).last().unwrap());
        assert!(facts.claimed_bases.contains(&"registry.test/os:10.4.8".parse()?));
    }
    Ok(())
}

#[tokio::test]
async fn an_index_tells_each_instance_once() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let amd64 = base().make()?;
    let arm64 = base().platform("linux/arm64/v8".parse()?).make()?;
    let attestation = base().platform("unknown/unknown".parse()?).label("is", "attestation").make()?;
    let inner = Image::index(&[arm64.clone(), amd64.clone()]);
    let outer = Image::index(&[amd64.clone(), attestation, inner.clone()]);
    let (name, digest) = push(&registry, &outer, "os:10.4.8").await?;

    let description = client()?.describe(&name).await?;
    let digests: Vec<_> = description.instances.iter().map(|instance| &instance.digest).collect();
    assert_eq!(digests, [amd64.digest(), arm64.digest()]);
    let arm = description.instance(&"linux/arm64/v8".parse()?).unwrap();
    let config = arm64.config_digest().unwrap().clone();
    let expected = [digest, inner.digest().clone(), arm64.digest().clone(), config];
    assert_eq!(arm.facts(&description).digests, expected.into());
    Ok(())
}

#[tokio::test]
async fn an_artifact_that_is_no_image_has_no_instance() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    // A Helm chart's manifest, written as oras would.
    let config = br#"{"name":"chart"}"#;
    let digest = artifact::Digest::of(config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": digest.as_str(), "size": config.len()},
        "layers": [],
    })
    .to_string();
    let directory = tempfile::tempdir()?;
    base().make()?.write_layout(directory.path(), "chart")?;
    let blobs = directory.path().join("blobs/sha256");
    let manifest_digest = artifact::Digest::of(manifest.as_bytes());
    std::fs::write(blobs.join(digest.hex()), config)?;
    std::fs::write(blobs.join(manifest_digest.hex()), &manifest)?;
    let entry = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest_digest.as_str(), "size": manifest.len()});
    std::fs::write(
        directory.path().join("index.json"),
        json!({"schemaVersion": 2, "manifests": [entry]}).to_string(),
    )?;
    let repository = registry.repository("charts/app")?;
    client()?.push_layout(directory.path(), &repository, &[]).await?;
    let description = client()?.describe(&repository.at_digest(manifest_digest)).await?;
    assert!(description.instances.is_empty());
    Ok(())
}

#[tokio::test]
async fn images_that_lie_are_refused() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let more_diff_ids = base().make_with(|config| {
        let extra = artifact::Digest::of(b"extra");
        config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(extra.as_str()));
    })?;
    let other_case = base().make_with(|config| {
        config["RootFS"] = json!({ "type": "layers", "diff_ids": [] });
    })?;
    let no_config = base().make_with(|config| *config = json!("nothing"))?;
    let mut deep = base().make()?;
    for _ in 0..5 {
        deep = Image::index(&[deep]);
    }
    for (number, image) in [more_diff_ids, other_case, no_config, deep].iter().enumerate() {
        let (name, _) = push(&registry, image, &format!("liar:{number}")).await?;
        let refused = client()?.describe(&name).await;
        assert!(matches!(refused, Err(Error::Malformed { .. })), "{number}: {refused:?}");
    }
    let long = base().label("long", &"x".repeat(9 * 1024 * 1024)).make()?;
    let (name, _) = push(&registry, &long, "liar:long").await?;
    assert!(matches!(client()?.describe(&name).await, Err(Error::TooLarge { .. })));
    Ok(())
}

#[tokio::test]
async fn damaged_bytes_are_refused() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let image = base().make()?;
    let (name, digest) = push(&registry, &image, "team/app:1").await?;

    let config = registry.blob_file(image.config_digest().unwrap());
    let bytes = std::fs::read_to_string(&config)?;
    std::fs::write(&config, bytes.replace("amd64", "arm64"))?;
    assert!(matches!(client()?.describe(&name).await, Err(Error::DigestMismatch { .. })));
    std::fs::write(&config, bytes)?;
    assert!(client()?.describe(&name).await.is_ok());

    let manifest = registry.blob_file(&digest);
    let bytes = std::fs::read_to_string(&manifest)?;
    std::fs::write(&manifest, bytes.replace("{\"", "{ \""))?;
    let pinned = name.repository().at_digest(digest.clone());
    let refused = client()?.describe(&pinned).await;
    assert!(
        matches!(&refused, Err(Error::DigestMismatch { expected, .. }) if *expected == digest),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_not_found() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    push(&registry, &base().make()?, "team/app:1").await?;
    let nothing = artifact::Digest::of(b"nothing");
    let absent = [
        registry.image("team/app:2")?,
        registry.image("team/other:1")?,
        registry.repository("team/app")?.at_digest(nothing),
    ];
    for name in absent {
        let error = client()?.resolve(&name).await.unwrap_err();
        assert!(error.is_not_found() && !error.is_retryable(), "{error}");
    }
    Ok(())
}
