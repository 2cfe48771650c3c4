//! Fuzzes the expansion of variables and what images a file uses.

#![no_main]

use fuzz::written::{BuildArgs, Text};

libfuzzer_sys::fuzz_target!(|input: (BuildArgs, Text)| fuzz::expansion::check(&input.1.0, &input.0.0));
