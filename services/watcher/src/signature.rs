//! Is it who it says it is? Over the raw bytes, in constant time. Not what it says: see `hint`.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::{Kind, Source};

/// Why a sender is not believed. The texts name the header and never what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the header {0} is missing; set this source's secret at the sender")]
    Missing(&'static str),
    #[error("the header {0} does not match this source's secret")]
    Mismatch(&'static str),
}

/// Checks a request of `source`.
pub(crate) fn verify(source: &Source, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let name = match source.kind {
        Kind::Distribution => "Authorization",
        Kind::Gitea => "X-Gitea-Signature",
        Kind::Github => "X-Hub-Signature-256",
        Kind::Gitlab => "X-Gitlab-Token",
    };
    let given = headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Refused::Missing(name))?;
    let secret = source.secret.reveal();
    let matches = match source.kind {
        Kind::Distribution => is_same(given, &format!("Bearer {secret}")),
        Kind::Gitlab => is_same(given, secret),
        Kind::Gitea => signs(given, secret, body),
        Kind::Github => given.strip_prefix("sha256=").is_some_and(|given| signs(given, secret, body)),
    };
    if matches { Ok(()) } else { Err(Refused::Mismatch(name)) }
}

/// Whether `given` is the hex HMAC-SHA256 of `body`.
fn signs(given: &str, secret: &str, body: &[u8]) -> bool {
    let Ok(given) = hex::decode(given) else { return false };
    keyed(secret).is_some_and(|mac| mac.chain_update(body).verify_slice(&given).is_ok())
}

/// Compares codes instead of the texts, so that the time taken tells nothing of either.
fn is_same(given: &str, expected: &str) -> bool {
    let code = keyed(expected).map(|mac| mac.chain_update(given).finalize().into_bytes());
    let wanted = keyed(expected).map(|mac| mac.chain_update(expected));
    match (code, wanted) {
        (Some(code), Some(wanted)) => wanted.verify_slice(&code).is_ok(),
        _ => false,
    }
}

/// HMAC takes keys of any length.
fn keyed(secret: &str) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "plimsoll-test-secret";
    const BODY: &[u8] = br#"{"ref":"refs/heads/main"}"#;

    fn source(kind: &str) -> Source {
        serde_json::from_value(serde_json::json!({ "kind": kind, "secret": SECRET })).unwrap()
    }

    fn code(body: &[u8]) -> String {
        hex::encode(keyed(SECRET).unwrap().chain_update(body).finalize().into_bytes())
    }

    #[track_caller]
    fn check(kind: &str, header: &str, value: &str, believed: bool) {
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_bytes(header.as_bytes()).unwrap(),
            value.parse().unwrap(),
        )]);
        assert_eq!(verify(&source(kind), &headers, BODY).is_ok(), believed, "{kind} {header}: {value}");
    }

    #[test]
    fn hmac_is_the_one_of_rfc_4231() {
        // Test case 2.
        let mac = keyed("Jefe").unwrap().chain_update("what do ya want for nothing?").finalize();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(mac.into_bytes()), expected);
    }

    #[test]
    fn whoever_knows_the_secret_is_believed() {
        check("distribution", "authorization", &format!("Bearer {SECRET}"), true);
        check("gitea", "x-gitea-signature", &code(BODY), true);
        check("github", "x-hub-signature-256", &format!("sha256={}", code(BODY)), true);
        check("gitlab", "x-gitlab-token", SECRET, true);
    }

    #[test]
    fn nobody_else_is() {
        check("distribution", "authorization", SECRET, false);
        check("distribution", "authorization", "Bearer plimsoll-test-secre", false);
        check("distribution", "authorization", "Bearer plimsoll-test-secret2", false);
        check("distribution", "x-gitlab-token", SECRET, false);
        check("gitea", "x-gitea-signature", &code(b"another body"), false);
        check("gitea", "x-gitea-signature", &code(BODY)[..62], false);
        check("gitea", "x-gitea-signature", "", false);
        check("gitea", "x-gitea-signature", "no hex", false);
        // The signature of SHA-1 would be weaker: it is not looked at.
        check("github", "x-hub-signature", &format!("sha1={}", code(BODY)), false);
        check("github", "x-hub-signature-256", &code(BODY), false);
        check("gitlab", "x-gitlab-token", "", false);
    }
}
