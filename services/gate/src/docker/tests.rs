//! What requests ask, by tables: one line a request, as the daemon would hand it over.

use super::*;

/// What a line of a table expects; of a refusal its kind.
#[derive(Debug, PartialEq)]
enum Expected {
    Pass,
    Create(&'static str),
    Start(&'static str),
    Pull(&'static str),
    Refuse(&'static str),
}

use Expected::{Create, Pass, Pull, Refuse, Start};

fn request(method: &str, target: &str, content_type: Option<&str>, body: Option<&[u8]>) -> Request {
    let headers = content_type.map(|kind| [("Content-Type".to_owned(), kind.to_owned())].into());
    Request {
        request_method: method.to_owned(),
        request_uri: target.to_owned(),
        request_body: body.map(|body| STANDARD.encode(body)),
        request_headers: headers,
    }
}

/// The name of the variant.
fn kind(reason: &Refusal) -> String {
    format!("{reason:?}").chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}

#[track_caller]
fn check(request: &Request, expected: &Expected) {
    let question = question(request);
    let is_as_expected = match (&question, expected) {
        (Question::Pass, Pass) => true,
        (Question::Create { image, .. }, Create(expected)) => image == expected,
        (Question::Start { container }, Start(expected)) => container == expected,
        (Question::Pull { reference }, Pull(expected)) => reference.to_string() == *expected,
        (Question::Refuse { reason }, Refuse(expected)) => kind(reason) == *expected,
        _ => false,
    };
    assert!(is_as_expected, "{request:?}\nasks {question:?}\nnot  {expected:?}");
}

/// Requests without a body to be seen; the command line says `text/plain` with them.
#[track_caller]
fn check_all(table: &[(&str, &str, Expected)]) {
    for (method, target, expected) in table {
        check(&request(method, target, None, None), expected);
        check(&request(method, target, Some("text/plain"), None), expected);
    }
}

const JSON: Option<&str> = Some("application/json");
const CREATE: &str = "/v1.41/containers/create?name=web";

#[test]
fn what_does_not_start_anything_passes() {
    check_all(&[
        ("GET", "/_ping", Pass),
        ("HEAD", "/_ping", Pass),
        ("GET", "/v1.41/containers/json?all=1", Pass),
        ("GET", "/v1.41/containers/web/logs?follow=1", Pass),
        ("GET", "/v1.41/events", Pass),
        ("GET", "//odd/../path", Pass),
        ("DELETE", "/v1.41/containers/web?force=1", Pass),
        ("DELETE", "/v1.41/images/app:1", Pass),
        ("DELETE", "//containers/../x", Pass),
        ("POST", "/v1.41/containers/web/stop?t=5", Pass),
        ("POST", "/containers/web/stop", Pass),
        ("POST", "/v1.41/containers/web/kill", Pass),
        ("POST", "/v1.41/containers/parent/alias/kill", Pass),
        ("POST", "/v1.41/containers/web/pause", Pass),
        ("POST", "/v1.41/containers/web/unpause", Pass),
        ("POST", "/v1.41/containers/web/wait?condition=removed", Pass),
        ("POST", "/v1.41/containers/web/attach?stream=1", Pass),
        ("POST", "/v1.41/containers/web/resize?h=1&w=1", Pass),
        ("POST", "/v1.41/containers/web/rename?name=other", Pass),
        ("POST", "/v1.41/containers/prune", Pass),
        ("PUT", "/v1.41/containers/web/archive?path=/", Pass),
        ("POST", "/v1.41/containers/web/exec", Pass),
        ("POST", "/v1.41/exec/0a1b/start", Pass),
        ("POST", "/v1.41/exec/0a1b/resize", Pass),
        ("POST", "/v1.41/build?t=app&version=1", Pass),
        ("POST", "/v1.41/build?remote=client-session&version=2", Pass),
        ("POST", "/session", Pass),
        ("POST", "/v1.41/images/load?quiet=1", Pass),
        ("POST", "/v1.41/images/registry.test:5000/team/app/push?tag=1", Pass),
        ("POST", "/v1.41/images/app:1/tag?repo=other&tag=2", Pass),
        ("POST", "/v1.41/commit?container=web", Pass),
        ("POST", "/v1.41/auth", Pass),
        ("POST", "/v1.41/networks/create", Pass),
        ("POST", "/v1.41/networks/net/connect", Pass),
        ("POST", "/v1.41/volumes/create", Pass),
        ("POST", "/v1.41/plugins/store/disable", Pass),
        ("POST", "/v1.41/swarm/leave", Pass),
    ]);
}

#[test]
fn a_start_is_judged_however_it_is_written() {
    check_all(&[
        ("POST", "/v1.41/containers/web/start", Start("web")),
        ("POST", "/containers/web/start", Start("web")),
        ("POST", "/v99.0.1/containers/web/start", Start("web")),
        ("POST", "/v1.41/containers/0a1b2c/start?checkpoint=c", Start("0a1b2c")),
        ("POST", "/v1.41/containers/web/restart?t=1", Start("web")),
        ("POST", "/v1.41/c%6fntainers/w%65b/%73tart", Start("web")),
        ("POST", "/v1.41%2fcontainers%2Fweb%2fstart", Start("web")),
        ("POST", "http://docker/v1.41/containers/web/start", Start("web")),
        ("POST", "/v1.41/containers/stop/start", Start("stop")),
        ("POST", "/v1.41/containers/create/start", Start("create")),
        ("POST", "/v1.41/containers/parent/alias/start", Refuse("Container")),
        ("POST", "/v1.41/containers/parent%2falias/restart", Refuse("Container")),
        ("POST", "/v1.41/containers/%00/start", Refuse("Container")),
        ("POST", "/v1.41/containers/start", Refuse("Unknown")),
    ]);
}

#[test]
fn a_fetch_is_judged_by_the_one_reading_of_its_query() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let pinned = |query: &str| request("POST", &format!("/v1.41/images/create?{query}"), None, None);
    for query in [
        format!("fromImage=app&tag={digest}"),
        format!("fromImage=app@{digest}"),
        format!("fromImage=app:2&tag={digest}"),
    ] {
        let Question::Pull { reference } = question(&pinned(&query)) else { panic!("{query}") };
        assert_eq!(reference.digest().map(ToString::to_string), Some(digest.clone()), "{query}");
    }
    check_all(&[
        ("POST", "/v1.41/images/create?fromImage=app&tag=1", Pull("docker.io/library/app:1")),
        ("POST", "/images/create?tag=1&fromImage=team%2Fapp", Pull("docker.io/team/app:1")),
        ("POST", "/v1.41/images/create?fromImage=r.test:5000/app:1", Pull("r.test:5000/app:1")),
        ("POST", "/v1.41/images/create?fromImage=r.test:5000/app:1&tag=2", Pull("r.test:5000/app:2")),
        ("POST", "/v1.41/images/create?fromSrc=-&repo=app", Pass),
        ("POST", "/v1.41/images/create?fromImage=&fromSrc=-", Pass),
        ("POST", "/v1.41/images/create?fromImage=app", Refuse("AllTags")),
        ("POST", "/v1.41/images/create?fromImage=r.test:5000/app&tag=", Refuse("AllTags")),
        ("POST", "/v1.41/images/create?fromImage=app&fromImage=other&tag=1", Refuse("Query")),
        ("POST", "/v1.41/images/create?fromImage=app&tag=1&tag=2", Refuse("Query")),
        ("POST", "/v1.41/images/create?x=1;fromImage=app&tag=1", Refuse("Query")),
        ("POST", "/v1.41/images/create?fromImage=App&tag=1", Refuse("Reference")),
        ("POST", "/v1.41/images/create?fromImage=app&tag=sha256:short", Refuse("Reference")),
    ]);
    for form in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-UrlEncoded; x",
        "multipart/form-data; boundary=b",
    ] {
        check(
            &request("POST", "/v1.41/images/create?fromImage=app&tag=1", Some(form), None),
            &Refuse("Form"),
        );
    }
}

#[test]
fn what_starts_past_the_gate_or_is_not_known_is_refused() {
    check_all(&[
        ("POST", "/v1.41/services/create", Refuse("PastTheGate")),
        ("POST", "/v1.41/services/web/update?version=1", Refuse("PastTheGate")),
        ("POST", "/v1.41/swarm/init", Refuse("PastTheGate")),
        ("POST", "/v1.41/swarm/join", Refuse("PastTheGate")),
        ("POST", "/v1.41/nodes/n/update", Refuse("PastTheGate")),
        ("POST", "/v1.41/plugins/pull?remote=r.test/p", Refuse("PastTheGate")),
        ("POST", "/v1.41/plugins/r.test/p:1/enable", Refuse("PastTheGate")),
        ("POST", "/v1.41/plugins/create?name=p", Refuse("PastTheGate")),
        ("POST", "//containers/create", Refuse("Path")),
        ("POST", "/v1.41//containers/create", Refuse("Path")),
        ("POST", "/v1.41/./containers/web/start", Refuse("Path")),
        ("POST", "/v1.41/images/%2e%2e/containers/web/start", Refuse("Path")),
        ("POST", "/v1.41/containers/web/start/", Refuse("Path")),
        ("POST", "containers/web/start", Refuse("Path")),
        ("POST", "*", Refuse("Path")),
        ("POST", "", Refuse("Path")),
        ("POST", "http://docker", Refuse("Path")),
        ("POST", "/v1.41/containers/%ff/stop", Refuse("Path")),
        ("POST", "/v1.41/v1.41/containers/create", Refuse("Unknown")),
        ("POST", "/v/containers/create", Refuse("Unknown")),
        ("POST", "/v1.41/Containers/web/start", Refuse("Unknown")),
        ("POST", "/v1.41/containers/web/st%2561rt", Refuse("Unknown")),
        ("POST", "/v1.41/libpod/containers/create", Refuse("Unknown")),
        ("POST", "/v1.41/containers/web/begin", Refuse("Unknown")),
        ("POST", "/v1.41/containers/stop", Refuse("Unknown")),
        ("PUT", "/v1.41/containers/create", Refuse("Unknown")),
        ("PUT", "/v1.41/containers/web/start", Refuse("Unknown")),
        ("PATCH", "/v1.41/containers/web/start", Refuse("Unknown")),
        ("post", "/v1.41/containers/web/start", Refuse("Unknown")),
        ("", "/v1.41/containers/web/start", Refuse("Unknown")),
    ]);
}

#[test]
fn a_container_is_made_from_the_one_image_that_the_daemon_reads() {
    for (body, expected) in [
        (r#"{"Image":"app:1","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}"#, Create("app:1")),
        (r#"{"Hostname":"","Image":"sha256:0a1b","Tty":false,"OnBuild":null}"#, Create("sha256:0a1b")),
        (r#"{"image":"app:1"}"#, Create("app:1")),
        (r#"{"IM\u0041GE":"app:1"}"#, Create("app:1")),
        (r#"{"Labels":{"Image":"other"},"Image":"app:1"}"#, Create("app:1")),
        (" {\"Image\":\"app:1\"}\n", Create("app:1")),
        (r#"{"Image":"app:1","Image":"other:1"}"#, Refuse("Image")),
        (r#"{"Image":"app:1","image":"other:1"}"#, Refuse("Image")),
        (r#"{"Image":"app:1","\u0069mage":"other:1"}"#, Refuse("Image")),
        (r#"{"Image":"app:1","Image":null}"#, Refuse("Image")),
        (r#"{"Image":""}"#, Refuse("Image")),
        (r#"{"Image":null}"#, Refuse("Image")),
        (r#"{"Image":["app:1"]}"#, Refuse("Image")),
        (r#"{"Cmd":["true"]}"#, Refuse("Image")),
        ("{}", Refuse("Image")),
        (r#"{"Image":"app:1"}{"Image":"other:1"}"#, Refuse("NotJson")),
        (r#"{"Image":"app:1"} x"#, Refuse("NotJson")),
        (r#"{"Image":"app:1""#, Refuse("NotJson")),
        (r#"{"Image":"\ud800"}"#, Refuse("NotJson")),
        ("\u{feff}{\"Image\":\"app:1\"}", Refuse("NotJson")),
        (r#"[{"Image":"app:1"}]"#, Refuse("NotJson")),
        (r#""app:1""#, Refuse("NotJson")),
        ("Image=app:1", Refuse("NotJson")),
        ("null", Refuse("NotJson")),
        ("", Refuse("NoBody")),
    ] {
        check(&request("POST", CREATE, JSON, Some(body.as_bytes())), &expected);
    }
    check(&request("POST", CREATE, JSON, Some(b"{\"Image\":\"app\xff\"}")), &Refuse("NotJson"));
    check(&request("POST", CREATE, JSON, Some("[".repeat(100_000).as_bytes())), &Refuse("NotJson"));
    check(&request("POST", CREATE, JSON, None), &Refuse("NoBody"));
    let encoded =
        Request { request_body: Some("not base64!".to_owned()), ..request("POST", CREATE, JSON, None) };
    check(&encoded, &Refuse("NoBody"));
}

#[test]
fn a_container_is_made_from_json_alone_at_any_spelling_of_the_path() {
    let body = Some(br#"{"Image":"app:1"}"#.as_slice());
    for target in [
        "/containers/create",
        "/v1.24/containers/create",
        "/v1.41/c%6fntainers/create",
        "/v1.41/containers%2fcreate",
        "/%761.41/containers/create",
        "http://localhost/v1.41/containers/create",
        "/v1.41/containers/create?name=a&name=b;c",
    ] {
        check(&request("POST", target, JSON, body), &Create("app:1"));
        check(&request("POST", target, JSON, None), &Refuse("NoBody"));
    }
    for (content_type, expected) in [
        (Some("application/json"), Create("app:1")),
        (Some("Application/JSON; charset=utf-8"), Create("app:1")),
        (Some("text/plain"), Refuse("ContentType")),
        (Some("application/octet-stream"), Refuse("ContentType")),
        (Some("application/jsonp"), Refuse("ContentType")),
        (Some("text/plain; application/json"), Refuse("ContentType")),
        (Some("application/x-www-form-urlencoded"), Refuse("ContentType")),
        (Some(""), Refuse("ContentType")),
        (None, Refuse("ContentType")),
    ] {
        check(&request("POST", CREATE, content_type, body), &expected);
    }
    let mut two = request("POST", CREATE, JSON, body);
    two.request_headers.as_mut().unwrap().insert("content-type".to_owned(), "text/plain".to_owned());
    check(&two, &Refuse("ContentType"));
}

#[test]
fn a_creation_names_its_container_and_the_images_it_mounts() {
    let creation = |target: &str, body: &str| question(&request("POST", target, JSON, Some(body.as_bytes())));
    let plain = creation(CREATE, r#"{"Image":"app"}"#);
    let expected = |mounted: &[&str], name: Option<&str>| Question::Create {
        image: "app".to_owned(),
        mounted: mounted.iter().map(|image| (*image).to_owned()).collect(),
        name: name.map(str::to_owned),
    };
    assert_eq!(plain, expected(&[], Some("web")));
    assert_eq!(creation("/containers/create?name=", r#"{"Image":"app"}"#), expected(&[], None));
    let body = r#"{"Image":"app",
        "HostConfig":{"Mounts":[{"Type":"volume","Source":"data"},{"Type":"image","Source":"tools:1","Target":"/t"}]},
        "ho\u017ftconfig":{"MOUNTS":[{"type":"image","source":"tools:2"}]},
        "Mounts":[{"Type":"image","Source":"tools:3"}]}"#;
    assert_eq!(creation("/containers/create", body), expected(&["tools:1", "tools:2", "tools:3"], None));
}

#[test]
fn an_update_is_judged_when_it_can_make_the_daemon_start_the_container() {
    let target = "/v1.41/containers/web/update";
    for (body, expected) in [
        (r#"{"Memory":1000000,"RestartPolicy":{"Name":"","MaximumRetryCount":0}}"#, Pass),
        (r#"{"CpuShares":2,"BlkioWeight":1.5}"#, Pass),
        (r#"{"RestartPolicy":{"Name":"no"}}"#, Pass),
        (r#"{"RestartPolicy":null}"#, Pass),
        (r#"{"RestartPolicy":{"Name":"always"}}"#, Start("web")),
        (r#"{"restartpolicy":{"name":"unless-stopped"}}"#, Start("web")),
        (r#"{"RestartPolicy":{"Name":"no"},"re\u017ftartPolicy":{"Name":"always"}}"#, Start("web")),
        ("{", Start("web")),
    ] {
        check(&request("POST", target, JSON, Some(body.as_bytes())), &expected);
    }
    check(&request("POST", target, JSON, None), &Start("web"));
}

#[test]
fn what_the_daemon_sends_is_read() {
    let sent = r#"{"RequestMethod":"POST","RequestUri":"/v1.41/containers/create","RequestHeaders":
        {"Content-Length":"17","Content-Type":"application/json","User-Agent":"Docker-Client/20.10.24"},
        "RequestBody":"eyJJbWFnZSI6ImFwcDoxIn0=","RequestPeerCertificates":["x"],"User":"","UserAuthNMethod":""}"#;
    check(&serde_json::from_str(sent).unwrap(), &Create("app:1"));
    let sent = r#"{"RequestMethod":"GET","RequestUri":"/_ping"}"#;
    check(&serde_json::from_str(sent).unwrap(), &Pass);
    let sent = r#"{"RequestMethod":"POST","RequestUri":"/containers/create","RequestBody":null,"RequestHeaders":null}"#;
    check(&serde_json::from_str(sent).unwrap(), &Refuse("ContentType"));
}

#[test]
fn a_removal_names_its_image() {
    let removed = |method: &str, uri: &str| {
        removed_image(&Request {
            request_method: method.to_owned(),
            request_uri: uri.to_owned(),
            ..Request::default()
        })
    };
    assert_eq!(
        removed("DELETE", "/v1.41/images/r.io:5000/team/app:1?force=1").as_deref(),
        Some("r.io:5000/team/app:1")
    );
    assert_eq!(removed("DELETE", "/images/4f2a").as_deref(), Some("4f2a"));
    assert_eq!(removed("DELETE", "/v1.41/containers/app"), None);
    assert_eq!(removed("GET", "/v1.41/images/app"), None);
    assert_eq!(removed("DELETE", "/v1.41/images"), None);
}
