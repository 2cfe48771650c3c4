//! The one way to a container runtime: each call goes to the driver that was configured. Nothing is decided here.

use std::time::Duration;

use artifact::Digest;
use futures::stream::BoxStream;

use crate::{
    config::Config,
    container::{Container, Lifecycle},
    docker::Docker,
    error::Error,
    exec::{ExecState, Outcome},
    id::{ContainerId, ExecId},
    image::Image,
};

/// A container runtime. Clones share one client.
///
/// Every call has the configured bound. All may be dropped at any time; what that leaves behind stands at each.
#[derive(Debug, Clone)]
pub struct Runtime {
    driver: Driver,
}

/// The runtimes that we speak to. A trait would have one implementer; an enum shows at every call what a new one owes.
#[derive(Debug, Clone)]
enum Driver {
    Docker(Docker),
}

impl Runtime {
    /// The runtime at `config`. Connects at each call: a daemon that is absent now is an error of a call, to be retried.
    pub fn new(config: &Config) -> Self {
        Self { driver: Driver::Docker(Docker::new(config)) }
    }

    /// All running containers, paused ones too, in no order. One that ends meanwhile may be missing.
    pub async fn running(&self) -> Result<Vec<Container>, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.running().await,
        }
    }

    /// The container with this name, id or unambiguous beginning of an id, running or not; `None` when there is none.
    pub async fn container(&self, name_or_id: &str) -> Result<Option<Container>, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.container(name_or_id).await,
        }
    }

    /// The image with this name or id; `None` when the runtime does not have it.
    ///
    /// The references of its facts start with the name that was asked for, where it is one.
    pub async fn image(&self, name_or_id: &str) -> Result<Option<Image>, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.image(name_or_id).await,
        }
    }

    /// The ids of all images that the runtime has, in no order; with Docker the digests of their configurations.
    pub async fn image_ids(&self) -> Result<Vec<Digest>, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.image_ids().await,
        }
    }

    /// What happens to containers from now on; what happened seconds before may come too.
    ///
    /// Call it before [`Self::running`] and nothing falls between. The stream ends with its first error, or without
    /// one when the runtime stops: watch again then, and look at what runs. A runtime that hangs says nothing, so look
    /// from time to time even while the stream is quiet.
    pub fn watch(&self) -> BoxStream<'static, Result<Lifecycle, Error>> {
        match &self.driver {
            Driver::Docker(docker) => docker.watch(),
        }
    }

    /// Makes a command ready to be started in a running container, and does not start it.
    ///
    /// Write the id down, then start: after a crash [`Self::exec_state`] says whether the command ever ran. `argv` goes
    /// to the command as it is, without a shell; `user` is a name or number of the container's, its own user if `None`.
    ///
    /// # Errors
    /// `NotFound`; `NotRunning` when the container is stopped or paused. Dropped or failed, it may leave a command
    /// behind that nobody starts; that goes with the container.
    pub async fn prepare(
        &self,
        container: &ContainerId,
        argv: &[String],
        user: Option<&str>,
    ) -> Result<ExecId, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.prepare(container, argv, user).await,
        }
    }

    /// Starts a prepared command and waits for its end, for `timeout` at most.
    ///
    /// A command starts at most once, however often and by whomever this is called. At the end of its time its process
    /// group is terminated, then killed, if it can be told for certain from this process's view of the system; Docker
    /// itself can't end a command. Dropped, it leaves the command running.
    ///
    /// # Errors
    /// `AlreadyStarted` for every start but the first (two at the same moment may both report the one run); `NotFound`
    /// once the runtime has forgotten the command; `NotRunning`. After any other error it may have started:
    /// [`Self::exec_state`] says.
    pub async fn start(
        &self,
        exec: &ExecId,
        output_limit_bytes: usize,
        timeout: Duration,
    ) -> Result<Outcome, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.start(exec, output_limit_bytes, timeout).await,
        }
    }

    /// How a prepared command stands.
    pub async fn exec_state(&self, exec: &ExecId) -> Result<ExecState, Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.exec_state(exec).await,
        }
    }

    /// Removes a container, its anonymous volumes and, if it runs, its processes. No error when there is none.
    pub async fn remove(&self, container: &ContainerId) -> Result<(), Error> {
        match &self.driver {
            Driver::Docker(docker) => docker.remove(container).await,
        }
    }
}
