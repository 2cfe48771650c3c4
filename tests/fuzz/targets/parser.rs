//! Fuzzes reading; the texts are raw bytes.

#![no_main]

use dockerfile::Dockerfile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match Dockerfile::text_of(bytes) {
        Ok(text) => fuzz::parser::check(text),
        Err(error) => {
            assert!(error.offset < bytes.len() && error.line >= 1);
            fuzz::parser::check(&String::from_utf8_lossy(bytes));
        }
    }
});
