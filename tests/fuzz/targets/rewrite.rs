//! Fuzzes the replacing of images.

#![no_main]

use fuzz::written::{Given, Text};

libfuzzer_sys::fuzz_target!(|input: (Given, [u8; 8], Text)| {
    let (given, answers, text) = input;
    fuzz::rewrite::check(&text.0, &given.0, &answers);
});
