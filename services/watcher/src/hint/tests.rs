//! Webhooks as their senders write them, cut down to what is read and a little more.

use super::*;

const DIGEST: &str = "sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6";

#[track_caller]
fn hints(kind: &str, registry: Option<&str>, headers: &[(&'static str, &str)], body: &str) -> Vec<Hint> {
    let mut source = serde_json::json!({ "kind": kind, "secret": "s" });
    if let Some(registry) = registry {
        source["registry"] = registry.into();
    }
    let source: Source = serde_json::from_value(source).unwrap();
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    read(&source, &headers.collect(), body.as_bytes()).unwrap()
}

fn registry_event(action: &str, target: &str) -> String {
    format!(
        r#"{{"events":[{{"id":"0c6f2b51","timestamp":"2026-11-23T17:52:53.17Z","action":"{action}","target":{target},
        "request":{{"id":"b6b0","addr":"192.0.2.10:52552","host":"registry.example.com","method":"PUT","useragent":"skopeo/1.9.3"}},
        "actor":{{"name":"ci-robot"}},"source":{{"addr":"registry-0:5000","instanceID":"6e3f"}}}}]}}"#
    )
}

#[track_caller]
fn check_registry(action: &str, target: &str, expected: Option<About>) {
    let expected: Vec<Hint> =
        expected.map(|about| Hint { id: "0c6f2b51".to_owned(), about }).into_iter().collect();
    assert_eq!(
        hints("distribution", None, &[], &registry_event(action, target)),
        expected,
        "{action} {target}"
    );
}

#[test]
fn registries_tell_of_manifests() {
    let repository: Repository = "registry.example.com/team/app".parse().unwrap();
    let digest: Digest = DIGEST.parse().unwrap();
    let tag: Tag = "v1".parse().unwrap();
    for media_type in ["oci.image.manifest.v1", "oci.image.index.v1", "docker.distribution.manifest.v2"] {
        check_registry(
            "push",
            &format!(
                r#"{{"mediaType":"application/vnd.{media_type}+json","size":417,"digest":"{DIGEST}","length":417,
                "repository":"team/app","tag":"v1","references":[{{"mediaType":"x","size":1,"digest":"{DIGEST}"}}]}}"#
            ),
            Some(About::Pushed {
                repository: repository.clone(),
                tag: Some(tag.clone()),
                digest: digest.clone(),
            }),
        );
    }
    check_registry(
        "delete",
        &format!(r#"{{"digest":"{DIGEST}","repository":"team/app"}}"#),
        Some(About::Deleted { repository: repository.clone(), digest }),
    );
    check_registry(
        "delete",
        r#"{"repository":"team/app","tag":"v1"}"#,
        Some(About::Untagged(repository.at_tag(tag))),
    );
}

#[test]
fn what_is_no_news_of_an_image_is_ignored() {
    let layer = format!(
        r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{DIGEST}","repository":"team/app"}}"#
    );
    let manifest = layer.replace("layer.v1.tar+gzip", "manifest.v1+json");
    check_registry("push", &layer, None);
    check_registry("pull", &manifest, None);
    check_registry("mount", &layer, None);
    check_registry("push", &manifest.replace("team/app", "Team/App"), None);
    check_registry("push", &manifest.replace(DIGEST, "sha256:1"), None);
    check_registry("delete", r#"{"repository":"team/app"}"#, None);
    assert_eq!(hints("distribution", None, &[], r#"{"events":[]}"#), []);
    assert_eq!(hints("distribution", None, &[], r#"{"events":[{"action":"push"},{"future":{}}]}"#), []);
}

#[test]
fn a_configured_registry_is_believed_more_than_the_pusher() {
    let target = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{DIGEST}","repository":"team/app"}}"#
    );
    let hints = hints("distribution", Some("r.test:5000"), &[], &registry_event("push", &target));
    let About::Pushed { repository, tag: None, .. } = &hints[0].about else { panic!("{hints:?}") };
    assert_eq!(repository.to_string(), "r.test:5000/team/app");
    // A name that an image reference would take for a path of another registry.
    assert_eq!(super::repository("registry", "team/app"), None);
}

const COMMITS: &str = r#""before":"0000ffff1111eeee2222dddd3333cccc4444bbbb","after":"1111aaaa2222bbbb3333cccc4444dddd5555eeee","commits":[]"#;

fn git_push(reference: &str, repository: &str) -> String {
    format!(r#"{{"ref":"{reference}",{COMMITS},"pusher":{{"login":"a"}},{repository}}}"#)
}

const GITEA: (&str, &str) = (
    "gitea",
    r#""repository":{"id":1,"full_name":"acme/app","html_url":"https://git.example/acme/app","ssh_url":"git@git.example:acme/app.git","clone_url":"https://git.example/acme/app.git"}"#,
);
const GITHUB: (&str, &str) = ("github", GITEA.1);
const GITLAB: (&str, &str) = (
    "gitlab",
    r#""object_kind":"push","project":{"id":15,"web_url":"https://git.example/acme/app","git_ssh_url":"git@git.example:acme/app.git","git_http_url":"https://git.example/acme/app.git"}"#,
);

fn git_headers(kind: &str, event: &'static str) -> Vec<(&'static str, &'static str)> {
    match kind {
        "gitea" => vec![("x-gitea-event", event), ("x-gitea-delivery", "9f2b")],
        "github" => vec![("x-github-event", event), ("x-github-delivery", "9f2b")],
        _ => vec![
            ("x-gitlab-event", if event == "push" { "Push Hook" } else { event }),
            ("x-gitlab-event-uuid", "9f2b"),
        ],
    }
}

#[test]
fn git_hosts_tell_of_branches() {
    for (kind, repository) in [GITEA, GITHUB, GITLAB] {
        let body = git_push("refs/heads/feature/x", repository);
        let hints = hints(kind, None, &git_headers(kind, "push"), &body);
        let places = vec![Place::of("https://git.example/acme/app").unwrap(); 3];
        let about = About::Branch { places, branch: "feature/x".to_owned() };
        assert_eq!(hints, [Hint { id: "9f2b".to_owned(), about }], "{kind}");
    }
}

#[test]
fn what_is_no_news_of_a_branch_is_ignored() {
    for (kind, repository) in [GITEA, GITHUB, GITLAB] {
        let push = git_headers(kind, "push");
        assert_eq!(hints(kind, None, &push, &git_push("refs/tags/v1", repository)), [], "{kind}");
        let gone = git_push("refs/heads/main", repository)
            .replace("1111aaaa2222bbbb3333cccc4444dddd5555eeee", "0000000000000000000000000000000000000000");
        assert_eq!(hints(kind, None, &push, &gone), [], "{kind}");
        // Not even read: their shape is their own.
        assert_eq!(hints(kind, None, &git_headers(kind, "ping"), r#"{"zen":"…"}"#), [], "{kind}");
        assert_eq!(hints(kind, None, &[], "{}"), [], "{kind}");
    }
}

#[test]
fn what_cannot_be_read_is_said_so() {
    for kind in ["distribution", "gitea", "github", "gitlab"] {
        let source: Source =
            serde_json::from_value(serde_json::json!({ "kind": kind, "secret": "s" })).unwrap();
        let headers = git_headers(kind, "push").into_iter();
        let headers: HeaderMap =
            headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        for body in ["", "{", "[]", "{}", "null", "\u{0}", r#"{"events":1,"ref":1}"#] {
            assert!(read(&source, &headers, body.as_bytes()).is_err(), "{kind}: {body}");
        }
    }
}

#[test]
fn a_delivery_without_an_id_is_told_by_its_body() {
    let body = git_push("refs/heads/main", GITEA.1);
    let first = hints("gitea", None, &[("x-gitea-event", "push")], &body);
    let again = hints("gitea", None, &[("x-gitea-event", "push")], &body);
    let other = hints("gitea", None, &[("x-gitea-event", "push")], &body.replace("1111aaaa", "2222aaaa"));
    assert_eq!(first[0].id, again[0].id);
    assert_ne!(first[0].id, other[0].id);
}
