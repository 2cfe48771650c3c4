//! Damage: what a slip of the finger or an attacker does to a file. Not what a grammar would make.

use crate::Random;

/// Pieces that mean something somewhere.
const PIECES: [&str; 26] = [
    "\\", "`", "\"", "'", "#", "<<", "<<-", "--", "=", "[", "]", ",", "$", "{", "}", "\n", "\r", "\t", " ",
    "\\\n", "`\n", "\u{a0}", "\u{feff}", "\x0b", "\x0c", "<",
];

/// The file with one to three places changed: a piece put in, a character or a line taken out, doubled, or moved.
pub fn mutate(text: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.below(3) {
        text = match random.below(5) {
            0 | 1 => put_in(&text, random),
            2 => without_character(&text, random),
            3 => doubled_line(&text, random),
            _ => without_line(&text, random),
        };
    }
    text
}

/// A boundary between two characters.
fn boundary(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn put_in(text: &str, random: &mut Random) -> String {
    let (before, behind) = text.split_at(boundary(text, random));
    let piece = random.pick(&PIECES).copied().unwrap_or_default();
    format!("{before}{piece}{behind}")
}

fn without_character(text: &str, random: &mut Random) -> String {
    let (before, behind) = text.split_at(boundary(text, random));
    let mut rest = behind.chars();
    rest.next();
    format!("{before}{}", rest.as_str())
}

fn doubled_line(text: &str, random: &mut Random) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = random.below(lines.len());
    let again = lines.get(at).into_iter();
    lines.iter().take(at).chain(again).chain(lines.iter().skip(at)).copied().collect()
}

fn without_line(text: &str, random: &mut Random) -> String {
    let lines = text.split_inclusive('\n');
    let at = random.below(lines.clone().count());
    lines.enumerate().filter(|(index, _)| *index != at).map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_every_damage_shows() {
        let text = "FROM a\nRUN größe \\\n  b\n";
        let changed = (0..500).filter(|seed| mutate(text, &mut Random::new(*seed)) != text).count();
        assert!(changed > 480, "{changed}");
        assert!((0..100).all(|seed| mutate("", &mut Random::new(seed)).len() < 20));
    }
}
