//! Fuzzes the reading of image references.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| fuzz::reference::check(text));
