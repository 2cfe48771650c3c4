//! The table of what the daemon can be asked to do, with the reason for each line. A new line is added here alone.

use super::{address::Address, refusal::Refusal};

/// What kind of request it is.
#[derive(Debug)]
pub(super) enum Route {
    /// Nothing that is judged here.
    Pass,
    /// A container is made.
    Create,
    /// A container's processes start.
    Start { container: String },
    /// A container's settings change.
    Update { container: String },
    /// An image is fetched or imported.
    Fetch,
    /// It is never allowed.
    Refuse { reason: Refusal },
}

/// The line for a request that may change something.
///
/// A name in the daemon's routes may have slashes in it (`/containers/{name:.*}/start`), hence first and last part.
pub(super) fn find(method: &str, address: &Address) -> Result<Route, Refusal> {
    let parts: Vec<&str> = address.parts.iter().map(String::as_str).collect();
    let unknown = || Refusal::Unknown { method: method.chars().take(20).collect(), path: address.path() };
    let past = |what| Ok(Route::Refuse { reason: Refusal::PastTheGate { what } });
    match (method, parts.as_slice()) {
        ("POST", ["containers", "create"]) => Ok(Route::Create),
        // A restart stops first; who only wants that has `stop`.
        ("POST", ["containers", name @ .., "start" | "restart"]) if !name.is_empty() => {
            Ok(Route::Start { container: container(name)? })
        }
        ("POST", ["containers", name @ .., "update"]) if !name.is_empty() => {
            Ok(Route::Update { container: container(name)? })
        }
        ("POST", ["images", "create"]) => Ok(Route::Fetch),
        ("POST", parts) if passes(parts) => Ok(Route::Pass),
        // Files go into a container that was judged; clustered volumes hold no images.
        ("PUT", ["containers", .., "archive"] | ["volumes", _]) => Ok(Route::Pass),
        // The daemon makes a service's containers itself, here or on another node, and asks nobody.
        ("POST", ["services", "create"] | ["services", .., "update"]) => past("swarm services"),
        ("POST", ["swarm", "init" | "join" | "update" | "unlock"] | ["nodes", .., "update"]) => {
            past("swarm's managers, who may place services on this node,")
        }
        // A plugin is an image that runs as root beside the daemon.
        ("POST", ["plugins", "pull" | "create"] | ["plugins", .., "enable" | "upgrade" | "set"]) => {
            past("Docker plugins")
        }
        _ => Err(unknown()),
    }
}

/// What may be posted unjudged.
fn passes(parts: &[&str]) -> bool {
    match parts {
        // Ends, freezes, thaws, watches or renames what was judged when it started. Thawing is no start: a ban has running
        // containers remedied, not stopped, and a backup that freezes one for a moment must be able to let go.
        ["containers", _, ..] => match parts.last() {
            Some(&("stop" | "kill" | "pause" | "unpause" | "wait" | "attach" | "resize" | "rename")) => {
                parts.len() > 2
            }
            // A command in a running container: remedies are such, and so are the tools to look around.
            Some(&"exec") => parts.len() > 2,
            // A checkpoint is started from through `start`.
            Some(&("checkpoints" | "copy")) => parts.len() > 2,
            Some(&"prune") => parts.len() == 2,
            _ => false,
        },
        ["exec", .., "start" | "resize"] => parts.len() > 2,
        // These make, name, move or drop images. Neither what a build runs nor what comes out of any of them can be seen from
        // here; a container of the result is judged by its layers when it is created and when it starts.
        ["build"] | ["build", "prune" | "cancel"] | ["session"] | ["grpc"] | ["commit"] => true,
        ["images", "load" | "prune"] => true,
        ["images", _, .., "push" | "tag"] => true,
        // Nothing of these runs.
        ["auth"] => true,
        ["networks" | "volumes", "create" | "prune"] => true,
        ["networks", _, "connect" | "disconnect"] => true,
        ["secrets" | "configs", "create"] | ["secrets" | "configs", _, "update"] => true,
        ["plugins", _, .., "disable" | "push"] => true,
        ["swarm", "leave"] => true,
        _ => false,
    }
}

/// The daemon's grammar of names and ids, `[a-zA-Z0-9][a-zA-Z0-9_.-]*`. It also finds containers by the path of a legacy
/// link (`parent/alias`), which we could not look up alike.
fn container(name: &[&str]) -> Result<String, Refusal> {
    let name = name.join("/");
    let is_sign = |b: u8| matches!(b, b'_' | b'.' | b'-');
    let is_name = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || is_sign(b));
    if is_name { Ok(name) } else { Err(Refusal::Container { name: name.chars().take(100).collect() }) }
}
