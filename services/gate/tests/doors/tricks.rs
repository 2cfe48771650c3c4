//! Requests that a daemon understands and a careless plugin does not: none of them makes a container of a banned image.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

use crate::site::{BOUND, Site};

/// The status of a request that is sent byte for byte as it stands here.
async fn status(site: &Site, target: &str, headers: &str, body: &str) -> u16 {
    let mut connection = UnixStream::connect(site.docker.socket()).await.unwrap();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // A daemon that refuses early may close before it has read everything.
    connection.write_all(request.as_bytes()).await.ok();
    let mut answer = Vec::new();
    timeout(BOUND, connection.read_to_end(&mut answer)).await.unwrap().ok();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn no_spelling_of_a_request_gets_past_the_gate() {
    const JSON: &str = "Content-Type: application/json\r\n";
    let site = Site::start().await;
    site.enforce(&["create", "start"]).await;
    site.ban().await;
    let app = site.image("team/app:1");
    let other = site.image("team/other:1");
    let plain = json!({"Image": app}).to_string();
    let folded = json!({"iMaGe": app}).to_string();
    let twice = format!(r#"{{"Image":"{other}","Image":"{app}"}}"#);
    let large = json!({"Image": app, "Labels": {"filling": "x".repeat(1 << 20)}}).to_string();
    let restart = json!({"Image": app, "HostConfig": {"RestartPolicy": {"Name": "always"}}}).to_string();
    for (target, headers, body) in [
        ("/containers/create", JSON, &plain),
        ("/v1.41/containers/create", JSON, &plain),
        ("/v1.41/c%6fntainers/create", JSON, &plain),
        ("http://docker/v1.41/containers/create", JSON, &plain),
        ("/v1.41/containers/create", "Content-Type: application/json; charset=utf-8\r\n", &plain),
        ("/v1.41/containers/create", JSON, &folded),
        ("/v1.41/containers/create", JSON, &twice),
        ("/v1.41/containers/create", JSON, &large),
        ("/v1.41/containers/create", JSON, &restart),
    ] {
        let status = status(&site, target, headers, body).await;
        let shown: String = body.chars().take(200).collect();
        assert_eq!(status, 403, "{target} {headers} {shown}");
    }
    // What a plugin never sees makes nothing either.
    for (target, headers) in [("//containers/create", JSON), ("/v1.41/containers/create", "")] {
        assert_ne!(status(&site, target, headers, &plain).await, 201, "{target} {headers}");
    }
    assert_eq!(site.docker(&["ps", "--all", "--quiet"]).await, "");

    // The same door lets pass what may pass.
    let body = json!({"Image": other}).to_string();
    assert_eq!(status(&site, "/v1.41/containers/create", JSON, &body).await, 201);
    site.docker.stop().unwrap();
}
