//! What an answer has room for: the broker takes no message of more than 1 MiB, whatever was ordered. Not what is worth telling first: whoever answers asks in
//! that order.

/// Half of what the broker takes: the estimate below leaves out names of fields and what an escape takes.
const ANSWER_BYTES: usize = 512 << 10;
/// What one entry takes beside its texts: names of fields, numbers and times.
const ENTRY_BYTES: usize = 512;
/// Names in one list; more would not be read.
const NAMED: usize = 50;

/// The room that is left.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Room {
    pub(super) fn whole() -> Self {
        Self(ANSWER_BYTES)
    }

    /// A part of it, which whoever asks later does not have.
    pub(super) fn part(&mut self, of: usize) -> Self {
        let part = self.0.checked_div(of).unwrap_or_default();
        self.0 = self.0.saturating_sub(part);
        Self(part)
    }

    /// As many of `entries` as there is room for, from the first on, and how many are left out.
    pub(super) fn take<T>(
        &mut self,
        entries: impl Iterator<Item = T>,
        texts: impl Fn(&T) -> usize,
    ) -> (Vec<T>, u32) {
        let (mut taken, mut left) = (Vec::new(), 0_u32);
        for entry in entries {
            let bytes = texts(&entry);
            if left == 0 && bytes <= self.0 {
                self.0 = self.0.saturating_sub(bytes);
                taken.push(entry);
            } else {
                left = left.saturating_add(1);
            }
        }
        (taken, left)
    }
}

/// What an entry with these texts takes.
pub(super) fn entry<'t>(texts: impl IntoIterator<Item = &'t str>) -> usize {
    texts.into_iter().map(line).fold(ENTRY_BYTES, usize::saturating_add)
}

/// What one line takes, written as JSON: a control character becomes six.
pub(super) fn line(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| *byte < b' ' || b"\"\\".contains(byte)).count();
    text.len().saturating_add(escaped.saturating_mul(5)).saturating_add(4)
}

/// The first names, and how many more there are.
pub(super) fn named(mut names: Vec<String>) -> Vec<String> {
    let more = names.len().saturating_sub(NAMED);
    if more > 0 {
        names.truncate(NAMED);
        names.push(format!("{more} more"));
    }
    names
}
