//! Who may do what, and where credentials go.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use registry::{Client, Config, Error, Login};
use testkit::process::{Process, free_port};
use testkit::registry::{Access, DockerRegistry, Options};
use testkit::tools;
use tokio::net::{TcpListener, TcpStream};

use crate::{base, client, requests};

const SECRET: &str = "s3cret-of-the-test";

fn client_as(host: &str, user: &str, secret: &str) -> Result<Client> {
    let login = Login { user: user.to_owned(), secret: secret.to_owned().into() };
    let credentials = BTreeMap::from([(host.to_owned(), login)]);
    Ok(Client::new(Config { credentials, ..Config::default() })?)
}

#[tokio::test]
async fn passwords_open_what_they_should() -> Result<()> {
    let options = Options { access: Access::Password, ..Options::default() };
    let registry = DockerRegistry::start_with(options).await?;
    let target = registry.image("team/app:1")?;
    let image = base().make()?;
    let known = client_as(registry.host(), DockerRegistry::USER, DockerRegistry::PASSWORD)?;
    let digest = image.push(&known, &target).await?;
    assert_eq!(known.describe(&target).await?.digest, digest);
    assert_eq!(known.repositories(registry.host()).await?, [target.repository().clone()]);
    let directory = tempfile::tempdir()?;
    known.pull_layout(&target, directory.path()).await?;

    let stranger = client_as(registry.host(), DockerRegistry::USER, SECRET)?;
    for refused in [client()?, stranger] {
        let error = refused.resolve(&target).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }) && !error.is_retryable(), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(SECRET));
        let error = image.push(&refused, &target).await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Error::Denied { .. })), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn tokens_are_asked_for_with_our_credentials_and_kept() -> Result<()> {
    let realm = Realm::start().await?;
    let options = Options { access: Access::Token(realm.url()), ..Options::default() };
    let registry = DockerRegistry::start_with(options).await?;
    let target = registry.image("team/app:1")?;
    let known = client_as(registry.host(), "robot", SECRET)?;
    let image = base().make()?;
    let digest = image.push(&known, &target).await?;
    assert_eq!(known.resolve(&target).await?, digest);
    let directory = tempfile::tempdir()?;
    known.pull_layout(&target, directory.path()).await?;
    known.tags(target.repository()).await?;
    // One token to push and one to pull, however many requests; the challenge is asked for once.
    assert_eq!(requests(&registry, &["\"GET /v2/ "]), 1);
    assert_eq!(realm.requests(), 2, "{}", realm.process.log());

    let error = client_as(registry.host(), "robot", "wrong")?.resolve(&target).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn credentials_do_not_follow_a_realm_into_the_open() -> Result<()> {
    // The first is another host by plain http; the second hides credentials of its own in the address.
    let trap = TcpListener::bind("127.0.0.1:0").await?;
    let address = trap.local_addr()?;
    for realm in [format!("http://192.0.2.1:{}/token", address.port()), format!("http://u:p@{address}/token")]
    {
        let options = Options { access: Access::Token(realm), ..Options::default() };
        let registry = DockerRegistry::start_with(options).await?;
        let known = client_as(registry.host(), "robot", SECRET)?;
        let error = known.resolve(&registry.image("team/app:1")?).await.unwrap_err();
        assert!(matches!(error, Error::UntrustedRealm { .. } | Error::Malformed { .. }), "{error:?}");
        assert!(!error.is_retryable() && !error.to_string().contains("u:p"));
    }
    let nobody = tokio::time::timeout(Duration::from_millis(1), trap.accept()).await;
    assert!(nobody.is_err());
    Ok(())
}

/// A token realm: busybox's HTTP server, which gives its one token to whoever has the password.
struct Realm {
    process: Process,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Realm {
    async fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        std::fs::write(directory.path().join("token"), r#"{"token": "opaque", "expires_in": 300}"#)?;
        let config = directory.path().join("httpd.conf");
        std::fs::write(&config, format!("/:robot:{SECRET}\n"))?;
        let port = free_port()?;
        let mut command = Command::new(tools::busybox());
        command.args(["httpd", "-f", "-v", "-p", &format!("127.0.0.1:{port}")]);
        command.arg("-h").arg(directory.path()).arg("-c").arg(&config);
        let mut process = Process::start("token realm", command)?;
        let address = ("127.0.0.1", port);
        process.ready(Duration::from_secs(10), async || TcpStream::connect(address).await.map(drop)).await?;
        Ok(Self { process, port, _directory: directory })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    fn requests(&self) -> usize {
        self.process.log().lines().filter(|line| line.contains("response:200")).count()
    }
}
