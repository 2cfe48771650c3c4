//! Containers whose image was removed, renamed or made from another container: each is judged by what it stands on, not by what it is called.

use crate::site::{BOUND, Site, ready};

#[tokio::test]
async fn a_container_outlives_its_image_and_is_judged_by_what_that_was() {
    let mut site = Site::start().await;
    let [app, hand, other] = ["team/app:1", "hand/made:1", "team/other:1"].map(|name| site.image(name));
    for (name, image) in [("stopped", &app), ("made", &hand), ("clear", &other)] {
        site.docker(&["create", "--network", "none", "--name", name, image, "true"]).await;
    }
    let id = site.docker(&["inspect", "--format", "{{.Image}}", "stopped"]).await;
    site.docker(&["commit", "made", "committed:1"]).await;
    site.docker(&["tag", &app, "innocent:1"]).await;
    site.enforce(&["create", "start"]).await;
    // All names of the one image, and the others by force.
    for image in [app.as_str(), &hand, &other] {
        site.docker(&["rmi", "--force", image]).await;
    }
    site.ban().await;
    for container in ["stopped", "made"] {
        site.refused(&["start", container]).await;
        site.refused(&["restart", "--time", "0", container]).await;
    }
    for image in ["innocent:1", "committed:1"] {
        site.refused(&["create", "--network", "none", image]).await;
    }
    site.docker(&["rmi", "--force", "innocent:1"]).await;
    site.refused(&["start", "stopped"]).await;
    let by_id = site.docker.docker(&["create", "--network", "none", &id]).await.unwrap();
    assert_ne!(by_id.code, Some(0), "{}", by_id.stdout);
    site.docker(&["start", "--attach", "clear"]).await;

    // The gate that comes after it knows the images too.
    site.gate.terminate(BOUND).await.unwrap();
    site.gate.restart().unwrap();
    ready(&mut site.gate, 2).await;
    site.refused(&["start", "stopped"]).await;
    site.docker(&["start", "--attach", "clear"]).await;

    // One that has never seen the image cannot clear its containers of anything, whatever they stand on.
    site.gate.terminate(BOUND).await.unwrap();
    site.forget("images");
    site.gate.restart().unwrap();
    ready(&mut site.gate, 3).await;
    site.refused(&["start", "clear"]).await;
    site.docker(&["rm", "stopped", "made", "clear"]).await;
    site.docker.stop().unwrap();
}
