//! Globs: `*` is any run of characters, `?` is one. Matching is bounded by the product of both lengths.

/// A glob over ASCII text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(String);

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.captures(text).is_some()
    }

    /// What each `*` and `?` stands for, in order; none where the text does not match. A `*` takes as little as it can.
    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (glob, bytes) = (self.0.as_bytes(), text.as_bytes());
        let width = bytes.len() + 1;
        // reached[g][t]: the rest of the glob from g matches the rest of the text from t.
        let mut reached = vec![vec![false; width + 1]; glob.len() + 1];
        let at = |table: &Vec<Vec<bool>>, g: usize, t: usize| {
            table.get(g).and_then(|row| row.get(t)).copied().unwrap_or_default()
        };
        for g in (0..=glob.len()).rev() {
            for t in (0..width).rev() {
                let holds = match glob.get(g) {
                    None => t == bytes.len(),
                    Some(b'*') => at(&reached, g + 1, t) || (t < bytes.len() && at(&reached, g, t + 1)),
                    Some(b'?') => t < bytes.len() && at(&reached, g + 1, t + 1),
                    Some(own) => bytes.get(t) == Some(own) && at(&reached, g + 1, t + 1),
                };
                if let Some(cell) = reached.get_mut(g).and_then(|row| row.get_mut(t)) {
                    *cell = holds;
                }
            }
        }
        if !at(&reached, 0, 0) {
            return None;
        }
        let mut captured = Vec::new();
        let mut t = 0;
        for (g, own) in glob.iter().enumerate() {
            let start = t;
            match own {
                b'*' => {
                    while !at(&reached, g + 1, t) {
                        t += 1;
                    }
                    captured.push(text.get(start..t)?);
                }
                _ => {
                    t += 1;
                    captured.extend((*own == b'?').then(|| text.get(start..t)).flatten());
                }
            }
        }
        Some(captured)
    }

    /// A text that both globs match, if there is one.
    pub(crate) fn common(&self, other: &Self) -> Option<String> {
        let (one, two) = (self.0.as_bytes(), other.0.as_bytes());
        let width = two.len() + 1;
        // For each pair of places: from which pair it was reached first, and the byte that was written on the way.
        let mut reached: Vec<Option<(usize, Option<u8>)>> = vec![None; (one.len() + 1) * width];
        let mut open = vec![(0, 0, 0, None)];
        while let Some((i, j, from, wrote)) = open.pop() {
            let place = i * width + j;
            match reached.get_mut(place) {
                Some(first) if first.is_none() => *first = Some((from, wrote)),
                _ => continue,
            }
            // Where both leave the choice, any letter of a tag will do.
            let letter = |byte: u8| Some(if byte == b'?' { b'x' } else { byte });
            match (one.get(i).copied(), two.get(j).copied()) {
                (None, None) => return written(&reached, place),
                (Some(b'*'), Some(b'*')) => open.extend([(i + 1, j, place, None), (i, j + 1, place, None)]),
                (Some(b'*'), behind) => {
                    open.extend(behind.map(|byte| (i, j + 1, place, letter(byte))));
                    open.push((i + 1, j, place, None));
                }
                (behind, Some(b'*')) => {
                    open.extend(behind.map(|byte| (i + 1, j, place, letter(byte))));
                    open.push((i, j + 1, place, None));
                }
                (Some(a), Some(b)) if a == b || a == b'?' || b == b'?' => {
                    open.push((i + 1, j + 1, place, letter(if a == b'?' { b } else { a })));
                }
                _ => {}
            }
        }
        None
    }
}

/// What was written on the way to `place`.
fn written(reached: &[Option<(usize, Option<u8>)>], mut place: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while place > 0 {
        let (from, wrote) = (*reached.get(place)?)?;
        bytes.extend(wrote);
        place = from;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(glob: &str, text: &str, expected: Option<&[&str]>) {
        assert_eq!(Glob::new(glob).captures(text).as_deref(), expected, "{glob} on {text}");
    }

    #[test]
    fn stars_and_marks_stand_for_what_they_match() {
        check("10.4.*", "10.4.9-slim", Some(&["9-slim"]));
        check("10.4.*", "10.5.0", None);
        check("*", "", Some(&[""]));
        check("a*b*c", "aXbYbc", Some(&["X", "Yb"]));
        check("?.?", "1.2", Some(&["1", "2"]));
        check("?.?", "1.23", None);
        check("latest", "latest", Some(&[]));
        check(&"*a".repeat(100), &"a".repeat(90), None);
    }

    #[test]
    fn two_globs_meet_where_a_text_matches_both() {
        for (one, other, meet) in [
            ("a*", "*b", true),
            ("a*c", "ab*", true),
            ("a?", "?b", true),
            ("1.*", "2.*", false),
            ("a*b", "a*c", false),
            ("*.io/x:*", "r.*/x:1", true),
            ("abc", "a*d", false),
        ] {
            let (one, other) = (Glob::new(one), Glob::new(other));
            let common = one.common(&other);
            assert_eq!(common.is_some(), meet, "{one:?} and {other:?}");
            assert!(common.iter().all(|text| one.matches(text) && other.matches(text)), "{common:?}");
        }
    }
}
