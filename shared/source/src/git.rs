//! One hardened call of the git command line. Not what is asked of it: see the parent.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::process::Command;

use super::{Config, url::Credential};

/// Settings that no repository and no server can talk git out of; the reason stands beside each.
const SETTINGS: [&str; 13] = [
    // Every transport is off; the configured ones are switched on below. `ext::` would run a command.
    "protocol.allow=never",
    // A checkout must run nothing.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    // A link could lead a later write, or the build's COPY, out of the tree; it becomes a file that holds its target.
    "core.symlinks=false",
    // `.git` under the names that other file systems take for it.
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    // A server could lead us to an address that nobody configured.
    "http.followRedirects=false",
    // A peer that trickles is no peer: below 1 kB/s for 30 s.
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "credential.helper=",
    "gc.auto=0",
];

/// A git command with a clean environment, `home` as its empty home, and only the configured transports; over HTTP it presents `credential`.
pub(super) fn command(config: &Config, home: &Path, credential: Option<&Credential>) -> Command {
    // Files come out the same whatever mask the worker runs under.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"umask 022 && exec "$0" "$@""#]).arg(&config.git);
    command.env_clear().stdin(Stdio::null()).current_dir(home);
    command
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home)
        // What went wrong is told apart by git's English words.
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "/bin/false")
        .env("GIT_SSH_COMMAND", ssh(config));
    if let Some(Credential { user, password }) = credential {
        // By the environment and not on the command line, which every process of the machine may read.
        let header = STANDARD.encode([user.as_slice(), b":", password.as_slice()].concat());
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {header}"));
    }
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    for scheme in &config.schemes {
        command.arg("-c").arg(format!("protocol.{}.allow=always", scheme.as_str()));
    }
    command
}

/// The ssh that git runs: nobody is asked anything, no configuration of the user's is read, unknown hosts are refused.
fn ssh(config: &Config) -> String {
    let mut line = "ssh -F /dev/null -oBatchMode=yes -oConnectTimeout=15 -oIdentitiesOnly=yes".to_owned();
    line.push_str(" -oStrictHostKeyChecking=yes");
    if let Some(known_hosts) = &config.ssh_known_hosts {
        line.push_str(&format!(" -oUserKnownHostsFile={}", quote(known_hosts.as_os_str())));
    }
    if let Some(identity) = &config.ssh_identity {
        line.push_str(&format!(" -i {}", quote(identity.as_os_str())));
    }
    line
}

/// The word for a shell, which git runs that line with.
fn quote(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}
