//! Credentials in an order's text: URLs that say by which user and password they are read. An order is kept for ever, and every service and node reads it.
//!
//! Not whether a URL can be used; and no secret that stands in no URL's user information (RFC 3986 §3.2.1) is recognised.

use serde_json::Value;

use super::{POLICY, PROJECT};
use crate::Malformed;

/// An error names the first field that holds a credential.
pub(super) fn check(kind: &str, body: &[u8]) -> Result<(), Malformed> {
    let Some(field) = credentials(kind, body).into_iter().next() else { return Ok(()) };
    let instead = match field.as_str() {
        "source" => {
            "write the address without user and password, and name them to watcher, worker and notifier in the file that `credentials` of their [….source] sections says, one line of git's format each: https://USER:PASSWORD@HOST/PATH"
        }
        "webhook" => "write the address without user and password",
        _ => "write it without, and have whatever uses it read the credential from a file of its own",
    };
    Err(Malformed::Credential { field, instead })
}

/// The fields of an order's body that hold a credential, each once, as paths of names (`source`, `data.registry`). The modules of a policy are left out: they are
/// code, which may speak of credentials in order to find them. A body that is no JSON is looked at as a whole.
pub fn credentials(kind: &str, body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => walk(kind, "", &value, &mut found),
        Err(_) if holds_credential(&String::from_utf8_lossy(body)) => found.push("body".to_owned()),
        Err(_) => {}
    }
    found.dedup();
    found
}

fn walk(kind: &str, path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let is_address = kind == PROJECT && matches!(path, "source" | "webhook");
            if holds_credential(text) || (is_address && address_holds_credential(text)) {
                found.push(path.to_owned());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| walk(kind, path, value, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if kind == POLICY && path.is_empty() && name == "modules" {
                    continue;
                }
                let shown = if is_plain(name) { name } else { "?" };
                let path = if path.is_empty() { shown.to_owned() } else { format!("{path}.{shown}") };
                if holds_credential(name) {
                    found.push(path.clone());
                }
                walk(kind, &path, value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A name that can be shown: it may be anything that somebody wrote.
fn is_plain(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Whether a text holds a URL with a credential anywhere.
fn holds_credential(text: &str) -> bool {
    text.match_indices("://").any(|(at, separator)| {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + separator.len()..).unwrap_or_default();
        let authority = after.split(ends_authority).next().unwrap_or_default();
        let Some((user, _)) = authority.rsplit_once('@') else { return false };
        is_credential(scheme(before), user)
    })
}

/// As [`holds_credential`], of a text that is an address as a whole: a password may hold any character there that a host cannot.
fn address_holds_credential(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        // `user:password@host:path`, where git takes `user@host:path`.
        return text.split_once('@').is_some_and(|(user, _)| user.contains(':') && !user.contains('/'));
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => is_credential(scheme, user),
        // `user:pass/word@host`: what looks like a port is none.
        None => {
            let port = authority.rsplit(']').next().and_then(|end| end.split_once(':'));
            rest.contains('@') && port.is_some_and(|(_, port)| port.parse::<u16>().is_err())
        }
    }
}

fn ends_authority(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "/?#\"'<>\\`{}|^".contains(character)
}

/// The scheme that ends a text.
fn scheme(text: &str) -> &str {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
    text.rsplit(|character| !is_part(character)).next().unwrap_or_default()
}

/// Over HTTP a user alone is a token already; elsewhere (`ssh://git@host`) it takes a password. Stars stand for what was taken out.
fn is_credential(scheme: &str, user: &str) -> bool {
    let is_http =
        scheme.to_ascii_lowercase().ends_with("http") || scheme.to_ascii_lowercase().ends_with("https");
    let says = |text: &str| text.chars().any(|character| character != '*');
    match user.split_once(':') {
        Some((name, password)) if is_http => says(password) || (password.is_empty() && says(name)),
        Some((_, password)) => says(password),
        None => is_http && says(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{BANNED, CATALOG};

    #[track_caller]
    fn check(kind: &str, body: &str, expected: &[&str]) {
        assert_eq!(credentials(kind, body.as_bytes()), expected, "{body}");
    }

    #[track_caller]
    fn source(text: &str, expected: bool) {
        let body = serde_json::json!({"name": "shop", "source": text}).to_string();
        check(PROJECT, &body, if expected { &["source"] } else { &[] });
    }

    #[test]
    fn sources_with_a_credential_are_found() {
        for text in [
            "https://robot:TOKEN@git.example/shop.git",
            "https://TOKEN@git.example/shop.git",
            "https://TOKEN:@git.example/shop.git",
            "https://:TOKEN@git.example/shop.git",
            "https://x-access-token:TOKEN@github.example/a/b",
            "https://oauth2:TOKEN@gitlab.example/a/b",
            "HTTPS://robot:TOKEN@git.example/shop.git",
            "http://robot:TOKEN@127.0.0.1:3000/shop.git",
            "https://robot%3ATOKEN@git.example/shop.git",
            "https://robot:to@ken@git.example/shop.git",
            "https://robot:to/ken@git.example/shop.git",
            "https://robot:to ken@git.example/shop.git",
            "git+https://robot:TOKEN@git.example/shop.git",
            "ssh://git:TOKEN@git.example/shop.git",
            "git://robot:TOKEN@git.example/shop.git",
            "git:TOKEN@git.example:team/shop.git",
        ] {
            source(text, true);
        }
    }

    #[test]
    fn sources_without_one_are_not() {
        for text in [
            "https://git.example/shop.git",
            "https://git.example:8443/shop.git",
            "https://git.example/team/a@b.git",
            "https://git.example:8443/team/a@b.git",
            "https://[::1]:8443/a@b.git",
            "https://@git.example/shop.git",
            "https://***:***@git.example/shop.git",
            "ssh://git@git.example:22/team/shop.git",
            "git@git.example:team/shop.git",
            "git.example:team/a@b",
            "git://git.example/shop.git",
            "file:///srv/git/shop.git",
            "",
        ] {
            source(text, false);
        }
    }

    #[test]
    fn every_field_of_every_order_is_looked_at() {
        let webhook =
            r#"{"name":"shop","source":"https://h/a","webhook":"https:\/\/u\u003ap@hooks.example/x"}"#;
        check(PROJECT, webhook, &["webhook"]);
        check(PROJECT, r#"{"webhook":"https://hooks.example/T0/B0/secret"}"#, &[]);
        check(
            BANNED,
            r#"{"image":"r.io/a:1","reason":"see https://u:p@wiki.example/1 and more"}"#,
            &["reason"],
        );
        check(BANNED, r#"{"image":"r.io/a:1","reason":"see https://wiki.example/1, ask a@b.example"}"#, &[]);
        check(
            CATALOG,
            r#"{"section":"remedies","remedies":[{"name":"p","argv":["curl","ftp://u:p@h/x"]},{"argv":["https://t@h"]}]}"#,
            &["remedies.argv"],
        );
        check(CATALOG, r#"{"remedies":[{"argv":["sh","-c","curl https://u:${TOKEN}@h/"]}]}"#, &[]);
        let policy = r#"{"name":"x","modules":[{"file":"x","text":"deny if \"https://u:p@h\""}],"data":{"feeds":["https://u:p@h/f"]}}"#;
        check(POLICY, policy, &["data.feeds"]);
        check(POLICY, r#"{"data":{"https://u:p@h":1}}"#, &["data.?"]);
        check(PROJECT, r#"{"source":"https://u:p@h/"#, &["body"]);
        check(PROJECT, "{", &[]);
    }
}
