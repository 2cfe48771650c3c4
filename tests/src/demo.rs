//! The demo: the whole story on real parts, told aloud; exits non-zero at the first claim that does not hold.

use std::process::ExitCode;

use tests::{
    story,
    teller::{Teller, Voice},
    world::{Wishes, World},
};

#[tokio::main]
async fn main() -> ExitCode {
    let mut teller = Teller::new(Voice::Aloud);
    teller.line("Plimsoll: one ban, and everything derived from it is refused, replaced and patched.");
    teller.say("starting a registry, a git host, a Docker daemon and the pipeline, all of them our own");
    let played = async {
        let world = World::start(Wishes::default()).await?;
        let played = story::play(&world, &mut teller).await;
        teller.say("ending everything that was started");
        world.stop().await?;
        played
    };
    match played.await {
        Ok(()) => {
            teller.line(format_args!("\nAll {} claims hold.", teller.claims()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            teller.line(format_args!("\n✗ {error:#}"));
            ExitCode::FAILURE
        }
    }
}
