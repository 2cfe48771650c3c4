//! Chapter 1: bases in the registry, the catalog, the remedy, the doors, and who builds what: all of it as orders.

use anyhow::Result;
use events::order;
use serde_json::json;
use testkit::wait::eventually;

use crate::{
    images,
    teller::Teller,
    world::{STEP, World},
};

/// The versions of the base.
pub(super) const OLD: &str = "10.4.8";
/// The version that mends what the old one has.
pub(super) const NEW: &str = "10.4.9";

/// Every project of the story: its name, and whether the strict policy holds for it.
const PROJECTS: &[&str] =
    &["platform", "plain", "stages", "onplatform", "argument", "copier", "outdated", "careless", "stranger"];

pub(super) async fn set(world: &World, teller: &mut Teller) -> Result<()> {
    bases(world).await?;
    teller.claim(
        format_args!("bases {OLD} and {NEW}, of three layers each, and a tool image are in the registry"),
        true,
    )?;
    catalog(world, OLD, &[]).await?;
    doors(world, "enforce").await?;
    policy(world).await?;
    for name in PROJECTS {
        project(world, name).await?;
    }
    teller.claim("catalog, remedy, doors, policy and projects are applied as orders and accepted", true)?;
    indexed(world).await?;
    teller.claim("the catalogued bases are indexed before anything is banned", true)?;
    Ok(())
}

/// Pushes the bases.
pub async fn bases(world: &World) -> Result<()> {
    for version in [OLD, NEW] {
        let recipe = images::base(version)?;
        recipe.make()?.push(&world.client, &world.image(&format!("base/os:{version}"))?).await?;
    }
    images::tool()?.make()?.push(&world.client, &world.image("base/tool:1")?).await?;
    Ok(())
}

/// Applies the catalog with one current version.
pub async fn catalog(world: &World, current: &str, outdated: &[&str]) -> Result<()> {
    let host = world.registry.host();
    let allowed: Vec<&str> =
        [OLD, NEW].into_iter().filter(|version| *version != current && !outdated.contains(version)).collect();
    let bases = json!({"section": "bases", "bases": [
        {"repository": format!("{host}/base/os"), "current": current, "allowed": allowed, "outdated": outdated},
        {"repository": format!("{host}/base/tool"), "current": "1"},
    ]});
    world.order_accepted(order::CATALOG, &bases.to_string()).await?;
    // It leaves a line for each run, so that a second one would be seen.
    let argv = ["/bin/sh", "-c", "echo patched >> /patched"];
    let remedies =
        json!({"section": "remedies", "remedies": [{"name": "patch", "argv": argv, "timeoutSeconds": 20}]});
    world.order_accepted(order::CATALOG, &remedies.to_string()).await?;
    Ok(())
}

/// Sets every door to one mode.
pub async fn doors(world: &World, mode: &str) -> Result<()> {
    let doors = json!({"section": "doors", "doors": {
        "from": mode, "push": mode, "pull": mode, "create": mode, "start": mode, "check": mode,
    }});
    world.order_accepted(order::CATALOG, &doors.to_string()).await?;
    Ok(())
}

/// Applies the policy that the projects name.
pub async fn policy(world: &World) -> Result<()> {
    let policy = json!({"name": "house", "failOn": "error", "deny": ["DL3004"], "ignore": ["DL3006"]});
    world.order_accepted(order::POLICY, &policy.to_string()).await?;
    Ok(())
}

/// Creates a project's repository and applies the project.
pub async fn project(world: &World, name: &str) -> Result<()> {
    let source = world.git.create(name).await?;
    let project = json!({
        "name": name,
        "source": source,
        "branch": testkit::git::BRANCH,
        "image": world.image(&format!("team/{name}:1"))?.to_string(),
        "policy": "house",
        "webhook": world.notices.url(),
    });
    world.order_accepted(order::PROJECT, &project.to_string()).await?;
    Ok(())
}

async fn indexed(world: &World) -> Result<()> {
    let wanted = [world.image(&format!("base/os:{OLD}"))?, world.image(&format!("base/os:{NEW}"))?];
    let all = async || {
        let indexed: Vec<String> = world
            .facts
            .of("plimsoll.base.indexed")
            .iter()
            // With the digest that the tag pointed at.
            .filter_map(|fact| Some(fact.text("reference").split_once('@')?.0.to_owned()))
            .collect();
        wanted.iter().all(|image| indexed.contains(&image.to_string()))
    };
    eventually("the bases to be indexed", STEP, all).await
}
