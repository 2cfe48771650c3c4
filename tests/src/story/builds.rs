//! Chapter 2: pushes become images by their webhooks; one definition is rewritten on the way, two are refused.

use anyhow::{Context, Result, bail};
use artifact::{Digest, chain_ids};

use super::setting::{NEW, OLD, catalog};
use crate::{facts::Fact, teller::Teller, world::World};

/// The definitions of the story.
pub struct Source {
    /// The project.
    pub project: &'static str,
    /// Its definition; `{host}` stands for the registry.
    pub definition: &'static str,
}

/// What stands on the base and is built first, because others stand on it.
pub(super) const PLATFORM: Source = Source {
    project: "platform",
    definition: "FROM {host}/base/os:10.4.8\nRUN echo platform > /etc/platform\nUSER 1000\nUSER 0\n# hadolint ignore=DL3002\nUSER 0\n",
};

/// What follows.
pub(super) const OTHERS: [Source; 5] = [
    Source {
        project: "copier",
        definition: "FROM {host}/base/tool:1\nCOPY --from={host}/base/os:10.4.8 /lib/libfix.txt /lib/libfix.txt\n",
    },
    Source { project: "plain", definition: "FROM {host}/base/os:10.4.8\nRUN echo plain > /etc/plain\n" },
    Source {
        project: "stages",
        definition: "FROM {host}/base/tool:1 AS build\nRUN mkdir -p /out && echo made > /out/made\n\nFROM {host}/base/os:10.4.8\n\
                     COPY --from=build /out/made /made\nCOPY --from={host}/base/tool:1 /opt/tool /opt/tool\n",
    },
    Source { project: "onplatform", definition: "FROM {host}/team/platform:1\nRUN echo app > /etc/app\n" },
    Source {
        project: "argument",
        definition: "ARG VERSION=10.4.8\nFROM {host}/base/os:${VERSION}\nRUN echo argument > /etc/argument\n",
    },
];

/// Written for a version that the catalog has left behind.
pub(super) const OUTDATED: Source = Source {
    project: "outdated",
    definition: "FROM {host}/base/os:10.4.8\nRUN echo outdated > /etc/outdated\n",
};

const CARELESS: Source =
    Source { project: "careless", definition: "FROM {host}/base/os:10.4.9\nRUN sudo rm -rf /tmp/x\n" };
const STRANGER: Source =
    Source { project: "stranger", definition: "# nobody knows it\nFROM example.invalid/os:1\nRUN true\n" };

pub(super) async fn all(world: &World, teller: &mut Teller) -> Result<()> {
    let built = published(world, &PLATFORM).await?;
    teller.claim(
        format_args!("platform is built by its webhook as {}", built.text("image")),
        stands_on(world, &built, OLD).await?,
    )?;
    for source in &OTHERS {
        push(world, source).await?;
    }
    for source in &OTHERS {
        let built = ended(world, source.project).await?;
        // What is copied leaves no trace in the layers; only the build's record tells of it.
        let stands = source.project == "copier" || stands_on(world, &built, OLD).await?;
        teller.claim(
            format_args!("{} is built by its webhook on {OLD} ({})", source.project, built.text("message")),
            stands && built.text("outcome") == "published",
        )?;
    }
    labelled(world, teller).await?;
    catalog(world, NEW, &[OLD]).await?;
    teller.say(format_args!("the catalog moves on: {NEW} is current, {OLD} is outdated"));
    let built = published(world, &OUTDATED).await?;
    teller.claim(
        format_args!("outdated was written for {OLD} and is built on {NEW}"),
        stands_on(world, &built, NEW).await?,
    )?;
    teller.claim(
        "its team is told with the diff",
        built.text("diff").contains("+FROM") && built.text("diff").contains(NEW),
    )?;
    refused(world, teller, &CARELESS, "line 2", "DL3004").await?;
    refused(world, teller, &STRANGER, "line 2", &format!("base/os:{NEW}")).await
}

/// Pushes a project's definition; its webhook does the rest.
pub async fn push(world: &World, source: &Source) -> Result<String> {
    let definition = source.definition.replace("{host}", world.registry.host());
    world.git.commit_and_push(source.project, &[("Dockerfile", &definition)], "A definition").await
}

/// Pushes and waits for the published build.
pub async fn published(world: &World, source: &Source) -> Result<Fact> {
    push(world, source).await?;
    let built = ended(world, source.project).await?;
    match built.text("outcome") {
        "published" => Ok(built),
        outcome => bail!("{} was {outcome}: {}", source.project, built.text("message")),
    }
}

async fn ended(world: &World, project: &str) -> Result<Fact> {
    let ended = |fact: &Fact| {
        (fact.kind == "plimsoll.build.finished" && fact.text("project") == project).then(|| fact.clone())
    };
    world.facts.wait(&format!("the build of {project} to end"), ended).await
}

async fn refused(world: &World, teller: &mut Teller, source: &Source, line: &str, hint: &str) -> Result<()> {
    push(world, source).await?;
    let built = ended(world, source.project).await?;
    let message = built.text("message").to_owned();
    let told = built.text("outcome") == "refused" && message.contains(line) && message.contains(hint);
    teller.claim(format_args!("{} is refused: {}", source.project, message.replace('\n', " | ")), told)
}

/// Whether what a build published stands on this version of the base, layer by layer.
async fn stands_on(world: &World, built: &Fact, version: &str) -> Result<bool> {
    let image = built
        .text("image")
        .parse()
        .with_context(|| format!("no image was published: {}", built.text("message")))?;
    image_stands_on(world, &image, version).await
}

/// Whether what an image's tag points at now stands on this version of the base.
pub async fn image_stands_on(world: &World, image: &artifact::ImageRef, version: &str) -> Result<bool> {
    let base = world.client.describe(&world.image(&format!("base/os:{version}"))?).await?;
    let base = base.instances.first().context("the base has no instance")?;
    let top = chain_ids(&base.layers).pop().context("the base has no layers")?;
    let image = world.client.describe(image).await?;
    Ok(image.instances.iter().all(|instance| chain_ids(&instance.layers).contains(&top)))
}

async fn labelled(world: &World, teller: &mut Teller) -> Result<()> {
    let image = world.image("team/plain:1")?;
    let described = world.client.describe(&image).await?;
    let labels = described.instances.first().map(|instance| instance.labels.clone()).unwrap_or_default();
    let base = labels.get("org.opencontainers.image.base.name").is_some_and(|name| name.ends_with(OLD));
    teller.claim(
        "its labels name base, source and revision",
        base && labels.contains_key("org.opencontainers.image.revision"),
    )?;
    let fallback = world.image(&format!("team/plain:{}", tag_of(&described.digest)))?;
    teller.claim("its provenance is attached in the registry", world.client.resolve(&fallback).await.is_ok())
}

/// The tag by which artifacts about a digest are found where a registry has no referrers API.
fn tag_of(digest: &Digest) -> String {
    format!("sha256-{}", digest.hex())
}
