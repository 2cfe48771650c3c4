//! The story: what happens, in its order, and what is claimed of it. Each chapter is a file.

mod bad_day;
mod builds;
mod containers;
mod lifting;
mod mistakes;
mod setting;
mod table;

pub use bad_day::stored_at;
pub use builds::{Source, image_stands_on, published, push};
pub use setting::{bases, catalog, doors, policy, project};

use std::time::Duration;

use anyhow::Result;

use crate::{teller::Teller, world::World};

/// What the last chapter tells in its table.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// From the ban's publication until the slowest door refused.
    pub refused: Duration,
    /// From the ban's publication until the last running container was patched.
    pub patched: Duration,
    /// From the ban's publication until the last image was replaced.
    pub replaced: Duration,
    /// Images that the ban covered.
    pub images: u64,
    /// Containers that were patched.
    pub containers: usize,
    /// Builds that the ban caused.
    pub builds: usize,
    /// What was left over.
    pub stragglers: Vec<String>,
}

/// Plays the whole story; fails at the first claim that does not hold.
pub async fn play(world: &World, teller: &mut Teller) -> Result<()> {
    teller.chapter("1. Operations set the stage");
    setting::set(world, teller).await?;
    teller.chapter("2. Teams push, and the pipeline builds");
    builds::all(world, teller).await?;
    teller.chapter("3. Containers run");
    containers::start(world, teller).await?;
    teller.chapter("4. Base 10.4.8 is banned");
    let times = bad_day::ban(world, teller).await?;
    teller.chapter("5. Orders that are none");
    mistakes::make(world, teller).await?;
    teller.chapter("6. The ban is lifted, and comes back");
    lifting::lift_and_ban(world, teller).await?;
    teller.chapter("7. What it came to");
    table::show(teller, &times);
    Ok(())
}
