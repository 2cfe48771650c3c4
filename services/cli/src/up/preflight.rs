//! What is looked at before anything starts: every role's configuration, and whether what it will listen on is free. A mistake then
//! costs a sentence, and not a pipeline that stands half.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::Path,
};

use events::topology::Role;

use super::plan::Prepared;
use crate::{exit::Failure, roles};

/// Says everything that would keep a role from starting, beside `mistakes` that are known already. All of them are to be mended in `file`, the
/// operator's own: those of the roles are made from it.
pub(super) fn check(roles: &[Prepared], file: &str, mistakes: &[String]) -> Result<(), Failure> {
    let of_roles = roles.iter().filter_map(|prepared| roles::check(prepared.role, &prepared.config).err());
    let mut mistakes = mistakes.to_vec();
    for mistake in of_roles.flat_map(|wrong| wrong.each().to_vec()) {
        // What all roles share is told once.
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::Usage(format!("{file} cannot be used:\n  - {}", mistakes.join("\n  - "))));
    }
    let taken: Vec<String> = roles.iter().flat_map(taken).collect();
    if taken.is_empty() { Ok(()) } else { Err(Failure::Fault(taken.join("\n"))) }
}

/// The places on which the role would listen and somebody else does.
fn taken(prepared: &Prepared) -> Vec<String> {
    let file = &prepared.config;
    let mut taken = Vec::new();
    // What cannot be read was told before.
    match prepared.role {
        Role::Watcher => {
            if let Ok(config) = service::section::<watcher::Config>(file, "watcher") {
                taken.extend(port_taken("[watcher] listen", config.listen));
            }
        }
        Role::Scanner => {
            if let Ok(config) = service::section::<scanner::Config>(file, "scanner") {
                taken.extend(config.grpc_listen.and_then(|place| port_taken("[scanner] grpc_listen", place)));
            }
        }
        Role::Gate => {
            if let Ok(config) = service::section::<gate::Config>(file, "gate") {
                taken.extend(socket_taken("[gate] socket", &config.socket));
                let plugin = config.plugin_socket.as_deref();
                taken.extend(plugin.and_then(|path| socket_taken("[gate] plugin_socket", path)));
            }
        }
        Role::Planner | Role::Worker | Role::Invalidator | Role::Notifier | Role::Agent => {}
    }
    taken
}

fn port_taken(key: &str, place: SocketAddr) -> Option<String> {
    let error = TcpListener::bind(place).err()?;
    Some(format!(
        "{key}: {place} cannot be listened on: {error}; end what listens there, or name another one"
    ))
}

/// A socket that nobody answers was left by a process that died, and is replaced.
fn socket_taken(key: &str, path: &Path) -> Option<String> {
    UnixStream::connect(path).ok()?;
    Some(format!(
        "{key}: another process answers at {}; is a second Plimsoll running? End it, or name another socket",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixListener};

    use super::*;

    fn prepared(folder: &Path, role: Role, own: &str) -> Prepared {
        let config = folder.join(format!("{role}.toml"));
        fs::write(&config, format!("[nats]\nurl = \"nats://127.0.0.1:1\"\n[{role}]\n{own}\n")).unwrap();
        Prepared { role, config, log: folder.join("log") }
    }

    #[test]
    fn every_mistake_of_every_role_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let roles = [
            prepared(folder.path(), Role::Watcher, "listn = \"x\""),
            prepared(folder.path(), Role::Worker, "slots = \"many\""),
        ];
        let Err(Failure::Usage(text)) = check(&roles, "up.toml", &["[up] known".to_owned()]) else {
            panic!("no mistake was found")
        };
        for part in ["up.toml", "[up] known", "listn", "slots"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        assert!(!text.contains(&*folder.path().to_string_lossy()), "{text}");
    }

    #[test]
    fn what_is_taken_is_named_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = folder.path().join("plugin.sock");
        let _listening = UnixListener::bind(&socket).unwrap();
        let roles = [
            prepared(folder.path(), Role::Watcher, &format!("listen = \"{}\"", port.local_addr().unwrap())),
            prepared(
                folder.path(),
                Role::Gate,
                &format!("socket = \"/nowhere/gate.sock\"\nplugin_socket = \"{}\"", socket.display()),
            ),
        ];
        let Err(Failure::Fault(text)) = check(&roles, "up.toml", &[]) else {
            panic!("nothing was found taken")
        };
        assert!(text.contains("[watcher] listen") && text.contains("[gate] plugin_socket"), "{text}");
        assert!(!text.contains("[gate] socket:"), "{text}");
    }
}
