//! One call and how its words are looked at. Not which words mean what: that is each rule's business.
//!
//! Flags as hadolint sees them: `--name` and `--name=value` are `name`, `-abc` is `a`, `b` and `c`; a rule that asks for `y` is content
//! with any of them. `-` and `--` are no flags.

use std::borrow::Cow;

/// A call: the program's name and its words, quotes removed. Expansions stay in the words, `$name` as `${name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command<'a> {
    pub(crate) program: Cow<'a, str>,
    pub(crate) words: Vec<Cow<'a, str>>,
}

impl<'a> Command<'a> {
    /// The call that words make; none if the program is not known by its name.
    pub(super) fn of(words: Vec<Cow<'a, str>>) -> Option<Self> {
        let mut words = words.into_iter();
        let mut program = words.next()?;
        match program.as_ref() {
            // What these call is what is called.
            "command" | "builtin" | "busybox" | "run" => program = words.next().unwrap_or(program),
            "exec" => {
                let mut next = words.next();
                while let Some(flag) = next.as_deref().filter(|word| word.starts_with('-')) {
                    if flag == "-a" {
                        words.next();
                    }
                    next = words.next();
                }
                program = next.unwrap_or(program);
            }
            _ => {}
        }
        (!program.contains(['$', '`'])).then(|| Self { program, words: words.collect() })
    }

    pub(super) fn into_owned<'b>(self) -> Command<'b> {
        let owned = |word: Cow<'_, str>| Cow::Owned(word.into_owned());
        Command { program: owned(self.program), words: self.words.into_iter().map(owned).collect() }
    }

    /// The words that are no flags.
    pub(crate) fn operands(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(AsRef::as_ref).filter(|word| !is_flag(word))
    }

    /// The words that are no flags, nor values of the flags named.
    pub(crate) fn operands_besides<'s>(&'s self, takes_value: &'s [&str]) -> impl Iterator<Item = &'s str> {
        let mut is_value = false;
        self.words.iter().map(AsRef::as_ref).filter(move |word| {
            if is_flag(word) {
                is_value = !word.contains('=') && flag_is_one_of(word, takes_value);
                return false;
            }
            !std::mem::take(&mut is_value)
        })
    }

    /// Whether one of the words is exactly this.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    /// Whether one of the words is exactly one of these.
    pub(crate) fn has_one_of(&self, words: &[&str]) -> bool {
        self.words.iter().any(|own| words.contains(&own.as_ref()))
    }

    /// Whether it has one of these flags.
    pub(crate) fn has_flag(&self, names: &[&str]) -> bool {
        self.words.iter().any(|word| is_flag(word) && flag_is_one_of(word, names))
    }

    /// How often it has this flag.
    pub(crate) fn count_of_flag(&self, name: &str) -> usize {
        let of_word = |word: &Cow<'_, str>| match flags_of(word) {
            Flags::Long(long) => usize::from(long == name),
            Flags::Short(letters) => letters.chars().filter(|letter| is_letter(*letter, name)).count(),
        };
        self.words.iter().filter(|word| is_flag(word)).map(of_word).sum()
    }

    /// The words right behind each of these flags, if they are no flags themselves.
    pub(crate) fn values_of<'s>(&'s self, names: &'s [&str]) -> impl Iterator<Item = &'s str> {
        let pairs = self.words.iter().zip(self.words.iter().skip(1));
        pairs
            .filter(|(flag, value)| {
                is_flag(flag) && !flag.contains('=') && !is_flag(value) && flag_is_one_of(flag, names)
            })
            .map(|(_, value)| value.as_ref())
    }
}

enum Flags<'a> {
    Long(&'a str),
    Short(&'a str),
}

fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word != "-" && word != "--"
}

fn flags_of(word: &str) -> Flags<'_> {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    match name.strip_prefix("--") {
        Some(long) => Flags::Long(long),
        None => Flags::Short(name.strip_prefix('-').unwrap_or(name)),
    }
}

fn flag_is_one_of(word: &str, names: &[&str]) -> bool {
    match flags_of(word) {
        Flags::Long(long) => names.contains(&long),
        Flags::Short(letters) => {
            letters.chars().any(|letter| names.iter().any(|name| is_letter(letter, name)))
        }
    }
}

fn is_letter(letter: char, name: &str) -> bool {
    let mut characters = name.chars();
    characters.next() == Some(letter) && characters.next().is_none()
}
