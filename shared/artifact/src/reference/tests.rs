//! Names that must mean one thing, and names that must mean nothing.

use super::*;

#[track_caller]
fn check(text: &str, normal: &str) {
    assert_eq!(
        text.parse::<ImageRef>().map(|r| r.to_string()).unwrap_or_else(|e| format!("! {}", e.reason)),
        normal
    );
}

#[track_caller]
fn refused(text: &str) {
    assert!(text.parse::<ImageRef>().is_err(), "{text} was accepted");
}

#[test]
fn docker_hub_has_one_spelling() {
    for name in [
        "nginx",
        "library/nginx",
        "docker.io/nginx",
        "docker.io/library/nginx",
        "index.docker.io/library/nginx",
        "registry-1.docker.io/library/nginx",
    ] {
        check(name, "docker.io/library/nginx:latest");
    }
    check("team/app:1", "docker.io/team/app:1");
}

#[test]
fn a_look_alike_host_is_another_host() {
    check("docker.io.evil.com/nginx", "docker.io.evil.com/nginx:latest");
    check("evil.com/docker.io/nginx", "evil.com/docker.io/nginx:latest");
}

#[test]
fn a_host_is_one_in_any_case() {
    check("R.io/a", "r.io/a:latest");
    check("LOCALHOST/a", "localhost/a:latest");
    // Only their capitals make these hosts and no part of a path on Docker Hub.
    check("Reg/a", "REG/a:latest");
    check("REG/a", "REG/a:latest");
    check("reg/a", "docker.io/reg/a:latest");
    check("Docker.io/nginx", "docker.io/library/nginx:latest");
    check("INDEX.docker.io/nginx", "docker.io/library/nginx:latest");
}

#[test]
fn a_name_is_as_long_as_it_is_written_out() {
    let longest = 255 - "docker.io/library/".len();
    let text = "a".repeat(longest);
    check(&text, &format!("docker.io/library/{text}:latest"));
    refused(&"a".repeat(longest + 1));
    refused(&format!("r.io/{}", "a".repeat(251)));
}

#[test]
fn ports_tags_and_digests_are_told_apart() {
    let digest = format!("sha256:{}", "0".repeat(64));
    check("127.0.0.1:5000/base/os:10.4.8", "127.0.0.1:5000/base/os:10.4.8");
    check("localhost/app", "localhost/app:latest");
    check("[::1]:5000/app:x", "[::1]:5000/app:x");
    check(&format!("r.io/a@{digest}"), &format!("r.io/a@{digest}"));
    check(&format!("r.io/a:t@{digest}"), &format!("r.io/a:t@{digest}"));
}

#[test]
fn what_is_no_reference_is_refused() {
    let hex63 = format!("r.io/a@sha256:{}", "0".repeat(63));
    let upper = format!("r.io/a@sha256:{}", "A".repeat(64));
    for text in [
        "",
        " ",
        "/",
        "a//b",
        "r.io/",
        "r.io/A",
        "r.io/a:",
        "r.io/a:-x",
        "r.io/a b",
        "r.io./a",
        "-r.io/a",
        "r.io:/a",
        "r.io:port/a",
        "r.io/a..b",
        "r.io/a.",
        "r.io/_a",
        "r.io/a___b",
        "r.io/a\n",
        "r.io/a@",
        "r.io/a@sha256:1",
        &hex63,
        &upper,
    ] {
        refused(text);
    }
    refused(&format!("r.io/{}", "a".repeat(260)));
    refused(&format!("r.io/a:{}", "t".repeat(129)));
}

#[test]
fn the_normal_form_is_a_fixed_point() {
    for text in ["nginx", "a/b:c", "r.io:5000/a/b/c:d", "localhost:1/x"] {
        let once = text.parse::<ImageRef>().unwrap();
        assert_eq!(once.to_string().parse::<ImageRef>().unwrap(), once);
    }
}
