//! The client against a real docker-registry and a real buildah. Not the reading of single documents: unit tests do that.

#![cfg(test)]

mod access;
mod describe;
mod failure;
mod layout;
mod listing;
mod refusal;

use anyhow::Result;
use artifact::{Digest, ImageRef};
use registry::{Client, Config};
use testkit::image::{Image, ImageRecipe, LayerRecipe};
use testkit::registry::DockerRegistry;

fn client() -> Result<Client> {
    Ok(Client::new(Config::default())?)
}

fn base() -> ImageRecipe {
    ImageRecipe::scratch()
        .layer(LayerRecipe::new().file("etc/os-release", "ID=plimsoll\n"))
        .layer(LayerRecipe::new().file("etc/version", "10.4.8\n"))
}

/// Pushes `image` as `name` (`path:tag`).
async fn push(registry: &DockerRegistry, image: &Image, name: &str) -> Result<(ImageRef, Digest)> {
    let target = registry.image(name)?;
    let digest = image.push(&client()?, &target).await?;
    assert_eq!(digest, *image.digest());
    Ok((target, digest))
}

/// How many lines of the registry's access log hold all of `words`.
fn requests(registry: &DockerRegistry, words: &[&str]) -> usize {
    let log = registry.log();
    log.lines()
        .filter(|line| line.contains("HTTP/1.1\"") && words.iter().all(|word| line.contains(word)))
        .count()
}
