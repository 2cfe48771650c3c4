//! A registry that is away, silent or back again.

use std::time::{Duration, Instant};

use anyhow::Result;
use registry::{Client, Config, Error};
use testkit::{
    http_proxy::{Fault, HttpProxy},
    registry::DockerRegistry,
};
use tokio::net::TcpListener;

use crate::{base, client, push};

#[tokio::test]
async fn a_registry_that_is_away_is_worth_another_try() -> Result<()> {
    let mut registry = DockerRegistry::start(None).await?;
    let (name, digest) = push(&registry, &base().make()?, "os:1").await?;
    // The same client before and after: broken pooled connections are no error of ours.
    let client = client()?;
    assert_eq!(client.resolve(&name).await?, digest);
    registry.kill()?;
    let error = client.resolve(&name).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_retryable(), "{error:?}");
    registry.restart().await?;
    assert_eq!(client.resolve(&name).await?, digest);
    let directory = tempfile::tempdir()?;
    client.pull_layout(&name, directory.path()).await?;
    Ok(())
}

#[tokio::test]
async fn a_silent_registry_costs_the_bound_and_no_more() -> Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let limit = Duration::from_millis(300);
    let client = Client::new(Config { timeout: limit, ..Config::default() })?;
    let name = format!("{}/os:1", silent.local_addr()?).parse()?;
    let started = Instant::now();
    let error = client.describe(&name).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }) && error.is_retryable(), "{error:?}");
    assert!(started.elapsed() < 10 * limit);
    Ok(())
}

/// A transfer may take ten minutes, and yet a registry that falls silent in its middle is given up after the bound of one exchange.
#[tokio::test]
async fn a_registry_that_falls_silent_during_a_transfer_costs_the_bound_and_no_more() -> Result<()> {
    let registry = DockerRegistry::start(None).await?;
    let proxy = HttpProxy::start(registry.host()).await?;
    let limit = Duration::from_millis(500);
    let client = Client::new(Config { timeout: limit, ..Config::default() })?;
    let image = base().make()?;
    let name = format!("{}/os:1", proxy.host()).parse()?;
    image.push(&client, &name).await?;
    for about in
        ["GET /v2/os/blobs/", "HEAD /v2/fresh/blobs/", "POST /v2/fresh/blobs/", "PUT /v2/fresh/blobs/"]
    {
        proxy.fail_where(about, Fault::Silent);
        let started = Instant::now();
        let failed = if about.starts_with("GET") {
            let directory = tempfile::tempdir()?;
            client.pull_layout(&name, directory.path()).await.map(drop).unwrap_err()
        } else {
            let fresh = format!("{}/fresh:1", proxy.host()).parse()?;
            image.push(&client, &fresh).await.map(drop).unwrap_err().downcast()?
        };
        assert!(matches!(failed, Error::TimedOut { .. }) && failed.is_retryable(), "{about}: {failed:?}");
        assert!(started.elapsed() < 10 * limit, "{about}: {:?}", started.elapsed());
        proxy.recover();
    }
    Ok(())
}
