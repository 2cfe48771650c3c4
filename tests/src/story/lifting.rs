//! Chapter 6: lifted, exactly what the ban covered is allowed again; banned once more, it is refused once more.

use anyhow::Result;
use events::order;
use serde_json::json;
use testkit::wait::eventually;

use super::{
    bad_day::ban_order,
    containers::{BY_HAND, CREATED},
    setting::OLD,
};
use crate::{
    teller::Teller,
    world::{STEP, World},
};

pub(super) async fn lift_and_ban(world: &World, teller: &mut Teller) -> Result<()> {
    let base = world.image(&format!("base/os:{OLD}"))?.to_string();
    let lift = json!({"image": base, "reason": "a mistake"}).to_string();
    world.order_accepted(order::LIFTED, &lift).await?;
    for image in [world.image(BY_HAND)?.to_string(), base.clone()] {
        let allowed =
            async || world.plimsoll(&["check", &image]).await.is_ok_and(|finished| finished.code == Some(0));
        eventually(format_args!("{image} to be allowed"), STEP, allowed).await?;
        teller.claim(format_args!("{image} is allowed again"), true)?;
    }
    let started = world.docker.docker(&["start", CREATED]).await?;
    teller.claim("the container that was refused starts", started.code == Some(0))?;
    let ban = world.order_accepted(order::BANNED, &ban_order(world)?).await?;
    let image = world.image(BY_HAND)?.to_string();
    let refused =
        async || world.plimsoll(&["check", &image]).await.is_ok_and(|finished| finished.code == Some(1));
    eventually("the new ban to be in force", STEP, refused).await?;
    teller.claim(format_args!("banned once more as order {ban}, it is refused once more"), true)
}
