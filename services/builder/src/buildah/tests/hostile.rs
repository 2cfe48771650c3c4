//! Builds that try what they should not. Not the isolation's own limits, which its tests show one by one.

use std::{os::unix::fs::symlink, time::Duration};

use testkit::wait::eventually;

use super::*;
use crate::isolation::Error as Ended;

async fn check_step_cannot(bench: &Bench, step: &str) {
    let Report { log, result } = bench.build(&bench.request("out", &format!("FROM BASE\n{step}\n"))).await;
    assert!(matches!(result, Err(Error::Failed { .. })), "{step}: {result:?}\n{log}");
}

#[tokio::test]
async fn no_step_reaches_the_network() {
    let bench = Bench::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for step in [
        format!("RUN busybox nc -w 2 127.0.0.1 {} < /dev/null", address.port()),
        "RUN busybox nc -w 2 169.254.169.254 80 < /dev/null".to_owned(),
        "RUN busybox nc -w 2 10.0.0.1 4222 < /dev/null".to_owned(),
        "RUN busybox nslookup example.com".to_owned(),
        "RUN busybox test $(busybox ip -o link | busybox wc -l) -gt 1".to_owned(),
        format!("ADD http://{address}/file /file"),
        format!("ADD git://{address}/app /app"),
    ] {
        check_step_cannot(&bench, &step).await;
    }
    let reached = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
    assert!(reached.is_err(), "{reached:?}");
}

#[tokio::test]
async fn no_image_is_fetched_from_elsewhere() {
    let bench = Bench::new().await;
    for definition in [
        "FROM registry.test:5000/other:1",
        "FROM docker.io/library/busybox",
        "FROM busybox",
        "FROM BASE\nCOPY --from=registry.test:5000/other:1 /a /a",
        "FROM oci:/etc",
        "FROM docker-archive:/etc/passwd",
    ] {
        let Report { log, result } = bench.build(&bench.request("out", definition)).await;
        assert!(matches!(result, Err(Error::Failed { .. })), "{definition}: {result:?}\n{log}");
    }
}

#[tokio::test]
async fn no_step_finds_a_secret_or_the_machine() {
    let bench = Bench::new().await;
    let (_, log) = bench
        .image(&bench.request("out", "FROM BASE\nRUN busybox env | busybox cut -d= -f1 | busybox sort\n"))
        .await;
    let variables: Vec<&str> =
        log.lines().filter(|line| !line.is_empty() && line.chars().all(|c| c.is_ascii_uppercase())).collect();
    assert!(
        variables.iter().all(|name| ["HOME", "HOSTNAME", "PATH", "PWD", "SHLVL"].contains(name)),
        "{log}"
    );
    let scratch = bench.dir.path().display().to_string();
    for step in [
        format!("RUN busybox ls {scratch}"),
        "RUN busybox ls /build/storage".to_owned(),
        "RUN busybox cat /proc/1/root/build/home".to_owned(),
        "RUN busybox mount -t proc none /mnt".to_owned(),
        "RUN busybox mknod /disk b 8 0".to_owned(),
        "RUN busybox mknod /disk b 254 0 && busybox head -c 1 /disk".to_owned(),
        "RUN --mount=type=bind,source=../../../etc,target=/mnt busybox cat /mnt/shadow".to_owned(),
        "RUN --mount=type=bind,source=/,target=/mnt busybox ls /mnt/etc".to_owned(),
        "RUN --mount=type=secret,id=x,required=true busybox true".to_owned(),
        "RUN echo plimsoll > /proc/sys/kernel/domainname".to_owned(),
    ] {
        check_step_cannot(&bench, &step).await;
    }
}

#[tokio::test]
async fn links_in_the_context_lead_nowhere() {
    let bench = Bench::new().await;
    let context = bench.dir.path().join("context");
    let secret = bench.dir.path().join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    symlink(&secret, context.join("file")).unwrap();
    symlink("/", context.join("root")).unwrap();
    symlink("../../../../../../etc", context.join("up")).unwrap();
    for step in [
        "COPY file /file".to_owned(),
        "ADD file /file".to_owned(),
        format!("COPY root{} /file", secret.display()),
        "COPY ../secret /file".to_owned(),
        "COPY up/shadow /file".to_owned(),
    ] {
        let request = bench.request("out", &format!("FROM BASE\n{step}\nRUN busybox cat /file\n"));
        let Report { log, result } = bench.build(&request).await;
        assert!(
            result.is_err() && !log.contains("s3cret") && !log.contains("root:"),
            "{step}: {result:?}\n{log}"
        );
    }
}

#[tokio::test]
async fn a_context_is_not_written_to() {
    let bench = Bench::new().await;
    bench.write("hello", "hello");
    let step = "RUN --mount=type=bind,source=.,target=/mnt,rw=true echo changed > /mnt/hello; true";
    bench.build(&bench.request("out", &format!("FROM BASE\n{step}\n"))).await;
    assert_eq!(std::fs::read_to_string(bench.dir.path().join("context/hello")).unwrap(), "hello");
}

#[tokio::test]
async fn limits_end_a_build() {
    let bench = Bench::new().await;
    let mut request = bench.request("out", "FROM BASE\nRUN busybox sleep 100000\n");
    request.limits.wall_seconds = 3;
    let result = bench.build(&request).await.result;
    assert!(matches!(result, Err(Error::Isolation(Ended::TimedOut(_)))), "{result:?}");

    let mut request = bench.request("out", "FROM BASE\nRUN f() { f | f & }; f; busybox sleep 100000\n");
    request.limits = Limits { wall_seconds: 4, processes: 128, ..Limits::default() };
    let result = bench.build(&request).await.result;
    assert!(matches!(result, Err(Error::Isolation(Ended::Processes(128)))), "{result:?}");

    let mut request =
        bench.request("out", "FROM BASE\nRUN busybox tail -c 2000000000 /dev/zero | busybox wc -c\n");
    request.limits.memory_bytes = 192 << 20;
    let result = bench.build(&request).await.result;
    assert!(matches!(result, Err(Error::Isolation(Ended::Memory(_)))), "{result:?}");

    let mut request = bench.request("out", "FROM BASE\nRUN busybox yes | busybox head -c 20000000\n");
    request.limits.log_bytes = 100_000;
    let (_, log) = bench.image(&request).await;
    assert!(log.len() < 110_000 && log.contains("left out"), "{}", log.len());
}

#[tokio::test]
async fn a_stop_ends_a_build() {
    let bench = Bench::new().await;
    let stop = CancellationToken::new();
    let request = bench.request("out", "FROM BASE\nRUN busybox sleep 100000\n");
    let started = async {
        let runs = async || std::fs::read_dir(bench.dir.path().join("scratch")).unwrap().count() > 0;
        eventually("the build to start", Duration::from_secs(60), runs).await.unwrap();
        stop.cancel();
    };
    let (report, ()) = tokio::join!(bench.driver.build(&request, &stop), started);
    assert!(matches!(report.result, Err(Error::Isolation(Ended::Cancelled))), "{:?}", report.result);
}
