//! The parts of a run, each where it can be made to fail: the data folder on a small disk of its own, the node's gate and agent behind a link, the registry and one of
//! two git hosts behind a proxy.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use artifact::ImageRef;
use events::topology::Role;
use serde_json::json;
use testkit::{
    docker::{AuthorizationPlugin, Dockerd, Options, Place},
    git::{GitHost, Webhook},
    http_proxy::HttpProxy,
    image::{ImageRecipe, LayerRecipe},
    process::{Process, free_port},
    proxy::Proxy,
    registry::{DockerRegistry, Notify},
};
use tokio::net::{TcpStream, UnixStream};

use crate::{
    images,
    world::{OPERATOR, STEP, plimsoll},
};

/// Large enough for the streams of a run, small enough to be filled in a second.
const DISK_MIB: u32 = 512;
/// How old the state may be that the gate answers from.
pub(super) const MAX_AGE: Duration = Duration::from_secs(10);
/// Versions of the base that are banned and lifted.
pub(super) const VERSIONS: [&str; 6] = ["1", "2", "3", "4", "5", "6"];
/// The version that is never banned.
pub(super) const GOOD: &str = "9";
/// Projects on a host that works, and on one that hangs at times.
pub(super) const PROJECTS: [(&str, bool); 6] =
    [("web", true), ("shop", true), ("mail", true), ("wiki", true), ("slow", false), ("slower", false)];

const REGISTRY_SECRET: &str = "registry-webhook-secret";
const GIT_SECRET: &str = "git-webhook-secret";
/// Everything but what runs on the node.
const CENTRAL: [Role; 6] =
    [Role::Watcher, Role::Scanner, Role::Planner, Role::Worker, Role::Invalidator, Role::Notifier];

/// Everything that was started; gone when dropped, in this order.
pub(super) struct Yard {
    pub(super) docker: Dockerd,
    pub(super) node: Process,
    pub(super) up: Process,
    pub(super) link: Proxy,
    pub(super) registry_proxy: HttpProxy,
    pub(super) registry: DockerRegistry,
    pub(super) git: GitHost,
    pub(super) hanging_git: GitHost,
    pub(super) git_link: Proxy,
    pub(super) client: registry::Client,
    pub(super) broker: String,
    disk: Disk,
    folder: tempfile::TempDir,
}

/// A file system of its own.
struct Disk(PathBuf);

impl Yard {
    /// Starts everything and waits until the gate listens.
    pub(super) async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plimsoll-chaos-").tempdir()?;
        let disk = Disk::mount(&folder.path().join("disk"))?;
        let (port, webhooks) = (free_port()?, free_port()?);
        let hooks = format!("http://127.0.0.1:{webhooks}/webhooks");
        let notify =
            Notify { url: format!("{hooks}/registry"), authorization: format!("Bearer {REGISTRY_SECRET}") };
        let registry = DockerRegistry::start(Some(notify)).await?;
        let registry_proxy = HttpProxy::start(registry.host()).await?;
        let webhook = || Some(Webhook { url: format!("{hooks}/git"), secret: GIT_SECRET.to_owned() });
        let git = GitHost::start(webhook()).await?;
        let mut hanging_git = GitHost::start(webhook()).await?;
        let git_link = Proxy::start(hanging_git.address()).await?;
        hanging_git.show_as(git_link.address().port());
        let link = Proxy::start(format!("127.0.0.1:{port}")).await?;
        let place = Place::make()?;

        let central = folder.path().join("central.toml");
        fs::write(&central, central_config(folder.path(), port, webhooks, &registry_proxy.host()))?;
        let mut command = plimsoll();
        command.arg("up").arg("--data").arg(disk.0.join("data")).arg("--config").arg(&central);
        let mut up = Process::start("plimsoll up", command)?;
        up.ready(STEP, async || TcpStream::connect(("127.0.0.1", port)).await).await?;
        let contexts = disk.0.join("data/contexts/operator.json");
        up.ready(STEP, async || contexts.exists()).await?;

        let node_data = folder.path().join("node");
        copy_files(&disk.0.join("data/keys"), &node_data.join("keys"))?;
        let plugin = folder.path().join("plugin.sock");
        let node_config = folder.path().join("node.toml");
        let freshness =
            format!("freshness = {{ max_age_secs = {}, on_stale = \"closed\" }}\n", MAX_AGE.as_secs());
        let docker_socket = place.socket();
        let text = format!(
            "[up]\nnats = \"nats://{}\"\nroles = [\"gate\", \"agent\"]\noperators = [\"{OPERATOR}\"]\n\n[telemetry]\nlog = \"info\"\n\n\
             [gate]\nplugin_socket = \"{}\"\nruntime = {{ socket = \"{docker}\" }}\n{freshness}\n[agent]\nruntime = {{ socket = \"{docker}\" }}\n",
            link.address(),
            plugin.display(),
            docker = docker_socket.display(),
        );
        fs::write(&node_config, text)?;
        let mut command = plimsoll();
        command.arg("up").arg("--data").arg(&node_data).arg("--config").arg(&node_config);
        let mut node = Process::start("plimsoll up of the node", command)?;
        node.ready(STEP, async || UnixStream::connect(&plugin).await).await?;
        let authorization_plugin = Some(AuthorizationPlugin { name: "plimsoll".to_owned(), socket: plugin });
        let docker = Dockerd::start_at(place, Options { authorization_plugin, ..Options::default() }).await?;
        let client =
            registry::Client::new(registry::Config::default()).context("making a registry client")?;
        let broker = format!("nats://127.0.0.1:{port}");
        Ok(Self {
            docker,
            node,
            up,
            link,
            registry_proxy,
            registry,
            git,
            hanging_git,
            git_link,
            client,
            broker,
            disk,
            folder,
        })
    }

    /// The seed of an identity.
    pub(super) fn seed(&self, identity: &str) -> PathBuf {
        self.folder.path().join("node/keys").join(format!("{identity}.nk"))
    }

    /// The seed of the person who gives the orders.
    pub(super) fn operator_seed(&self) -> PathBuf {
        self.seed(&format!("operator-{OPERATOR}"))
    }

    /// The gate's socket.
    pub(super) fn gate(&self) -> PathBuf {
        self.folder.path().join("node/gate.sock")
    }

    /// The supervisor of a role.
    pub(super) fn supervisor(&self, role: Role) -> u32 {
        if CENTRAL.contains(&role) { self.up.id() } else { self.node.id() }
    }

    /// The file that fills the disk.
    pub(super) fn filler(&self) -> PathBuf {
        self.disk.0.join("filler")
    }

    /// An image as the pipeline names it.
    pub(super) fn image(&self, name: &str) -> Result<ImageRef> {
        Ok(format!("{}/{name}", self.registry_proxy.host()).parse()?)
    }

    /// Pushes every version of the base, and on each an image; yields what each version covers, as the pipeline names it.
    pub(super) async fn push_images(&self) -> Result<Vec<(String, Vec<String>)>> {
        let mut covers = Vec::new();
        for version in VERSIONS.into_iter().chain([GOOD]) {
            let base = images::base(version)?;
            base.make()?.push(&self.client, &self.registry.image(&format!("base/os:{version}"))?).await?;
            let derived = ImageRecipe::on(&base).layer(LayerRecipe::new().file("etc/app", version)).make()?;
            let name = format!("by-hand/app-{version}");
            let digest = derived.push(&self.client, &self.registry.image(&format!("{name}:1"))?).await?;
            let own = self.image(&format!("base/os:{version}"))?.to_string();
            covers.push((own.clone(), vec![own, self.image(&format!("{name}@{digest}"))?.to_string()]));
        }
        covers.retain(|(target, _)| !target.ends_with(&format!(":{GOOD}")));
        Ok(covers)
    }

    /// The catalog, the doors and the projects, as orders: kind and body.
    pub(super) async fn orders(&self) -> Result<Vec<(&'static str, String)>> {
        let host = self.registry_proxy.host();
        let bases = json!({"section": "bases", "bases": [
            {"repository": format!("{host}/base/os"), "current": GOOD, "allowed": VERSIONS},
        ]});
        let mode = "enforce";
        let doors = json!({"section": "doors", "doors": {
            "from": mode, "push": mode, "pull": mode, "create": mode, "start": mode, "check": mode,
        }});
        let policy = json!({"name": "house", "failOn": "none"});
        let mut orders = vec![
            (events::order::CATALOG, bases.to_string()),
            (events::order::CATALOG, doors.to_string()),
            (events::order::POLICY, policy.to_string()),
        ];
        for (name, good) in PROJECTS {
            let host = if good { &self.git } else { &self.hanging_git };
            let project = json!({
                "name": name, "source": host.create(name).await?, "branch": testkit::git::BRANCH,
                "image": self.image(&format!("team/{name}:1"))?.to_string(), "policy": "house",
            });
            orders.push((events::order::PROJECT, project.to_string()));
        }
        Ok(orders)
    }

    /// Copies every log into `folder`.
    pub(super) fn keep_logs(&self, folder: &Path) -> Result<()> {
        copy_files(&self.disk.0.join("data/logs"), folder)?;
        copy_files(&self.folder.path().join("node/logs"), folder)?;
        fs::copy(self.disk.0.join("data/nats/nats.log"), folder.join("nats.log")).ok();
        fs::write(folder.join("up.log"), self.up.log())?;
        fs::write(folder.join("node.log"), self.node.log())?;
        Ok(fs::write(folder.join("dockerd.log"), self.docker.log())?)
    }
}

impl Disk {
    fn mount(at: &Path) -> Result<Self> {
        fs::create_dir_all(at)?;
        let options = format!("size={DISK_MIB}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status()?;
        ensure!(mounted.success(), "no disk can be mounted at {}; this takes root", at.display());
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that was killed just now may still hold a file.
        if !Command::new("umount").arg("--lazy").arg(&self.0).status().is_ok_and(|status| status.success()) {
            say_mounted(&self.0);
        }
    }
}

/// A reader of the list can unmount it.
fn say_mounted(path: &Path) {
    std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("{} is still mounted\n", path.display()).as_bytes(),
    )
    .ok();
}

fn central_config(folder: &Path, port: u16, webhooks: u16, registry: &str) -> String {
    let nats_server = testkit::tools::nats_server();
    let roles: Vec<String> = CENTRAL.iter().map(|role| format!("\"{role}\"")).collect();
    let git = "source = { schemes = [\"git\"], timeout_seconds = 10 }\n";
    format!(
        "[up]\nport = {port}\nnats_server = \"{}\"\noperators = [\"{OPERATOR}\"]\nroles = [{}]\n\n[telemetry]\nlog = \"info\"\n\n\
         [watcher]\nlisten = \"127.0.0.1:{webhooks}\"\npoll_seconds = 10\n{git}\
         [watcher.sources.registry]\nkind = \"distribution\"\nsecret = \"{REGISTRY_SECRET}\"\nregistry = \"{registry}\"\n\
         [watcher.sources.git]\nkind = \"gitea\"\nsecret = \"{GIT_SECRET}\"\n\n\
         [worker]\nfolder = \"{}\"\n{git}\n[notifier]\n{git}",
        nats_server.display(),
        roles.join(", "),
        folder.join("worker").display(),
    )
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("reading {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
