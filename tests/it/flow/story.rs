//! The demo's story, told silently: every claim in it is a test.

use tests::{
    story,
    teller::{Teller, Voice},
    world::{Wishes, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_ban_and_everything_derived_is_refused_replaced_and_patched() {
    let _machine = super::machine().await;
    let world = World::start(Wishes::default()).await.unwrap();
    let mut teller = Teller::new(Voice::Silent);
    if let Err(error) = story::play(&world, &mut teller).await {
        panic!("{error:#}\n{}", world.up.log());
    }
    world.stop().await.unwrap();
    assert!(teller.claims() > 50, "only {} claims were made", teller.claims());
}
