//! Documents that are read, and those that are refused. Not those of a real registry: see `tests/`.

use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn check(document: &str, declared: Option<&str>, accepted: bool) {
    let document = document.replace("HEX", HEX);
    let parsed = Document::parse(document.as_bytes(), declared, "manifest r.test/app:1");
    assert_eq!(parsed.is_ok(), accepted, "{document}: {parsed:?}");
    assert!(parsed.is_ok() || matches!(parsed, Err(Error::Malformed { .. })));
}

#[test]
fn documents_are_one_thing_only() {
    let config = r#""config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:HEX", "size": 2}"#;
    let image = format!(r#"{{"schemaVersion": 2, {config}, "layers": []}}"#);
    check(&image, None, true);
    check(&image, Some("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8"), true);
    check(&image, Some("application/json"), true);
    check(&image, Some(OCI_IMAGE_INDEX_MEDIA_TYPE), false);
    check(r#"{"schemaVersion": 2, "manifests": []}"#, None, true);
    check(r#"{"schemaVersion": 2, "manifests": []}"#, Some(OCI_IMAGE_MEDIA_TYPE), false);
    check(&format!(r#"{{"schemaVersion": 2, {config}, "layers": [], "manifests": []}}"#), None, false);
    check(r#"{"schemaVersion": 2, "layers": [], "manifests": []}"#, None, false);
    check(r#"{"schemaVersion": 2, "layers": []}"#, None, false);
    check(r#"{"schemaVersion": 1, "name": "app", "fsLayers": []}"#, None, false);
    check("{}", None, false);
    check("", None, false);
    check(&image.replace("HEX", "FFFF"), None, false);
    check(&image.replace(r#""size": 2"#, r#""size": -2"#), None, false);
}

#[test]
fn media_types_inside_and_outside_agree() {
    let index =
        format!(r#"{{"schemaVersion": 2, "mediaType": "{OCI_IMAGE_INDEX_MEDIA_TYPE}", "manifests": []}}"#);
    check(&index, Some(OCI_IMAGE_INDEX_MEDIA_TYPE), true);
    check(&index, Some(IMAGE_MANIFEST_LIST_MEDIA_TYPE), false);
    check(&index.replace("index", "manifest"), None, false);
}

#[test]
fn keys_that_others_read_otherwise_are_refused() {
    check(r#"{"schemaVersion": 2, "manifests": [], "Manifests": []}"#, None, false);
    check(r#"{"schemaVersion": 2, "manifests": [], "manifests": []}"#, None, false);
    check(r#"{"schemaVersion": 2, "manifests": [], "LAYERS": []}"#, None, false);
    check("{\"schemaVersion\": 2, \"manifests\": [], \"manifest\u{17f}\": []}", None, false);
    let twofold = r#"{"schemaVersion": 2, "manifests": [{"mediaType": "m", "digest": "sha256:HEX", "Digest": "x", "size": 1}]}"#;
    check(twofold, None, false);
    check(&twofold.replace("Digest", "other"), None, true);
    let config = format!(r#"{{"rootfs": {{"diff_ids": [], "Diff_IDs": ["sha256:{HEX}"]}}}}"#);
    assert!(ImageConfig::parse(config.as_bytes(), "config").is_err());
    let config = br#"{"rootfs": {"diff_ids": []}, "config": {"onbuild": ["COPY --from=evil / /"]}}"#;
    assert!(ImageConfig::parse(config, "config").is_err());
}

#[test]
fn configurations_tell_platform_layers_labels_and_triggers() {
    let config = format!(
        r#"{{"os": "linux", "architecture": "arm64", "variant": "v8", "config": {{"Labels": {{"a": "b"}}, "OnBuild": ["RUN x", "USER y"]}},
            "rootfs": {{"type": "layers", "diff_ids": ["sha256:{HEX}"]}}}}"#
    );
    let config = ImageConfig::parse(config.as_bytes(), "config").unwrap();
    assert_eq!(config.platform, Some("linux/arm64/v8".parse().unwrap()));
    assert_eq!(config.layers, vec![format!("sha256:{HEX}").parse().unwrap()]);
    assert_eq!(config.labels["a"], "b");
    assert_eq!(config.triggers, ["RUN x", "USER y"]);

    let bare = ImageConfig::parse(
        br#"{"os": "", "rootfs": {"diff_ids": null}, "config": {"Labels": null, "OnBuild": null}}"#,
        "config",
    );
    assert!(bare.is_ok_and(|config| config.platform.is_none() && config.layers.is_empty()));
    assert!(ImageConfig::parse(b"{}", "config").is_err());
    assert!(ImageConfig::parse(br#"{"rootfs": {"diff_ids": ["x"]}}"#, "config").is_err());
}
