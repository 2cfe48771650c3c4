//! What a `.dockerignore` leaves out. Not the context itself: paths are judged by their names.
//!
//! Patterns as Docker documents them: `*` and `?` within a name, `[…]`, `**` for any number of folders; what a pattern names is left out
//! with all that is in it; `#` begins a comment.

/// The patterns of one file.
pub(super) struct Ignored<'a>(Vec<Vec<&'a str>>);

impl<'a> Ignored<'a> {
    /// The patterns; none if there are exceptions among them, since then names alone say too little.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let lines =
            text.lines().filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty());
        let patterns: Vec<&str> = lines.collect();
        let exceptions = patterns.iter().any(|pattern| pattern.starts_with('!'));
        (!exceptions).then(|| Self(patterns.iter().map(|pattern| parts(pattern)).collect()))
    }

    /// Whether this path, or a folder it is in, is left out.
    pub(super) fn holds(&self, path: &str) -> bool {
        let path = parts(path);
        if path.is_empty() {
            // The context as a whole.
            return self.0.iter().any(|pattern| matches!(pattern.as_slice(), ["*" | "**"] | ["**", "*"]));
        }
        self.0.iter().any(|pattern| holds(pattern, &path))
    }
}

/// The names in a path, `.` and empty ones left out, `..` carried out.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// Whether the pattern names the path or a folder that it is in. Row by row: how far into the path the pattern so far reaches.
fn holds(pattern: &[&str], path: &[&str]) -> bool {
    let mut reaches = vec![false; path.len() + 1];
    if let Some(first) = reaches.first_mut() {
        *first = true;
    }
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        let mut any = false;
        for (at, reached) in reaches.iter().enumerate() {
            any |= reached;
            if *part == "**" {
                if let Some(place) = next.get_mut(at) {
                    *place = any;
                }
            } else if let (true, Some(name)) = (*reached, path.get(at))
                && let Some(place) = next.get_mut(at + 1)
            {
                *place = name_matches(part, name);
            }
        }
        reaches = next;
    }
    reaches.iter().skip(1).any(|reaches| *reaches)
}

/// One name against one part of a pattern, going back to the last `*` only.
fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match one(pattern.get(p..).unwrap_or_default(), name.get(n).copied().unwrap_or_default()) {
            Step::Star => {
                star = Some((p + 1, n));
                p += 1;
            }
            Step::Takes(length) => {
                p += length;
                n += 1;
            }
            Step::Fails => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    p = behind;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

enum Step {
    Star,
    /// So much of the pattern takes the character.
    Takes(usize),
    Fails,
}

fn one(pattern: &[char], c: char) -> Step {
    match pattern {
        ['*', ..] => Step::Star,
        ['?', ..] => Step::Takes(1),
        ['\\', escaped, ..] if *escaped == c => Step::Takes(2),
        ['[', rest @ ..] => {
            let Some(end) = rest.iter().position(|c| *c == ']') else { return Step::Fails };
            let set = rest.get(..end).unwrap_or_default();
            let (set, negated) = match set {
                ['^', set @ ..] => (set, true),
                set => (set, false),
            };
            let range =
                set.windows(3).any(|range| matches!(range, [low, '-', high] if (*low..=*high).contains(&c)));
            if (set.contains(&c) || range) == negated { Step::Fails } else { Step::Takes(end + 2) }
        }
        [own, ..] if *own == c => Step::Takes(1),
        _ => Step::Fails,
    }
}
