//! The doors that no definition shows, on a real registry: what bases bring in by their ONBUILD triggers, and what stands on no base at all.

use anyhow::{Context, Result, ensure};
use artifact::ImageRef;
use events::order;
use serde_json::{Value, json};
use testkit::image::{Image, ImageRecipe};
use tests::{apart::enforcing, facts::Fact, images};

use super::yard::Yard;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_base_brings_in_by_its_triggers_is_held_to_the_catalog() {
    let _machine = super::machine().await;
    let yard = Yard::start().await.unwrap();
    if let Err(error) = play(&yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

/// A version of the base that copies from `image` in every build on it.
fn copying(image: &ImageRef) -> Result<ImageRecipe> {
    Ok(images::base("1")?.trigger(&format!("COPY --from={image} /opt/tool /opt/tool")))
}

async fn pushed(yard: &Yard, name: &str, image: Image) -> Result<ImageRef> {
    let reference = yard.registry.image(name)?;
    image.push(&yard.client, &reference).await?;
    Ok(reference)
}

async fn play(yard: &Yard) -> Result<()> {
    let os = pushed(yard, "base/os:1", images::base("1")?.make()?).await?;
    let tool = pushed(yard, "base/tool:1", images::tool()?.make()?).await?;
    let foreign = pushed(yard, "outside/tool:1", images::tool()?.label("a", "b").make()?).await?;
    let kit = pushed(yard, "base/kit:1", copying(&tool)?.make()?).await?;
    let trap = pushed(yard, "base/trap:1", copying(&foreign)?.make()?).await?;
    // Only the instance for another platform has the trigger.
    let elsewhere = copying(&foreign)?.platform("linux/arm64".parse()?).make()?;
    let mixed = pushed(yard, "base/mixed:1", Image::index(&[images::base("1")?.make()?, elsewhere])).await?;
    let abroad = images::base("1")?.platform("linux/s390x".parse()?).make()?;
    let abroad = pushed(yard, "base/abroad:1", abroad).await?;
    let bases: Vec<Value> = [&os, &tool, &kit, &trap, &mixed, &abroad]
        .map(|image| json!({"repository": image.repository().to_string(), "current": "1"}))
        .into();
    yard.order(order::CATALOG, json!({"section": "bases", "bases": bases})).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    trapped(yard, "trapped", &trap, &foreign).await?;
    trapped(yard, "mixed", &mixed, &foreign).await?;
    bare(yard, &os).await?;
    for_another_platform(yard, &abroad).await?;
    helped(yard, &kit, &tool).await
}

/// A catalogued base that brings in what the catalog does not list.
async fn trapped(yard: &Yard, project: &str, base: &ImageRef, foreign: &ImageRef) -> Result<()> {
    let built = yard.build(project, &format!("# all is well\nFROM {base}\nRUN echo x > /x\n")).await?;
    let message = built.text("message");
    ensure!(built.text("outcome") == "refused", "{message}");
    let trigger = format!("ONBUILD COPY --from={foreign} /opt/tool /opt/tool");
    for part in ["line 2", &base.to_string(), &trigger, "the nearest allowed base is"] {
        ensure!(message.contains(part), "`{part}` is missing in: {message}");
    }
    // The scan's own fact says so too, after the one in which nobody had read the base yet.
    let scans = yard.facts.of("plimsoll.scan.finished");
    let of_it: Vec<&Fact> = scans.iter().filter(|fact| fact.text("project") == project).collect();
    let refused = |fact: &Fact| fact.body.get("refused").and_then(Value::as_bool).unwrap_or_default();
    ensure!(of_it.iter().map(|fact| refused(fact)).collect::<Vec<_>>() == [false, true], "{of_it:?}");
    let last = of_it.last().context("no scan")?;
    ensure!(
        last.text("build") == built.text("build") && last.body.to_string().contains(&trigger),
        "{last:?}"
    );
    Ok(())
}

/// A root file system from no image.
async fn bare(yard: &Yard, os: &ImageRef) -> Result<()> {
    let built = yard.build("bare", "FROM scratch\nADD rootfs.tar /\n").await?;
    let message = built.text("message");
    ensure!(built.text("outcome") == "refused" && message.contains("root file system"), "{message}");
    ensure!(message.contains(os.repository().host()), "no base is named: {message}");
    Ok(())
}

/// A base that is for another platform, where a policy says that this refuses: only whoever read the base knows.
async fn for_another_platform(yard: &Yard, base: &ImageRef) -> Result<()> {
    let policy = json!({"name": "ours", "deny": ["InvalidBaseImagePlatform"], "projects": ["abroad"]});
    yard.order(order::POLICY, policy).await?;
    let built = yard.build("abroad", &format!("FROM {base}\nCMD [\"/x\"]\n")).await?;
    let message = built.text("message");
    ensure!(built.text("outcome") == "refused", "{message}");
    ensure!(message.contains("is for linux/s390x, and linux/"), "{message}");
    Ok(())
}

/// What is allowed is built, is recorded as what it is made of, and is found by a ban.
async fn helped(yard: &Yard, kit: &ImageRef, tool: &ImageRef) -> Result<()> {
    let built = yard.build("helped", &format!("FROM {kit}\nRUN grep -q 'a tool' /opt/tool\n")).await?;
    ensure!(built.text("outcome") == "published", "{}", built.text("message"));
    let inputs = built.body.get("inputs").and_then(Value::as_array).context("no inputs")?;
    let text =
        |input: &Value, field: &str| input.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let copied =
        inputs.iter().find(|input| text(input, "role") == "copy").context("what was copied is not told")?;
    ensure!(text(copied, "written").starts_with("ONBUILD COPY --from="), "{copied}");
    ensure!(text(copied, "used").starts_with(&format!("{tool}@sha256:")), "{copied}");
    let ban = json!({"image": tool.to_string(), "reason": "the tool lets anybody in", "severity": "high"});
    let ban = yard.order(order::BANNED, ban).await?;
    let reached = |fact: &Fact| {
        let own = fact.kind == "plimsoll.image.invalidated" && fact.number("ban") == ban;
        (own && fact.text("repository").ends_with("team/helped")).then_some(())
    };
    yard.facts.wait("the ban to reach what the trigger copied into", reached).await?;
    Ok(())
}
