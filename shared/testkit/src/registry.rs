//! A real docker-registry (CNCF Distribution 2.8) on a free port of 127.0.0.1, gone with its guard. Not a client: `registry`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use artifact::{Digest, ImageRef, Repository};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::process::{Process, free_port};
use crate::tools;

/// It listens within 100 ms on a quiet machine; many tests start at once on a slow one.
const START_BOUND: Duration = Duration::from_secs(20);

/// Where the registry posts its events, and the value of the `Authorization` header it sends along.
#[derive(Debug, Clone)]
pub struct Notify {
    /// The webhook's address.
    pub url: String,
    /// The whole header, such as `Bearer <secret>`.
    pub authorization: String,
}

/// Whom the registry lets in.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Everybody.
    #[default]
    Open,
    /// [`DockerRegistry::USER`] with [`DockerRegistry::PASSWORD`].
    Password,
    /// Everybody with a token of this realm (an address). The registry does not look into the token.
    Token(String),
}

/// How a registry is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where events go, if anywhere.
    pub notify: Option<Notify>,
    /// Whom it lets in.
    pub access: Access,
}

/// A running registry with its own storage; deleting is allowed.
#[derive(Debug)]
pub struct DockerRegistry {
    process: Process,
    host: String,
    directory: TempDir,
}

impl DockerRegistry {
    /// The user of [`Access::Password`].
    pub const USER: &'static str = "tester";
    /// The password of [`Access::Password`].
    pub const PASSWORD: &'static str = "load-line";

    /// Starts an open registry and waits until it listens.
    ///
    /// # Errors
    /// When docker-registry is missing or does not come up; the message has the end of its log.
    pub async fn start(notify: Option<Notify>) -> Result<Self> {
        Self::start_with(Options { notify, access: Access::Open }).await
    }

    /// Starts a registry by `options` and waits until it listens.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(options: Options) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("plimsoll-registry-").tempdir()?;
        let host = format!("127.0.0.1:{}", free_port()?);
        let config = directory.path().join("config.yml");
        std::fs::write(&config, configuration(&host, directory.path(), &options)?)?;
        let mut command = Command::new(tools::docker_registry());
        command.arg("serve").arg(&config);
        let process = Process::start("docker-registry", command)?;
        let mut registry = Self { process, host, directory };
        registry.wait().await?;
        Ok(registry)
    }

    /// Host and port, as image references write them.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository `path` in this registry.
    ///
    /// # Errors
    /// When `path` is no repository path.
    pub fn repository(&self, path: &str) -> Result<Repository> {
        Ok(format!("{}/{path}", self.host).parse()?)
    }

    /// The reference of `name` (`path:tag`) in this registry.
    ///
    /// # Errors
    /// When `name` is none.
    pub fn image(&self, name: &str) -> Result<ImageRef> {
        Ok(format!("{}/{name}", self.host).parse()?)
    }

    /// Where the bytes of a blob or manifest lie on disk: for tests that damage them.
    #[must_use]
    pub fn blob_file(&self, digest: &artifact::Digest) -> PathBuf {
        let hex = digest.hex();
        let shard = hex.get(..2).unwrap_or_default();
        self.directory
            .path()
            .join("storage/docker/registry/v2/blobs/sha256")
            .join(shard)
            .join(hex)
            .join("data")
    }

    /// Every image that ever stood under a tag, from the registry's own storage.
    ///
    /// # Errors
    /// When `image` has no tag, or was never pushed.
    pub fn tagged(&self, image: &ImageRef) -> Result<BTreeSet<Digest>> {
        let tag = image.tag().with_context(|| format!("{image} has no tag"))?;
        let folder = format!("{}/_manifests/tags/{tag}/index/sha256", image.repository().path());
        let folder = self.directory.path().join("storage/docker/registry/v2/repositories").join(folder);
        let entries = std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        entries.map(|entry| Ok(format!("sha256:{}", entry?.file_name().to_string_lossy()).parse()?)).collect()
    }

    /// Kills the registry as a crash would; what it stored stays.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same port with what it had stored.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.process.restart()?;
        self.wait().await
    }

    /// All that it wrote so far, accesses included.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn wait(&mut self) -> Result<()> {
        let host = self.host.clone();
        self.process.ready(START_BOUND, async || TcpStream::connect(&host).await.map(drop)).await
    }
}

/// JSON is YAML, and quotes itself.
fn configuration(host: &str, directory: &Path, options: &Options) -> Result<String> {
    let endpoints: Vec<serde_json::Value> = options
        .notify
        .iter()
        .map(|notify| {
            serde_json::json!({
                "name": "plimsoll",
                "url": notify.url,
                "headers": { "Authorization": [notify.authorization] },
                "timeout": "1s",
                // Retried at once at first, then twice a second: a test that stops the receiver waits for the redelivery.
                "threshold": 3,
                "backoff": "500ms",
                "ignoredmediatypes": ["application/octet-stream"],
                "ignore": { "actions": ["pull"] },
            })
        })
        .collect();
    let mut config = serde_json::json!({
        "version": 0.1,
        "log": { "level": "info" },
        "storage": {
            "filesystem": { "rootdirectory": directory.join("storage") },
            "delete": { "enabled": true },
        },
        "http": { "addr": host },
        "notifications": { "events": { "includereferences": true }, "endpoints": endpoints },
    });
    let auth = match &options.access {
        Access::Open => None,
        Access::Password => {
            let passwords = directory.join("passwords");
            std::fs::write(&passwords, PASSWORDS).context("writing the registry's password file")?;
            Some(serde_json::json!({ "htpasswd": { "realm": "testkit", "path": passwords } }))
        }
        Access::Token(realm) => {
            Some(serde_json::json!({ "silly": { "realm": realm, "service": "testkit" } }))
        }
    };
    if let (Some(auth), Some(config)) = (auth, config.as_object_mut()) {
        config.insert("auth".to_owned(), auth);
    }
    Ok(config.to_string())
}

/// [`DockerRegistry::USER`] and the bcrypt hash of [`DockerRegistry::PASSWORD`], at the lowest cost.
const PASSWORDS: &str = "tester:$2b$04$abcdefghijklmnopqrstuu7x9v8aCxPKS.uM.XBnIahzGuMQpL1om\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{self, Dockerd};
    use crate::image::{Format, ImageRecipe, LayerRecipe};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn pushes_are_notified_and_survive_a_crash() {
        let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/registry", receiver.local_addr().unwrap());
        let notify = Notify { url, authorization: "Bearer s3cret".to_owned() };
        let mut registry = DockerRegistry::start(Some(notify)).await.unwrap();
        let client = registry::Client::new(registry::Config::default()).unwrap();
        let image = ImageRecipe::scratch().layer(LayerRecipe::new().file("a", "b")).make().unwrap();
        let target = registry.image("team/app:1").unwrap();
        image.push(&client, &target).await.unwrap();

        let (mut connection, _) = receiver.accept().await.unwrap();
        let mut request = String::new();
        while !request.contains(image.digest().as_str()) {
            let mut chunk = vec![0; 4096];
            let length = connection.read(&mut chunk).await.unwrap();
            assert_ne!(length, 0, "{request}");
            request.push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
        assert!(
            request.starts_with("POST /webhooks/registry") && request.contains("Bearer s3cret"),
            "{request}"
        );
        connection.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();

        registry.restart().await.unwrap();
        assert_eq!(client.resolve(&target).await.unwrap(), *image.digest());
        let port = registry.host().to_owned();
        drop(registry);
        assert!(TcpStream::connect(port).await.is_err());
    }

    #[tokio::test]
    async fn docker_runs_what_was_made_and_pushed() {
        let registry = DockerRegistry::start(None).await.unwrap();
        let client = registry::Client::new(registry::Config::default()).unwrap();
        let daemon = Dockerd::start(docker::Options::default()).await.unwrap();
        for format in [Format::Oci, Format::Docker] {
            let recipe = ImageRecipe::scratch().layer(LayerRecipe::busybox().unwrap()).format(format);
            let recipe = recipe
                .layer(LayerRecipe::new().file("etc/version", "10.4.8"))
                .command(&["cat", "/etc/version"]);
            let image = recipe.make().unwrap();
            let name = registry.image("os:10.4.8").unwrap();
            image.push(&client, &name).await.unwrap();
            let name = name.to_string();
            daemon.docker(&["pull", &name]).await.unwrap().success().unwrap();
            let said = daemon.docker(&["run", "--network", "none", &name]).await.unwrap().success().unwrap();
            assert_eq!(said, "10.4.8");
            let id =
                daemon.docker(&["images", "--no-trunc", "--quiet", &name]).await.unwrap().success().unwrap();
            assert_eq!(id, image.config_digest().unwrap().as_str());
        }
    }
}
