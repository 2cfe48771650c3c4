//! Layouts that are whole, damaged and forged.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::image::{Format, Image, ImageRecipe, LayerRecipe};

use super::*;

fn recipe() -> ImageRecipe {
    ImageRecipe::scratch().layer(LayerRecipe::new().file("etc/version", "10.4.8")).label("team", "a")
}

fn written(image: &Image) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    image.write_layout(dir.path(), "image").unwrap();
    dir
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

#[track_caller]
fn check_refused(dir: &TempDir, expected: fn(&Error) -> bool) {
    let error = verify(dir.path()).unwrap_err();
    assert!(expected(&error), "{error:?}");
}

#[test]
fn a_whole_image_is_told() {
    for format in [Format::Oci, Format::Docker] {
        let image = recipe().format(format).make().unwrap();
        let built = verify(written(&image).path()).unwrap();
        assert_eq!((&built.digest, Some(&built.config_digest)), (image.digest(), image.config_digest()));
        assert_eq!(built.layers, image.layers());
        assert_eq!(built.labels, [("team".to_owned(), "a".to_owned())].into());
    }
}

#[test]
fn changed_content_is_found() {
    let image = recipe().make().unwrap();
    for digest in image.blobs().iter().chain([image.digest()]) {
        let dir = written(&image);
        let path = dir.path().join(document::blob(digest));
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, bytes).unwrap();
        check_refused(&dir, |error| matches!(error, Error::Content { .. }));
    }
}

#[test]
fn lies_of_a_configuration_are_found() {
    let wrong = recipe()
        .make_with(|config| config["rootfs"]["diff_ids"] = json!([format!("sha256:{}", "0".repeat(64))]));
    check_refused(&written(&wrong.unwrap()), |error| {
        matches!(error, Error::Content { what: "uncompressed layer", .. })
    });
    let none = recipe().make_with(|config| config["rootfs"]["diff_ids"] = json!([]));
    check_refused(&written(&none.unwrap()), |error| {
        matches!(error, Error::Layers { diff_ids: 0, layers: 1 })
    });
}

#[test]
fn one_image_and_no_other_kind() {
    let image = recipe().make().unwrap();
    let dir = written(&Image::index(std::slice::from_ref(&image)));
    check_refused(&dir, |error| matches!(error, Error::MediaType { what: "manifest", .. }));
    let dir = written(&image);
    edit(&dir.path().join("index.json"), |index| {
        let entry = index["manifests"][0].clone();
        index["manifests"] = json!([entry.clone(), entry]);
    });
    check_refused(&dir, |error| matches!(error, Error::NotOne(2)));
    edit(&dir.path().join("index.json"), |index| index["manifests"] = json!([]));
    check_refused(&dir, |error| matches!(error, Error::NotOne(0)));
    std::fs::write(dir.path().join("index.json"), "{").unwrap();
    check_refused(&dir, |error| matches!(error, Error::Document { what: "index", .. }));
    std::fs::write(dir.path().join("index.json"), " ".repeat(5 << 20)).unwrap();
    check_refused(&dir, |error| matches!(error, Error::TooLarge { .. }));
    std::fs::remove_file(dir.path().join("index.json")).unwrap();
    check_refused(&dir, |error| matches!(error, Error::File { .. }));
}

/// Replaces the manifest by a changed one, digests in order.
fn with_manifest(image: &Image, change: impl FnOnce(&mut Value)) -> TempDir {
    let dir = written(image);
    let path = dir.path().join(document::blob(image.digest()));
    edit(&path, change);
    let text = std::fs::read(&path).unwrap();
    let digest = Digest::of(&text);
    std::fs::rename(path, dir.path().join(document::blob(&digest))).unwrap();
    edit(&dir.path().join("index.json"), |index| {
        index["manifests"][0]["digest"] = json!(digest.as_str());
        index["manifests"][0]["size"] = json!(text.len());
    });
    dir
}

#[test]
fn layers_are_here_and_of_a_known_kind() {
    let image = recipe().make().unwrap();
    let dir =
        with_manifest(&image, |manifest| manifest["layers"][0]["urls"] = json!(["https://evil.test/layer"]));
    check_refused(&dir, |error| matches!(error, Error::Foreign(_)));
    let dir = with_manifest(&image, |manifest| manifest["layers"][0]["mediaType"] = json!("text/plain"));
    check_refused(&dir, |error| matches!(error, Error::MediaType { what: "layer", .. }));
    let dir = with_manifest(&image, |manifest| {
        manifest["layers"][0]["digest"] = json!("sha256:../../../../etc/passwd")
    });
    check_refused(&dir, |error| matches!(error, Error::Document { what: "layer", .. }));
}

#[test]
fn links_are_not_followed() {
    let image = recipe().make().unwrap();
    let dir = written(&image);
    let layer = dir.path().join(document::blob(&image.blobs()[0]));
    let elsewhere = dir.path().join("elsewhere");
    std::fs::rename(&layer, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &layer).unwrap();
    check_refused(&dir, |error| matches!(error, Error::NotPlain(_)));
}

#[test]
fn the_published_image_has_the_layers_of_its_base_as_they_are() {
    let base = recipe();
    let unrelated = ImageRecipe::scratch().layer(LayerRecipe::new().file("x", "y")).make().unwrap();
    let top = ImageRecipe::on(&base).layer(LayerRecipe::new().file("app", "1")).make().unwrap();
    // The base in Docker's format has other media types and the same content.
    let base = base.format(Format::Docker).make().unwrap();
    let (built, bases) = (written(&top), [written(&unrelated), written(&base)]);
    let bases: Vec<&Path> = bases.iter().map(TempDir::path).collect();
    let additions = Additions {
        labels: [("team".to_owned(), "b".to_owned()), ("quote\"\n".to_owned(), "RUN x".to_owned())].into(),
        annotations: [("org.opencontainers.image.base.name".to_owned(), "base".to_owned())].into(),
        names: BTreeMap::new(),
    };
    let output = tempfile::tempdir().unwrap();
    let published = finish(built.path(), &bases, &additions, &output.path().join("one")).unwrap();
    assert_eq!(published.layers, top.layers());
    assert_eq!(published.labels, additions.labels);
    assert_eq!(verify(&output.path().join("one")).unwrap(), published);
    assert!(output.path().join("one").join(document::blob(&base.blobs()[0])).exists());
    let again = finish(built.path(), &bases, &additions, &output.path().join("two")).unwrap();
    assert_eq!(again, published);
}
