//! Fuzzes patches: two texts from the same few lines.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    // Few lines, so that many are alike; some of them without an ending.
    let line = |byte: &u8| {
        ["a\n", "b\n", "FROM x\n", "\r", "\\ y\n", "@@\n", "c", "\n", "-d\n", "+e\n"][usize::from(*byte) % 10]
    };
    let (old, new) = bytes.split_at(usize::from(cut) * bytes.len() / 256);
    let text = |bytes: &[u8]| bytes.iter().map(line).collect::<String>();
    fuzz::diff::check(&text(old), &text(new));
});
