//! The blanks between a keyword, flags and words: which they are, and how far they reach.
//!
//! All of them are ASCII, so they are looked for byte by byte, and a byte that is one is no part of another character. Where white
//! space of every alphabet counts, most texts have none, and one look at a byte says so.

/// `[\t\v\f\r ]`: a line feed never stands inside a line.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\x0b' | b'\x0c' | b'\r' | b' ')
}

/// How many bytes of blanks the text begins with.
pub(crate) fn leading(text: &str) -> usize {
    text.bytes().take_while(|byte| is_blank(*byte)).count()
}

/// How many bytes the word takes that the text begins with.
pub(crate) fn word(text: &str) -> usize {
    text.bytes().position(is_blank).unwrap_or(text.len())
}

/// As [`str::trim_start`].
pub(crate) fn trim_start(text: &str) -> &str {
    if text.as_bytes().first().is_some_and(u8::is_ascii_graphic) { text } else { text.trim_start() }
}

/// As [`str::trim_end`].
pub(crate) fn trim_end(text: &str) -> &str {
    if text.as_bytes().last().is_some_and(u8::is_ascii_graphic) { text } else { text.trim_end() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_every_alphabet_is_trimmed() {
        for text in ["", "a", " a ", "\u{3000}a\u{3000}", "à", "\n\u{85}", "é\u{a0}é"] {
            assert_eq!((trim_start(text), trim_end(text)), (text.trim_start(), text.trim_end()), "{text:?}");
        }
    }

    #[test]
    fn words_end_at_blanks() {
        for (text, blanks, length) in
            [("", 0, 0), ("a", 0, 1), (" \t\u{b}\u{c}\ra b", 5, 0), ("à\u{a0}b c", 0, 5), ("\n a", 0, 1)]
        {
            assert_eq!((leading(text), word(text)), (blanks, length), "{text:?}");
        }
    }
}
