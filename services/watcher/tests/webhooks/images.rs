//! From a push to a registry to a fact in IMAGES.

use events::{
    fact::{ImageDeleted, ImagePushed},
    order,
};
use testkit::{
    image::{Image, ImageRecipe, LayerRecipe},
    wait::eventually,
};

use crate::world::{SECRET, STEP, World, post};

fn image(version: &str) -> Image {
    ImageRecipe::scratch().layer(LayerRecipe::new().file("etc/version", version)).make().unwrap()
}

fn event(world: &World, id: &str, image: &Image, tag: &str) -> String {
    format!(
        r#"{{"events":[{{"id":"{id}","action":"push","target":{{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "digest":"{}","repository":"team/app","tag":"{tag}"}},"request":{{"host":"{}"}}}}]}}"#,
        image.digest(),
        world.registry.host()
    )
}

async fn tell(world: &World, body: &str) -> u16 {
    let authorization = format!("Bearer {SECRET}");
    post(&world.hook("registry"), &[("authorization", &authorization)], body).await.unwrap().0
}

#[tokio::test]
async fn a_push_is_a_fact_once_however_often_it_is_told() {
    let world = World::start().await;
    let first = image("1");
    let name = world.registry.image("team/app:1").unwrap();
    first.push(&world.client, &name).await.unwrap();
    // By digest first, then under its tag: a registry tells of both.
    let facts = world.published::<ImagePushed>(1, |fact| fact.tag.is_some()).await;
    let ImagePushed { repository, tag, digest, instances } = facts[0].clone();
    assert_eq!((repository, tag.as_ref(), &digest), (name.repository().clone(), name.tag(), first.digest()));
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].layers, first.layers());
    assert_eq!(Some(&instances[0].config_digest), first.config_digest());

    // Redelivered, told of anew, and told wrongly: the registry's own answer is what counts.
    for id in ["again", "again", "anew"] {
        assert_eq!(tell(&world, &event(&world, id, &first, "1")).await, 202);
    }
    let wrong = event(&world, "wrong", &image("never pushed"), "1");
    // The tag might be about to move: for as long as that may take, the sender is asked to come again.
    eventually("the tag to stay", STEP, async || tell(&world, &wrong).await == 202).await.unwrap();
    world.published::<ImagePushed>(1, |fact| fact.tag.is_some()).await;
    world.published::<ImagePushed>(1, |fact| fact.tag.is_none()).await;

    // The tag moves on, and back: both are news.
    let second = image("2");
    second.push(&world.client, &name).await.unwrap();
    world.published::<ImagePushed>(1, |fact| fact.tag.is_some() && fact.digest == *second.digest()).await;
    world.client.tag(name.repository(), first.digest(), name.tag().unwrap()).await.unwrap();
    world.published::<ImagePushed>(2, |fact| fact.tag.is_some() && fact.digest == *first.digest()).await;
}

#[tokio::test]
async fn gone_is_what_the_registry_says_is_gone() {
    let world = World::start().await;
    let image = image("1");
    let name = world.registry.image("team/app:1").unwrap();
    image.push(&world.client, &name).await.unwrap();
    world.published::<ImagePushed>(1, |fact| fact.tag.is_some()).await;
    let deletion = |id: &str| {
        format!(
            r#"{{"events":[{{"id":"{id}","action":"delete","target":{{"digest":"{}","repository":"team/app"}},"request":{{"host":"{}"}}}}]}}"#,
            image.digest(),
            world.registry.host()
        )
    };
    assert_eq!(tell(&world, &deletion("a lie")).await, 202);
    assert!(world.facts::<ImageDeleted>().is_empty());

    let url = format!("http://{}/v2/team/app/manifests/{}", world.registry.host(), image.digest());
    let deleted = reqwest::Client::builder().no_proxy().build().unwrap().delete(url).send().await.unwrap();
    assert_eq!(deleted.status(), 202);
    let facts = world.published::<ImageDeleted>(1, |_| true).await;
    assert_eq!((&facts[0].repository, &facts[0].digest), (name.repository(), image.digest()));

    // Pushed once more, it is there once more.
    image.push(&world.client, &name).await.unwrap();
    world.published::<ImagePushed>(2, |fact| fact.tag.is_some()).await;
}

#[tokio::test]
async fn what_no_webhook_told_is_found_by_looking() {
    let mut world = World::start().await;
    world.watcher.kill().unwrap();
    let image = image("1");
    let base = world.registry.image("base/os:10.4.9").unwrap();
    image.push(&world.client, &base).await.unwrap();
    // The registry goes down with its queue of webhooks.
    world.registry.restart().await.unwrap();
    let bases = format!(
        r#"{{"section":"bases","bases":[{{"repository":"{}","current":"10.4.9"}}]}}"#,
        base.repository()
    );
    world.order(order::CATALOG, &bases).await;
    world.watcher.restart().unwrap();
    let facts = world.published::<ImagePushed>(1, |_| true).await;
    assert_eq!((facts[0].reference(), &facts[0].digest), (base, image.digest()));
}

/// What IMAGES says is known after a restart: only what has changed since is published.
#[tokio::test]
async fn a_restart_publishes_what_has_changed_and_nothing_else() {
    let mut world = World::start().await;
    let tag = |tag: &str| world.registry.image(&format!("base/os:{tag}")).unwrap();
    // Polled in the order of their names, so that what comes last shows that the others were looked at.
    let [first, moved, gone] = [tag("1"), tag("9"), tag("5")];
    let bases =
        format!(r#"{{"section":"bases","bases":[{{"repository":"{}","current":"1"}}]}}"#, first.repository());
    world.order(order::CATALOG, &bases).await;
    for name in [&first, &tag("2"), &moved] {
        image(name.tag().unwrap().as_str()).push(&world.client, name).await.unwrap();
    }
    let deleted = image("gone");
    deleted.push(&world.client, &gone).await.unwrap();
    world.published::<ImagePushed>(4, |fact| fact.tag.is_some()).await;

    world.watcher.kill().unwrap();
    let newer = image("newer");
    newer.push(&world.client, &moved).await.unwrap();
    let url = format!("http://{}/v2/base/os/manifests/{}", world.registry.host(), deleted.digest());
    reqwest::Client::builder().no_proxy().build().unwrap().delete(url).send().await.unwrap();
    // The registry goes down with its queue of webhooks.
    world.registry.restart().await.unwrap();
    world.watcher.restart().unwrap();
    world.published::<ImagePushed>(1, |fact| fact.digest == *newer.digest()).await;
    world.published::<ImageDeleted>(1, |fact| fact.digest == *deleted.digest()).await;
    world.published::<ImagePushed>(5, |fact| fact.tag.is_some()).await;
}

#[tokio::test]
async fn without_a_broker_a_registry_is_asked_to_come_again_and_nothing_is_lost() {
    let mut world = World::start().await;
    let image = image("1");
    let name = world.registry.image("team/app:1").unwrap();
    let process = world.broker.id().unwrap();
    testkit::command::run(
        {
            let mut kill = tokio::process::Command::new("kill");
            kill.args(["-KILL", &process.to_string()]);
            kill
        },
        STEP,
    )
    .await
    .unwrap()
    .success()
    .unwrap();
    world.broker.ended().await.unwrap();
    image.push(&world.client, &name).await.unwrap();
    assert_eq!(tell(&world, &event(&world, "by hand", &image, "1")).await, 503);
    assert_eq!(tell(&world, &event(&world, "by hand", &image, "1")).await, 503);
    world.broker.restart().await.unwrap();
    world.published::<ImagePushed>(1, |fact| fact.tag.is_some()).await;
    assert_eq!(tell(&world, &event(&world, "by hand", &image, "1")).await, 202);
    world.published::<ImagePushed>(1, |fact| fact.tag.is_none()).await;
    world.published::<ImagePushed>(1, |fact| fact.tag.is_some()).await;
}
