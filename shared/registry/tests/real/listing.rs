//! What a registry holds, over many pages.

use anyhow::Result;
use testkit::registry::DockerRegistry;

use crate::{base, client, push, requests};

#[tokio::test]
async fn tags_are_listed_until_the_last_is_gone() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let repository = registry.repository("team/app")?;
    assert!(client()?.tags(&repository).await.unwrap_err().is_not_found());
    let (_, digest) = push(&registry, &base().make()?, "team/app:1").await?;
    client()?.tag(&repository, &digest, &"2".parse().unwrap()).await?;
    let mut tags: Vec<String> = client()?.tags(&repository).await?.iter().map(ToString::to_string).collect();
    tags.sort();
    assert_eq!(tags, ["1", "2"]);

    let url = format!("http://{}/v2/team/app/manifests/{digest}", registry.host());
    assert!(reqwest::Client::new().delete(url).send().await?.status().is_success());
    // This registry says `"tags": null` now.
    assert!(client()?.tags(&repository).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn repositories_are_listed_over_many_pages() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let directory = tempfile::tempdir()?;
    base().make()?.write_layout(directory.path(), "image")?;
    // A page of this registry has 100.
    let mut expected: Vec<_> = (0..105)
        .map(|number| registry.repository(&format!("team/app-{number:03}")))
        .collect::<Result<_>>()?;
    let client = client()?;
    for (index, repository) in expected.iter().enumerate() {
        let source = index.checked_sub(1).and_then(|before| expected.get(before)).cloned();
        client.push_layout(directory.path(), repository, source.as_slice()).await?;
    }
    let mut found = client.repositories(registry.host()).await?;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(requests(&registry, &["GET /v2/_catalog"]) >= 2);
    Ok(())
}
