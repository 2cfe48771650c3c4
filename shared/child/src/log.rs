//! What a child said, within a limit: its beginning and its end. Not a parser of it: a build may print whatever it likes.

use std::collections::VecDeque;

/// Output cut in the middle once it exceeds its limit, since the first and the last lines say most.
#[derive(Debug, Clone)]
pub struct Log {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    limit: usize,
    left_out: u64,
}

impl Log {
    /// An empty log that keeps at most `limit` bytes: half of them from the beginning, half from the end.
    pub fn new(limit: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), limit, left_out: 0 }
    }

    /// Takes more output.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = (self.limit / 2).saturating_sub(self.head.len());
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.limit - self.limit / 2);
        self.tail.drain(..excess);
        self.left_out += excess as u64;
    }

    /// Whether something was left out.
    pub fn is_cut(&self) -> bool {
        self.left_out > 0
    }

    /// The text, with a mark where something was left out. Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.is_cut() {
            bytes.extend(format!("\n[… {} bytes of output left out …]\n", self.left_out).bytes());
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_whole() {
        let mut log = Log::new(8);
        log.push(b"abc");
        log.push(b"defgh");
        assert_eq!(log.text(), "abcdefgh");
        assert!(!log.is_cut());
    }

    #[test]
    fn long_output_keeps_both_ends() {
        let mut log = Log::new(8);
        for byte in b'a'..=b'z' {
            log.push(&[byte]);
        }
        assert_eq!(log.text(), "abcd\n[… 18 bytes of output left out …]\nwxyz");
    }
}
