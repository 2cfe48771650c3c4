//! A registry that refuses for a while: nothing of the refusal outlives it.

use std::collections::BTreeMap;

use anyhow::Result;
use artifact::ImageRef;
use registry::{Client, Config, Error, Login};
use testkit::{
    http_proxy::{Fault, HttpProxy},
    image::Image,
    registry::{Access, DockerRegistry, Options},
};

use crate::base;

const BASIC: &str = "WWW-Authenticate: Basic realm=\"registry\"";

/// A registry behind a proxy that can refuse, an image in it, and a client that has already used it.
struct World {
    _registry: DockerRegistry,
    proxy: HttpProxy,
    client: Client,
    image: Image,
    name: ImageRef,
}

async fn world(access: Access, user: Option<&str>) -> Result<World> {
    let registry = DockerRegistry::start_with(Options { access, ..Options::default() }).await?;
    let proxy = HttpProxy::start(registry.host()).await?;
    let login =
        user.map(|user| Login { user: user.to_owned(), secret: DockerRegistry::PASSWORD.to_owned().into() });
    let credentials: BTreeMap<_, _> = login.into_iter().map(|login| (proxy.host(), login)).collect();
    let client = Client::new(Config { credentials, ..Config::default() })?;
    let image = base().make()?;
    let name: ImageRef = format!("{}/team/app:1", proxy.host()).parse()?;
    let world = World { _registry: registry, proxy, client, image, name };
    world.everything_works("warm").await?;
    Ok(world)
}

impl World {
    /// Every kind of request: manifests and blobs, in and out, into a repository that has none of them yet.
    async fn everything_works(&self, fresh: &str) -> Result<()> {
        let pushed: ImageRef = format!("{}/team/{fresh}:1", self.proxy.host()).parse()?;
        self.image.push(&self.client, &self.name).await?;
        self.image.push(&self.client, &pushed).await?;
        self.client.describe(&self.name).await?;
        self.client.tags(self.name.repository()).await?;
        let directory = tempfile::tempdir()?;
        self.client.pull_layout(&self.name, directory.path()).await?;
        Ok(())
    }

    async fn everything_is_denied(&self) -> Result<()> {
        let error = self.client.describe(&self.name).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        let pushed: ImageRef = format!("{}/team/denied:1", self.proxy.host()).parse()?;
        let error = self.image.push(&self.client, &pushed).await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Error::Denied { .. })), "{error:?}");
        Ok(())
    }
}

/// The registry refuses everything for a while, then serves as before: so does the client, at once.
async fn check(access: Access, user: Option<&str>, refusals: &[Fault]) -> Result<()> {
    let world = world(access, user).await?;
    for (number, refusal) in refusals.iter().enumerate() {
        world.proxy.fail(refusal.clone());
        world.everything_is_denied().await?;
        world.proxy.recover();
        let before = world.proxy.requests();
        let again = world.everything_works(&format!("fresh-{number}")).await;
        assert!(again.is_ok(), "after {refusal:?}, {} requests: {again:?}", world.proxy.requests() - before);
    }
    Ok(())
}

fn refusals(realm: &str) -> Vec<Fault> {
    let bearer = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"registry\"");
    vec![
        Fault::Status(401, vec![BASIC.to_owned()]),
        Fault::Status(401, vec![bearer]),
        Fault::Status(401, vec![]),
        Fault::Status(403, vec![]),
    ]
}

#[tokio::test]
async fn an_open_registry_that_refused_is_used_again_at_once() -> Result<()> {
    let realm = HttpProxy::start("127.0.0.1:1").await?;
    realm.fail(Fault::Status(401, vec![]));
    check(Access::Open, None, &refusals(&format!("http://{}/token", realm.host()))).await
}

#[tokio::test]
async fn a_registry_with_passwords_that_refused_is_used_again_at_once() -> Result<()> {
    let realm = HttpProxy::start("127.0.0.1:1").await?;
    realm.fail(Fault::Status(403, vec![]));
    let refusals = refusals(&format!("http://{}/token", realm.host()));
    check(Access::Password, Some(DockerRegistry::USER), &refusals).await
}

#[tokio::test]
async fn blobs_alone_may_be_refused() -> Result<()> {
    let world = world(Access::Open, None).await?;
    for (number, status) in [401, 403].into_iter().enumerate() {
        world.proxy.fail_where("/blobs/", Fault::Status(status, vec![BASIC.to_owned()]));
        let directory = tempfile::tempdir()?;
        let error = world.client.pull_layout(&world.name, directory.path()).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        let pushed: ImageRef = format!("{}/team/blobs-{number}:1", world.proxy.host()).parse()?;
        let error = world.image.push(&world.client, &pushed).await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Error::Denied { .. })), "{error:?}");
        world.proxy.recover();
        world.everything_works(&format!("blobs-{number}")).await?;
    }
    Ok(())
}

/// The realm refuses or breaks for a while, and afterwards names another token than before.
#[tokio::test]
async fn a_realm_that_refused_is_asked_again_at_once() -> Result<()> {
    let realm = HttpProxy::start("127.0.0.1:1").await?;
    let token = |token: &str| Fault::Text(200, format!("{{\"token\": \"{token}\", \"expires_in\": 300}}"));
    realm.fail(token("first"));
    let access = Access::Token(format!("http://{}/token", realm.host()));
    let world = world(access, Some("robot")).await?;
    for (number, status) in [401, 403, 500].into_iter().enumerate() {
        realm.fail(Fault::Status(status, vec![]));
        // The token that is kept is refused too.
        world.proxy.fail(Fault::Status(401, vec![BASIC.to_owned()]));
        let error = world.client.describe(&world.name).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        world.proxy.recover();
        let error = world.client.describe(&world.name).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. } | Error::Unavailable { .. }), "{error:?}");
        realm.fail(token("next"));
        let again = world.everything_works(&format!("fresh-{number}")).await;
        assert!(again.is_ok(), "after {status}: {again:?}");
    }
    Ok(())
}
