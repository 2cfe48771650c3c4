//! Chapter 5: orders that are none. Each is answered with its reason, and changes nothing.

use anyhow::Result;
use events::order;
use testkit::foreign::Outcome;

use crate::{
    facts::Fact,
    teller::Teller,
    world::{OPERATOR, OTHER, World},
};

pub(super) async fn make(world: &World, teller: &mut Teller) -> Result<()> {
    let before = bans(world).await?;
    for (what, body, reason) in [
        ("bad JSON", "{\"image\": ", "not valid"),
        ("an empty body", "", "empty"),
        ("an unknown field", r#"{"imagee":"r.io/a:1","reason":"x"}"#, "imagee"),
    ] {
        let sequence = world.order(order::BANNED, body).await?;
        let answer = |fact: &Fact| {
            (fact.kind == "plimsoll.order.rejected" && fact.number("order") == sequence)
                .then(|| fact.text("reason").to_owned())
        };
        let told = world.facts.wait("the order to be rejected", answer).await?;
        teller.claim(format_args!("{what} is rejected: {told}"), told.contains(reason))?;
    }
    let forged = world
        .person(OPERATOR)
        .send(&format!("{}.{OTHER}", order::BANNED), br#"{"image":"r.io/a:1","reason":"x"}"#)
        .await?;
    teller.claim(
        "an order under somebody else's name is refused by the broker",
        matches!(forged, Outcome::Refused(_)),
    )?;
    teller.claim("none of them changed anything", bans(world).await? == before)
}

/// The bans in force, as the status tells them.
async fn bans(world: &World) -> Result<Vec<String>> {
    let status = world.plimsoll(&["status"]).await?.success()?;
    Ok(status.lines().filter(|line| line.starts_with("ban ")).map(str::to_owned).collect())
}
