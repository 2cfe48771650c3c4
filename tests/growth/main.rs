//! What is done with a definition grows with its text and not faster: counted in bytes asked of the allocator, not in time, so that a
//! busy machine says the same as an idle one. What costs time and no memory is measured by `just bench hostile`.
//!
//! A program of its own: it counts for the whole process.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::hostile::{Shape, Work, shapes};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The shorter text. Its work must be more than what any text costs.
const LENGTH: usize = 2 * 1024;
/// How much more bytes a text of four times the length may take: four times, and what growing buffers take in jumps.
const MOST_GROWTH: f64 = 4.7;
/// What a byte of text may take, all copies and all findings about it together.
const MOST_BYTES_A_BYTE: usize = 6_000;

/// The bytes that the work on this text takes.
fn bytes(work: &Work, shape: &Shape, length: usize) -> usize {
    let text = shape.of_length(length);
    let linter = work.linter();
    let region = Region::new(COUNTED);
    work.on(&linter, &text);
    let taken = region.change();
    taken.bytes_allocated
}

#[test]
fn memory_grows_with_the_text_and_not_faster() {
    let work = Work::new();
    let mut wrong = Vec::new();
    for shape in shapes() {
        let (short, long) = (bytes(&work, &shape, LENGTH), bytes(&work, &shape, 4 * LENGTH));
        let growth = long as f64 / short as f64;
        let each = long / (4 * LENGTH);
        if growth > MOST_GROWTH || each > MOST_BYTES_A_BYTE {
            wrong.push(format!(
                "{} times, {each} bytes a byte: {}",
                (growth * 10.0).round() / 10.0,
                shape.name()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} shapes:\n{}", wrong.len(), shapes().len(), wrong.join("\n"));
}
