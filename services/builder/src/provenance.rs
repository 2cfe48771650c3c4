//! What is attested of a build: an in-toto statement with SLSA v1 provenance. Not its signature.
//!
//! A pure function. Every field comes from the worker, none from the build; build arguments are named and their values left
//! out, addresses come without their users, so that nothing secret is published with an image.
//!
//! Sources: in-toto attestation framework v1 (spec/v1/statement.md), SLSA v1.0 (provenance/v1), purl-spec (types: oci).

use std::collections::BTreeSet;

use artifact::{BaseRole, Digest, ImageRef, Repository};
use serde_json::{Value, json};
use time::{OffsetDateTime, UtcOffset};

use source::{Commit, GitUrl};

/// The meaning of our external parameters; a change of them is another version.
pub const BUILD_TYPE: &str = "https://plimsoll.dev/build/dockerfile/v1";

/// All that is told of a build.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Where the image was published.
    pub repository: Repository,
    /// Its manifest.
    pub digest: Digest,
    /// Where the source came from.
    pub source: GitUrl,
    /// The commit that was built.
    pub commit: Commit,
    /// The path of the Dockerfile in it.
    pub definition: String,
    /// The build arguments that were given, without their values.
    pub arguments: BTreeSet<String>,
    /// Every image that entered the build.
    pub bases: Vec<UsedBase>,
    /// Who built: the worker's name as an address.
    pub builder: String,
    /// The build's id.
    pub invocation: String,
    /// When it started.
    pub started: OffsetDateTime,
    /// When it finished.
    pub finished: OffsetDateTime,
}

/// An image that entered a build.
#[derive(Debug, Clone)]
pub struct UsedBase {
    /// How it entered.
    pub role: BaseRole,
    /// The reference as the author wrote it.
    pub written: String,
    /// The reference that was built on.
    pub built_on: ImageRef,
    /// What that was.
    pub digest: Digest,
}

/// The statement. Equal facts give equal bytes.
pub fn statement(facts: &Facts) -> Value {
    let written: Vec<Value> = facts
        .bases
        .iter()
        .map(|base| json!({ "role": base.role.as_str(), "reference": base.written }))
        .collect();
    let source = format!("git+{}", facts.source);
    let mut dependencies = vec![json!({
        "name": "source",
        "uri": format!("{source}@{}", facts.commit),
        "digest": { "gitCommit": facts.commit.as_str() },
    })];
    dependencies.extend(facts.bases.iter().map(dependency));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": facts.repository.to_string(), "digest": digest_set(&facts.digest) }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "source": { "repository": source, "commit": facts.commit.as_str() },
                    "definition": facts.definition,
                    "arguments": facts.arguments,
                    "bases": written,
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": { "id": facts.builder },
                "metadata": {
                    "invocationId": facts.invocation,
                    "startedOn": timestamp(facts.started),
                    "finishedOn": timestamp(facts.finished),
                },
            },
        },
    })
}

fn dependency(base: &UsedBase) -> Value {
    json!({
        "name": base.built_on.to_string(),
        "uri": package_url(&base.built_on, &base.digest),
        "digest": digest_set(&base.digest),
        "annotations": { "role": base.role.as_str(), "written": base.written },
    })
}

/// `pkg:oci/NAME@DIGEST?repository_url=…&tag=…`; a repository's characters need no escape in a query but the colon of a port.
fn package_url(image: &ImageRef, digest: &Digest) -> String {
    let repository = image.repository();
    let name = repository.path().rsplit('/').next().unwrap_or_default();
    let escaped = |text: &str| text.replace(':', "%3A");
    let mut url = format!(
        "pkg:oci/{name}@{}?repository_url={}",
        escaped(digest.as_str()),
        escaped(&repository.to_string())
    );
    if let Some(tag) = image.tag() {
        url.push_str(&format!("&tag={tag}"));
    }
    url
}

/// in-toto's DigestSet: the algorithm and the hex digits.
fn digest_set(digest: &Digest) -> Value {
    let algorithm = digest.as_str().split(':').next().unwrap_or_default();
    json!({ algorithm: digest.hex() })
}

/// RFC 3339 in UTC, to the second.
fn timestamp(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let base = "registry.test:5000/bases/alpine:10.4.9".parse::<ImageRef>().unwrap();
        Facts {
            repository: "registry.test/team/app".parse().unwrap(),
            digest: Digest::of(b"app"),
            source: "https://bot:s3cret@git.test/team/app".parse().unwrap(),
            commit: "c".repeat(40).parse().unwrap(),
            definition: "Dockerfile".to_owned(),
            arguments: ["TOKEN".to_owned()].into(),
            bases: vec![UsedBase {
                role: BaseRole::Base,
                written: "alpine:10.4.8".to_owned(),
                built_on: base,
                digest: Digest::of(b"base"),
            }],
            builder: "https://plimsoll.test/builder/1".to_owned(),
            invocation: "b-17".to_owned(),
            started: OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap(),
            finished: OffsetDateTime::from_unix_timestamp(1_700_000_007).unwrap(),
        }
    }

    #[test]
    fn names_what_was_built_from_what() {
        let statement = statement(&facts());
        let at = |pointer: &str| statement.pointer(pointer).cloned().unwrap_or_default();
        let (app, base) = (Digest::of(b"app"), Digest::of(b"base"));
        assert_eq!(
            at("/subject"),
            json!([{ "name": "registry.test/team/app", "digest": { "sha256": app.hex() } }])
        );
        let dependencies = at("/predicate/buildDefinition/resolvedDependencies");
        assert_eq!(dependencies[0]["uri"], format!("git+https://git.test/team/app@{}", "c".repeat(40)));
        assert_eq!(dependencies[0]["digest"]["gitCommit"], "c".repeat(40));
        assert_eq!(dependencies[1]["digest"]["sha256"], base.hex());
        assert_eq!(dependencies[1]["annotations"], json!({ "role": "base", "written": "alpine:10.4.8" }));
        let url = format!(
            "pkg:oci/alpine@sha256%3A{}?repository_url=registry.test%3A5000/bases/alpine&tag=10.4.9",
            base.hex()
        );
        assert_eq!(dependencies[1]["uri"], url);
        let parameters = at("/predicate/buildDefinition/externalParameters");
        assert_eq!(parameters["bases"], json!([{ "role": "base", "reference": "alpine:10.4.8" }]));
        let metadata = at("/predicate/runDetails/metadata");
        assert_eq!(metadata["startedOn"], "2023-11-14T22:13:20Z");
        assert_eq!(metadata["finishedOn"], "2023-11-14T22:13:27Z");
    }

    #[test]
    fn tells_no_secret() {
        assert!(!statement(&facts()).to_string().contains("s3cret"));
    }

    #[test]
    fn is_a_function_of_its_facts() {
        assert_eq!(statement(&facts()).to_string(), statement(&facts()).to_string());
    }
}
