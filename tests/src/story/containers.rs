//! Chapter 3: containers, started through the gate; one from an image that somebody built and pushed by hand.

use anyhow::{Context, Result};
use testkit::{command::Finished, wait::eventually};

use super::setting::OLD;
use crate::{
    teller::Teller,
    world::{STEP, World},
};

/// Projects whose images contain the old base, and run.
pub(super) const DERIVED: [&str; 6] = ["platform", "plain", "stages", "onplatform", "argument", "copier"];
/// The image that was built by hand, under a name that says nothing.
pub(super) const BY_HAND: &str = "misc/thing:7";
/// Images that have nothing to do with the ban.
pub(super) const UNRELATED: [&str; 2] = ["team/outdated:1", "base/tool:1"];
/// A container that was created and never started.
pub(super) const CREATED: &str = "waiting-plain";

pub(super) async fn start(world: &World, teller: &mut Teller) -> Result<()> {
    by_hand(world).await?;
    teller.say(format_args!(
        "somebody builds an image on {OLD} with plain docker and pushes it by hand as {BY_HAND}"
    ));
    for project in DERIVED {
        run(world, project, &format!("team/{project}:1"), &[]).await?.success()?;
    }
    run(world, "by-hand", BY_HAND, &["--docker=--restart=always"]).await?.success()?;
    for (name, image) in ["unrelated-0", "unrelated-1"].into_iter().zip(UNRELATED) {
        run(world, name, image, &[]).await?.success()?;
    }
    for project in DERIVED {
        let image = world.image(&format!("team/{project}:1"))?.to_string();
        world
            .docker(&["create", "--network", "none", "--name", &format!("waiting-{project}"), &image])
            .await?;
    }
    let running = world.docker(&["ps", "--format", "{{.Names}}"]).await?.lines().count();
    let expected = DERIVED.len() + 1 + UNRELATED.len();
    teller.claim(
        format_args!(
            "{running} containers run, started through the gate; one more of each is created and not started"
        ),
        running == expected,
    )?;
    indexed(world).await
}

/// Builds on the old base with plain Docker, and pushes.
async fn by_hand(world: &World) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let base = world.image(&format!("base/os:{OLD}"))?;
    std::fs::write(
        folder.path().join("Dockerfile"),
        format!("FROM {base}\nLABEL made=by-hand\nCOPY thing /thing\n"),
    )?;
    std::fs::write(folder.path().join("thing"), "a thing\n")?;
    let folder = folder.path().to_str().context("the folder's path is not UTF-8")?;
    let image = world.image(BY_HAND)?.to_string();
    world.docker(&["build", "--network", "none", "--tag", &image, folder]).await?;
    world.docker(&["push", &image]).await?;
    Ok(())
}

/// Starts a container through `plimsoll run`.
pub(super) async fn run(world: &World, name: &str, image: &str, options: &[&str]) -> Result<Finished> {
    let host = format!("unix://{}", world.docker.socket().display());
    let docker = testkit::tools::docker().display().to_string();
    let image = world.image(image)?.to_string();
    let mut arguments = vec![
        "run",
        "--detach",
        "--network",
        "none",
        "--name",
        name,
        "--host",
        &host,
        "--docker-command",
        &docker,
    ];
    arguments.extend(options);
    arguments.push(&image);
    world.plimsoll(&arguments).await
}

/// What was pushed by hand is known to the pipeline as well: the registry told of it.
async fn indexed(world: &World) -> Result<()> {
    let image = world.image(BY_HAND)?.to_string();
    let known =
        async || world.plimsoll(&["why", &image]).await.is_ok_and(|finished| finished.code == Some(0));
    eventually("the image pushed by hand to be indexed", STEP, known).await
}
