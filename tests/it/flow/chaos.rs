//! The chaos run in miniature: 40 s of faults that a fixed seed plans. `just soak chaos` runs for longer, with seeds of its own.

use std::{path::PathBuf, time::Duration};

use tests::chaos::{
    run::{Options, run},
    schedule::{Fault, schedule},
};

/// It plans a fault of each sort: a signal, a broker that ends, a disk, a link, and a peer that does not answer.
const SEED: u64 = 29_557;
const LENGTH: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_claim_holds_while_everything_fails() {
    let _machine = super::machine().await;
    let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chaos");
    let report = run(&Options { seed: SEED, length: LENGTH, kinds: Fault::all(), logs }).await.unwrap();
    assert!(report.holds(), "{report}");
}

#[test]
fn the_seed_plans_a_fault_of_each_sort() {
    let planned = schedule(SEED, LENGTH, &Fault::all());
    let planned: Vec<String> = planned.iter().map(|planned| planned.fault.to_string()).collect();
    for sort in ["link", "disk", "broker", "registry"] {
        assert!(planned.iter().any(|fault| fault.contains(sort)), "no {sort} in {planned:?}");
    }
}
