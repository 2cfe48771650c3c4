//! Fuzzes the expansion of variables and what images a file uses.

#![no_main]

use fuzz::written::{Given, Text};

libfuzzer_sys::fuzz_target!(|input: (Given, Text)| fuzz::expansion::check(&input.1.0, &input.0.0));
