//! Builds with the real buildah on images made by hand.

use std::collections::BTreeMap;

use artifact::Digest;
use tempfile::TempDir;
use testkit::image::{Image, ImageRecipe, LayerRecipe};

use super::*;
use crate::driver::Driver;

mod hostile;

/// The base of most builds here, under the name that definitions give it.
const NAME: &str = "registry.test:5000/bases/plain:10.4.8";

/// A driver with a base, a context and a scratch directory of its own.
struct Bench {
    dir: TempDir,
    driver: Driver,
    base: Image,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Storage::Auto).await
    }

    async fn with(storage: Storage) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let isolation = isolation::Config {
            scratch: dir.path().join("scratch"),
            cgroup_parent: "/plimsoll-test-build".to_owned(),
            ..isolation::Config::default()
        };
        let config = Config { storage, isolation, ..Config::default() };
        let driver = Driver::Buildah(Buildah::open(config).await.unwrap());
        let base = ImageRecipe::scratch()
            .layer(LayerRecipe::busybox().unwrap())
            .layer(LayerRecipe::new().file("data/version", "10.4.8").file("data/old", "old"))
            .make()
            .unwrap();
        base.write_layout(&dir.path().join("base"), "image").unwrap();
        std::fs::create_dir(dir.path().join("context")).unwrap();
        Self { dir, driver, base }
    }

    fn reference(&self) -> String {
        format!("{NAME}@{}", self.base.digest())
    }

    fn write(&self, name: &str, contents: &str) {
        std::fs::write(self.dir.path().join("context").join(name), contents).unwrap();
    }

    /// A build of `definition`, where BASE stands for the pinned base, to the output `name`.
    fn request(&self, name: &str, definition: &str) -> Request {
        Request {
            context: self.dir.path().join("context"),
            definition: definition.replace("BASE", &self.reference()),
            arguments: BTreeMap::new(),
            bases: vec![Base { reference: self.reference(), layout: self.dir.path().join("base") }],
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            timestamp: 1_700_000_000,
            limits: Limits { wall_seconds: 120, ..Limits::default() },
            output: self.dir.path().join(name),
        }
    }

    async fn build(&self, request: &Request) -> Report {
        let report = self.driver.build(request, &CancellationToken::new()).await;
        assert_eq!(std::fs::read_dir(self.dir.path().join("scratch")).unwrap().count(), 0);
        report
    }

    /// Builds what must succeed, and yields the image and its log.
    async fn image(&self, request: &Request) -> (Built, String) {
        let Report { log, result } = self.build(request).await;
        let built = result.unwrap_or_else(|error| panic!("{error:?}\n{log}"));
        // What is handed on is valid as a whole.
        assert_eq!(layout::verify(&request.output).unwrap(), built);
        (built, log)
    }

    /// The manifest of an output.
    fn manifest(&self, request: &Request, built: &Built) -> serde_json::Value {
        let path = request.output.join("blobs/sha256").join(built.digest.hex());
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn the_base_stays_below_untouched() {
    let bench = Bench::new().await;
    bench.write("hello", "hello");
    let mut request = bench.request("out", "FROM BASE\nCOPY hello /hello\nRUN echo made > /made\n");
    request.labels.insert("org.opencontainers.image.revision".to_owned(), "c\"1\"\nRUN x".to_owned());
    request.annotations.insert("org.opencontainers.image.base.name".to_owned(), NAME.to_owned());
    let (built, log) = bench.image(&request).await;

    assert_eq!(built.layers[..2], *bench.base.layers());
    assert_eq!(artifact::chain_ids(&built.layers)[1], artifact::chain_ids(bench.base.layers())[1]);
    assert_eq!(built.labels, request.labels);
    let manifest = bench.manifest(&request, &built);
    // The same blobs as in the registry, so that none is stored twice.
    let layers = manifest["layers"].as_array().unwrap();
    let digests: Vec<Digest> =
        layers.iter().map(|layer| layer["digest"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(digests[..2], bench.base.blobs()[..2]);
    assert_eq!(manifest["annotations"], serde_json::json!(request.annotations));
    // People read the names that they know.
    assert!(log.contains(&format!("FROM {}", bench.reference())) && !log.contains("oci:/bases/"), "{log}");
    let config = request.output.join("blobs/sha256").join(built.config_digest.hex());
    let config = std::fs::read_to_string(config).unwrap();
    assert!(
        config.contains(&format!("FROM {}", bench.reference())) && !config.contains("localhost"),
        "{config}"
    );
}

#[tokio::test]
async fn every_way_of_using_a_base_finds_it() {
    let bench = Bench::new().await;
    let definition = "FROM BASE AS first\n\
        ARG WHO=nobody\n\
        RUN busybox rm -rf /data && busybox mkdir /data && echo $WHO > /data/new && busybox chown 1000:1000 /data/new\n\
        FROM BASE\n\
        COPY --from=first /data/new /new\n\
        COPY --from=BASE /data/version /copied\n\
        RUN --mount=type=bind,from=BASE,source=/data,target=/mnt busybox cp /mnt/version /mounted\n\
        RUN busybox grep -q somebody /new && busybox grep -q 10.4.8 /copied && busybox grep -q 10.4.8 /mounted\n";
    let mut request = bench.request("out", definition);
    request.arguments.insert("WHO".to_owned(), "somebody".to_owned());
    let (built, _) = bench.image(&request).await;
    assert_eq!(built.layers.len(), 3);
    assert_eq!(built.layers[..2], *bench.base.layers());
}

/// Triggers stand in the base's configuration, where nothing can be pinned: they find what the build was given under their own names, and
/// nothing else.
#[tokio::test]
async fn triggers_of_a_base_find_what_the_build_was_given() {
    let mut bench = Bench::new().await;
    let tool = bench.dir.path().join("base");
    let base = ImageRecipe::scratch()
        .layer(LayerRecipe::busybox().unwrap())
        .trigger("COPY --from=tools.test/plain:1 /data/version /copied")
        .trigger("RUN --mount=type=bind,from=tools.test/plain:1,source=/data,target=/mnt busybox cp /mnt/version /mounted")
        .make()
        .unwrap();
    let onbuild = bench.dir.path().join("onbuild");
    base.write_layout(&onbuild, "image").unwrap();
    bench.base = base;
    let definition = "FROM BASE\nRUN busybox grep -q 10.4.8 /copied && busybox grep -q 10.4.8 /mounted\n";
    let mut request = bench.request("out", definition);
    request.bases = vec![Base { reference: bench.reference(), layout: onbuild }];
    let Report { log, result } = bench.build(&request).await;
    assert!(matches!(result, Err(Error::Failed { .. })), "it fetched what it was not given: {log}");
    request.bases.push(Base { reference: "tools.test/plain:1".to_owned(), layout: tool });
    let (built, _) = bench.image(&request).await;
    assert_eq!(built.layers.len(), 2);
}

#[tokio::test]
async fn the_same_build_gives_the_same_image() {
    let bench = Bench::new().await;
    bench.write("hello", "hello");
    let definition =
        "FROM BASE\nCOPY hello /hello\nRUN busybox rm -rf /data && busybox mkdir /data && echo 1 > /data/x\n";
    let (one, _) = bench.image(&bench.request("one", definition)).await;
    let (two, _) = bench.image(&bench.request("two", definition)).await;
    assert_eq!(one, two);
    let copying = Bench::with(Storage::Vfs).await;
    copying.write("hello", "hello");
    let (three, _) = copying.image(&copying.request("three", definition)).await;
    assert_eq!(three.layers[..2], one.layers[..2]);
}

#[tokio::test]
async fn a_failing_step_is_told_with_its_log() {
    let bench = Bench::new().await;
    let Report { log, result } =
        bench.build(&bench.request("out", "FROM BASE\nRUN echo why; exit 7\n")).await;
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Failed { .. }) && !error.is_retryable(), "{error:?}");
    assert!(log.contains("why\n"), "{log}");
    let Report { log, result } = bench.build(&bench.request("out", "FROM BASE\nWHAT is this\n")).await;
    assert!(matches!(result, Err(Error::Failed { .. })) && log.contains("WHAT"), "{log}");
}

#[tokio::test]
async fn what_cannot_be_given_to_buildah_is_refused() {
    let bench = Bench::new().await;
    for name in ["", "A B", "A=B", "--privileged"] {
        let mut request = bench.request("out", "FROM BASE\n");
        request.arguments.insert(name.to_owned(), String::new());
        assert!(matches!(bench.build(&request).await.result, Err(Error::Request(_))), "{name}");
    }
    let mut request = bench.request("out", "FROM BASE\n");
    request.bases[0].reference = "a=container-image://docker.io/evil b".to_owned();
    assert!(matches!(bench.build(&request).await.result, Err(Error::Request(_))));
}

#[tokio::test]
async fn builds_run_side_by_side() {
    let bench = Bench::new().await;
    let definition = "FROM BASE\nRUN busybox ls /build /bases 2>/dev/null; echo 1 > /one\n";
    let (one, two) = (bench.request("one", definition), bench.request("two", definition));
    let stop = CancellationToken::new();
    let (one, two) = tokio::join!(bench.driver.build(&one, &stop), bench.driver.build(&two, &stop));
    assert_eq!(one.result.unwrap(), two.result.unwrap());
}
