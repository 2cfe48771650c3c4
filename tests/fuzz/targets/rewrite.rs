//! Fuzzes the replacing of images.

#![no_main]

use fuzz::written::{BuildArgs, Text};

libfuzzer_sys::fuzz_target!(|input: (BuildArgs, [u8; 8], Text)| {
    let (build_args, answers, text) = input;
    fuzz::rewrite::check(&text.0, &build_args.0, &answers);
});
