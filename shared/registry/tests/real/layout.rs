//! Images in and out by OCI layouts, read by buildah too.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use registry::Error;
use testkit::command::run;
use testkit::image::{Format, Image, ImageRecipe, LayerRecipe};
use testkit::registry::DockerRegistry;

use crate::{base, client, push, requests};

#[tokio::test]
async fn what_is_there_is_not_sent_again() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let (_, _) = push(&registry, &base().make()?, "os:1").await?;
    let uploads = || requests(&registry, &["PUT", "/blobs/uploads/", "201"]);
    assert_eq!(uploads(), 3);

    let derived = ImageRecipe::on(&base()).layer(LayerRecipe::new().file("app", "1")).make()?;
    let directory = tempfile::tempdir()?;
    derived.write_layout(directory.path(), "app")?;
    let target = registry.repository("team/app")?;
    let elsewhere = "registry.test/os".parse()?;
    let sources = [elsewhere, registry.repository("nothing")?, registry.repository("os")?];
    let digest = client()?.push_layout(directory.path(), &target, &sources).await?;
    assert_eq!(digest, *derived.digest());
    // The two layers of the base were mounted; one layer and the configuration were sent.
    assert_eq!(uploads(), 5);
    assert_eq!(client()?.describe(&target.at_digest(digest)).await?.instances[0].layers, derived.layers());

    client()?.push_layout(directory.path(), &target, &[]).await?;
    assert_eq!(uploads(), 5);
    Ok(())
}

#[tokio::test]
async fn a_tag_moves_between_manifests_of_a_repository() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let (name, first) = push(&registry, &base().make()?, "team/app:1").await?;
    let (_, second) = push(&registry, &base().label("a", "b").make()?, "team/app:2").await?;
    client()?.tag(name.repository(), &second, name.tag().unwrap()).await?;
    assert_eq!(client()?.resolve(&name).await?, second);
    client()?.tag(name.repository(), &first, name.tag().unwrap()).await?;
    assert_eq!(client()?.resolve(&name).await?, first);
    let nothing = artifact::Digest::of(b"nothing");
    let absent = client()?.tag(name.repository(), &nothing, name.tag().unwrap()).await;
    assert!(absent.unwrap_err().is_not_found());
    Ok(())
}

#[tokio::test]
async fn layouts_that_lie_are_not_pushed() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let target = registry.repository("team/app")?;
    let image = base().make()?;
    let layer = &image.blobs()[0];
    let elsewhere = tempfile::tempdir()?;
    image.write_layout(elsewhere.path(), "image")?;
    let outside = elsewhere.path().join("blobs/sha256").join(layer.hex());

    let lies: [(&str, Lie); 5] = [
        ("damaged layer", &|blob| {
            std::fs::read(blob).and_then(|bytes| std::fs::write(blob, vec![0; bytes.len()]))
        }),
        ("cut layer", &|blob| std::fs::write(blob, b"")),
        ("missing layer", &|blob| std::fs::remove_file(blob)),
        ("linked layer", &|blob| {
            std::fs::remove_file(blob)?;
            std::os::unix::fs::symlink(&outside, blob)
        }),
        ("empty index", &|blob| {
            let root = blob.ancestors().nth(3).unwrap();
            std::fs::write(root.join("index.json"), r#"{"schemaVersion": 2, "manifests": []}"#)
        }),
    ];
    for (what, lie) in lies {
        let directory = tempfile::tempdir()?;
        image.write_layout(directory.path(), "image")?;
        lie(&directory.path().join("blobs/sha256").join(layer.hex()))?;
        let error = client()?.push_layout(directory.path(), &target, &[]).await.unwrap_err();
        let expected =
            matches!(error, Error::DigestMismatch { .. } | Error::Malformed { .. } | Error::Layout { .. });
        assert!(expected && !error.is_retryable(), "{what}: {error:?}");
        assert!(
            client()?.resolve(&target.at_digest(image.digest().clone())).await.unwrap_err().is_not_found()
        );
    }
    Ok(())
}

#[tokio::test]
async fn buildah_reads_what_was_pulled() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    for format in [Format::Oci, Format::Docker] {
        let image = base().format(format).make()?;
        let index = Image::index(&[base().platform("linux/s390x".parse()?).make()?, image.clone()]);
        for (image, name) in [(&image, "os:one"), (&index, "os:many")] {
            let (name, digest) = push(&registry, image, name).await?;
            // buildah makes an image name of the path, and names are lower case.
            let unique = format!("plimsoll-layout-{}-{}", std::process::id(), digest.short());
            let directory = tempfile::Builder::new().prefix(&unique).rand_bytes(0).tempdir()?;
            assert_eq!(client()?.pull_layout(&name, directory.path()).await?, digest);
            let tag = name.tag().unwrap();
            buildah_pull(&format!("oci:{}:{tag}", directory.path().display()))
                .await
                .with_context(|| format!("{format:?} {name}"))?;

            let pinned = name.repository().at_digest(digest.clone());
            client()?.pull_layout(&pinned, directory.path()).await?;
            buildah_pull(&format!("oci:{}:{}", directory.path().display(), digest.hex())).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn blobs_that_are_there_whole_are_not_fetched_again() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    // The same layer twice is one blob.
    let image = base().layer(LayerRecipe::new().file("etc/version", "10.4.8\n")).make()?;
    let (name, _) = push(&registry, &image, "os:1").await?;
    let directory = tempfile::tempdir()?;
    let fetched = || requests(&registry, &["GET", "/blobs/sha256:"]);
    client()?.pull_layout(&name, directory.path()).await?;
    assert_eq!(fetched(), 3);
    client()?.pull_layout(&name, directory.path()).await?;
    assert_eq!(fetched(), 3);

    let layer = directory.path().join("blobs/sha256").join(image.blobs()[0].hex());
    std::fs::write(&layer, b"half")?;
    client()?.pull_layout(&name, directory.path()).await?;
    assert_eq!(fetched(), 4);

    // And back again: what was pulled can be pushed.
    let target = registry.repository("copy")?;
    assert_eq!(client()?.push_layout(directory.path(), &target, &[]).await?, *image.digest());
    Ok(())
}

#[tokio::test]
async fn a_blob_that_is_damaged_in_the_registry_is_not_kept() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let image = base().make()?;
    let (name, _) = push(&registry, &image, "os:1").await?;
    let stored = registry.blob_file(&image.blobs()[0]);
    let length = std::fs::metadata(&stored)?.len();
    std::fs::write(&stored, vec![0; usize::try_from(length)?])?;
    let directory = tempfile::tempdir()?;
    let error = client()?.pull_layout(&name, directory.path()).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    assert!(!directory.path().join("blobs/sha256").join(image.blobs()[0].hex()).exists());
    assert!(!directory.path().join("index.json").exists());
    Ok(())
}

/// What is done to the file of a layer.
type Lie<'a> = &'a dyn Fn(&Path) -> std::io::Result<()>;

async fn buildah_pull(source: &str) -> Result<()> {
    let storage = tempfile::tempdir()?;
    let mut buildah = Command::new("buildah");
    buildah.args(["--storage-driver", "vfs"]);
    buildah.arg("--root").arg(storage.path().join("root")).arg("--runroot").arg(storage.path().join("run"));
    buildah.args(["pull", "--policy", "always", source]);
    run(buildah.into(), Duration::from_secs(60)).await?.success().map(drop)
}
