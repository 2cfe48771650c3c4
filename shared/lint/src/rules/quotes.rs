//! A word without the quotes around it. Not a shell: quotes inside it stay.

/// The word without quotes of either kind at its ends, closed or not.
pub(super) fn bare(word: &str) -> &str {
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
    // Most words have none.
    if is_quote(word.as_bytes().first()) || is_quote(word.as_bytes().last()) {
        word.trim_matches(['"', '\''])
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn quotes_go_from_both_ends() {
        for (word, expected) in
            [("", ""), ("a", "a"), ("\"a'b\"", "a'b"), ("a'", "a"), ("'a", "a"), ("\"'\"", "")]
        {
            assert_eq!(bare(word), expected, "{word}");
        }
    }
}
