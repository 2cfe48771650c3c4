//! Who is not believed, and what is not understood: nothing of it is stored.

use events::fact::{ImageDeleted, ImagePushed, SourcePushed};

use testkit::wait::eventually;

use crate::world::{SECRET, STEP, World, post};

const DIGEST: &str = "sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6";

#[tokio::test]
async fn strangers_are_told_why_and_change_nothing() {
    let world = World::start().await;
    let authorization = format!("Bearer {SECRET}");
    let believed = [("authorization", authorization.as_str())];
    let event = |host: &str| {
        format!(
            r#"{{"events":[{{"id":"1","action":"push","target":{{"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "digest":"{DIGEST}","repository":"team/app","tag":"1"}},"request":{{"host":"{host}"}}}}]}}"#
        )
    };
    let (registry, git) = (world.hook("registry"), world.hook("git"));
    let large = "x".repeat((1 << 20) + 1);
    let here = event(world.registry.host());
    for (url, headers, body, status, says) in [
        (world.hook("nobody"), &believed[..], here.as_str(), 404, "watcher.sources"),
        (registry.clone(), &[], &here, 401, "Authorization"),
        (registry.clone(), &[("authorization", "Bearer guessed")], &here, 401, "Authorization"),
        (git.clone(), &[("x-gitea-event", "push")], "{}", 401, "X-Gitea-Signature"),
        (git, &[("x-gitea-event", "push"), ("x-gitea-signature", "00")], "{}", 401, "X-Gitea-Signature"),
        (registry.clone(), &believed, "{", 400, "distribution"),
        (registry.clone(), &believed, "", 400, "distribution"),
        (registry.clone(), &believed, &large, 413, "larger"),
        // No registry has such a name; the event is ignored, since refusing it would stop all that follow.
        (registry.clone(), &believed, &event("registry"), 202, "stored"),
        (registry, &believed, r#"{"events":[{"id":"2","action":"scan","new":{}}],"more":1}"#, 202, "stored"),
    ] {
        let (answered, said) = post(&url, headers, body).await.unwrap();
        assert_eq!(answered, status, "{url} {body:.200}: {said}");
        assert!(said.contains(says), "{says} is missing in: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    // The registry knows nothing of the image, and its word counts; it may be about to.
    let settled = async || post(&world.hook("registry"), &believed, &here).await.unwrap().0 == 202;
    eventually("the lie to be settled", STEP, settled).await.unwrap();
    assert!(world.facts::<ImagePushed>().is_empty() && world.facts::<ImageDeleted>().is_empty());
    assert!(world.facts::<SourcePushed>().is_empty());
    assert!(!world.watcher.log().contains(SECRET));
}
