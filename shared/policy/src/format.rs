//! `sprintf` as OPA has it, which is Go's `fmt`: whatever is written, it yields a text, and says inside it what does not fit. The
//! engine's own gives up on much of it, and a `deny` whose message cannot be made would be a yes. What is not done here either is an
//! error, so that such a policy has no verdict.
//!
//! Known differences: a number that is whole is one to the engine however it was written (`1.0`); `%+q` escapes no more than `%q`, and a sign or a width behind `[n]`
//! is heard where Go says BADINDEX.
//!
//! Grammar (Go, `fmt`): `%`, flags of `+-# 0`, width and precision as numbers or `*`, `[n]` for the n-th argument, a verb.

use regorus::Value;

/// Go takes no wider field, nor a longer precision.
const WIDEST: usize = 1_000_000;

/// What OPA gives Go for a value: whole numbers, other numbers, texts; anything else as its text.
enum Argument {
    Whole(String),
    Broken(f64),
    Text(String),
}

/// One `%…` as it is read.
#[derive(Default)]
struct Directive {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// The text that `pattern` makes of the arguments; what it cannot make where that is so.
pub(crate) fn sprintf<'v>(
    pattern: &str,
    arguments: impl IntoIterator<Item = &'v Value>,
) -> Result<String, String> {
    let arguments: Vec<Argument> = arguments.into_iter().map(Argument::of).collect();
    let mut formatter =
        Formatter { rest: pattern, arguments: &arguments, next: 0, reordered: false, out: String::new() };
    while let Some((before, behind)) = formatter.rest.split_once('%') {
        formatter.out.push_str(before);
        formatter.rest = behind;
        formatter.directive()?;
    }
    let Formatter { rest, next, reordered, mut out, .. } = formatter;
    out.push_str(rest);
    let left = arguments.get(next..).unwrap_or_default();
    if !reordered && !left.is_empty() {
        let left: Vec<String> = left.iter().map(|left| format!("{}={}", left.kind(), left.plain())).collect();
        out.push_str(&format!("%!(EXTRA {})", left.join(", ")));
    }
    Ok(out)
}

struct Formatter<'a> {
    rest: &'a str,
    arguments: &'a [Argument],
    next: usize,
    /// Whether arguments were named by their number: then none is one too many.
    reordered: bool,
    out: String,
}

impl Formatter<'_> {
    fn directive(&mut self) -> Result<(), String> {
        let mut directive = Directive::default();
        while let Some(flag) = self.rest.chars().next() {
            match flag {
                '-' => directive.minus = true,
                '+' => directive.plus = true,
                '#' => directive.sharp = true,
                ' ' => directive.space = true,
                '0' => directive.zero = true,
                _ => break,
            }
            self.take(flag);
        }
        let mut in_range = self.numbered()?;
        if self.take('*') {
            match self.size() {
                Some(size) => {
                    directive.minus |= size < 0;
                    directive.width = usize::try_from(size.unsigned_abs()).ok();
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
        } else {
            directive.width = self.number();
        }
        if self.take('.') {
            in_range &= self.numbered()?;
            if self.take('*') {
                match self.size() {
                    Some(size) => directive.precision = usize::try_from(size).ok(),
                    None => self.out.push_str("%!(BADPREC)"),
                }
            } else {
                directive.precision = Some(self.number().unwrap_or(0));
            }
        }
        in_range &= self.numbered()?;
        if directive.width.max(directive.precision).is_some_and(|size| size > WIDEST) {
            return Err(format!("a field is wider than {WIDEST}"));
        }
        let Some(verb) = self.rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return Ok(());
        };
        self.take(verb);
        let argument = self.arguments.get(self.next);
        match (verb, argument) {
            ('%', _) => self.out.push('%'),
            (_, _) if !in_range => self.out.push_str(&format!("%!{verb}(BADINDEX)")),
            (_, None) => self.out.push_str(&format!("%!{verb}(MISSING)")),
            (_, Some(argument)) => {
                self.next += 1;
                self.out.push_str(&argument.shown(verb, &directive)?);
            }
        }
        Ok(())
    }

    fn take(&mut self, wanted: char) -> bool {
        let behind = self.rest.strip_prefix(wanted);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn number(&mut self) -> Option<usize> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, behind) = self.rest.split_at_checked(length)?;
        self.rest = behind;
        // What is too large for a number is too wide for a field.
        (length > 0).then(|| digits.parse().unwrap_or(usize::MAX))
    }

    /// `[n]`: the argument that comes next; false where there is none of that number.
    fn numbered(&mut self) -> Result<bool, String> {
        if !self.take('[') {
            return Ok(true);
        }
        self.reordered = true;
        let (number, behind) = self.rest.split_once(']').ok_or("a [ in a format is not closed")?;
        self.rest = behind;
        let number: Option<usize> = number.trim().parse().ok();
        let place = number.and_then(|number| number.checked_sub(1));
        let place = place.filter(|place| *place < self.arguments.len());
        self.next = place.unwrap_or(self.next);
        Ok(place.is_some())
    }

    /// An argument that is a width or a precision.
    fn size(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        match argument {
            Argument::Whole(digits) => digits.parse().ok(),
            Argument::Broken(_) | Argument::Text(_) => None,
        }
    }
}

impl Argument {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number) if number.is_integer() => Self::Whole(number.format_decimal()),
            Value::Number(number) => match number.as_f64() {
                Some(number) => Self::Broken(number),
                None => Self::Text(number.format_decimal()),
            },
            Value::String(text) => Self::Text(text.as_ref().to_owned()),
            other => Self::Text(term(other)),
        }
    }

    /// Go's name of its type.
    fn kind(&self) -> &'static str {
        match self {
            Self::Whole(digits) if digits.parse::<i64>().is_ok() => "int",
            Self::Whole(_) => "*big.Int",
            Self::Broken(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    /// As `%v` shows it.
    fn plain(&self) -> String {
        match self {
            Self::Whole(digits) => digits.clone(),
            Self::Broken(number) => shortest(*number),
            Self::Text(text) => text.clone(),
        }
    }

    fn shown(&self, verb: char, directive: &Directive) -> Result<String, String> {
        let bad = || Ok(format!("%!{verb}({}={})", self.kind(), self.plain()));
        match (verb, self) {
            ('T', _) => Ok(directive.padded(self.kind().to_owned())),
            ('v' | 'd', Self::Whole(digits)) => Ok(directive.number(digits, "")),
            ('b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'q' | 'U', Self::Whole(digits)) => {
                directive.based(verb, digits)
            }
            ('v' | 'g' | 'G' | 'e' | 'E' | 'f' | 'F', Self::Broken(number)) => {
                directive.broken(verb, *number)
            }
            ('v', Self::Text(text)) if directive.sharp => Ok(directive.padded(quoted(text))),
            ('v' | 's', Self::Text(text)) => Ok(directive.padded(directive.cut(text))),
            ('q', Self::Text(text)) => Ok(directive.padded(quoted(&directive.cut(text)))),
            ('x' | 'X', Self::Text(text)) if !directive.space && !directive.sharp => {
                let hexadecimal: String = directive
                    .cut(text)
                    .bytes()
                    .map(|byte| if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") })
                    .collect();
                Ok(directive.padded(hexadecimal))
            }
            ('x' | 'X', Self::Text(_)) | ('b' | 'x' | 'X', Self::Broken(_)) => {
                Err(format!("%{verb} of a {} is not made here", self.kind()))
            }
            _ => bad(),
        }
    }
}

impl Directive {
    /// The first characters of a text, as many as the precision says.
    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    /// Go fills up texts with zeros, too.
    fn padded(&self, text: String) -> String {
        self.filled(text, if self.zero { "0" } else { " " })
    }

    fn filled(&self, text: String, with: &str) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.minus { text + &" ".repeat(missing) } else { with.repeat(missing) + &text }
    }

    /// A number with its sign, filled up with zeros where that is asked for.
    fn number(&self, digits: &str, prefix: &str) -> String {
        let (is_negative, bare) = digits.strip_prefix('-').map_or((false, digits), |bare| (true, bare));
        let sign = match (is_negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let least = match self.precision {
            Some(precision) => precision,
            None if self.zero && !self.minus => {
                self.width.unwrap_or(0).saturating_sub(sign.len() + prefix.len())
            }
            None => 0,
        };
        let zeros = "0".repeat(least.saturating_sub(bare.len()));
        self.filled(format!("{sign}{prefix}{zeros}{bare}"), " ")
    }

    fn based(&self, verb: char, digits: &str) -> Result<String, String> {
        let Ok(number) = digits.parse::<i128>() else {
            return Err(format!("%{verb} of {digits} is not made here"));
        };
        let size = number.unsigned_abs();
        let (bare, prefix) = match verb {
            'b' => (format!("{size:b}"), if self.sharp { "0b" } else { "" }),
            'o' => (format!("{size:o}"), if self.sharp { "0" } else { "" }),
            'O' => (format!("{size:o}"), "0o"),
            'x' => (format!("{size:x}"), if self.sharp { "0x" } else { "" }),
            'X' => (format!("{size:X}"), if self.sharp { "0X" } else { "" }),
            'U' if !self.sharp => (format!("U+{size:04X}"), ""),
            'c' | 'q' => {
                let character = u32::try_from(number).ok().and_then(char::from_u32);
                let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                let shown = if verb == 'c' { character.to_string() } else { format!("'{character}'") };
                return Ok(self.padded(shown));
            }
            _ => return Err(format!("%#{verb} is not made here")),
        };
        let sign = if number < 0 { "-" } else { "" };
        Ok(self.number(&format!("{sign}{bare}"), prefix))
    }

    fn broken(&self, verb: char, number: f64) -> Result<String, String> {
        // As far as Rust writes digits.
        if self.precision.is_some_and(|precision| precision > usize::from(u16::MAX)) {
            return Err(format!("%{verb} with more than {} digits is not made here", u16::MAX));
        }
        let text = match (verb, self.precision) {
            ('f' | 'F', precision) => format!("{number:.*}", precision.unwrap_or(6)),
            ('e' | 'E', precision) => exponent(&format!("{number:.*e}", precision.unwrap_or(6))),
            ('v' | 'g' | 'G', None) => shortest(number),
            _ => return Err(format!("%{verb} with a precision is not made here")),
        };
        let text = if verb.is_uppercase() { text.to_uppercase() } else { text };
        // A precision has been used up: what is left to say is the width.
        let rest = Self { precision: None, ..*self };
        Ok(rest.number(&text, ""))
    }
}

/// Go's `%g`: the digits that are needed, with an exponent where it is below -4 or above 5.
fn shortest(number: f64) -> String {
    let scientific = format!("{number:e}");
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    if (-4..6).contains(&power) { number.to_string() } else { exponent(&scientific) }
}

/// `1.5e7` as Go writes it: `1.5e+07`.
fn exponent(scientific: &str) -> String {
    let Some((digits, power)) = scientific.split_once('e') else { return scientific.to_owned() };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

/// A text in quotes, with what cannot be seen escaped.
fn quoted(text: &str) -> String {
    Value::from(text).to_json_str().unwrap_or_else(|_| format!("{text:?}"))
}

/// A value as OPA writes a term: blanks behind commas and colons, sets in braces.
fn term(value: &Value) -> String {
    let all = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", all(items.iter().map(term).collect())),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", all(items.iter().map(term).collect())),
        Value::Object(fields) => {
            let field = |(key, value)| format!("{}: {}", term(key), term(value));
            format!("{{{}}}", all(fields.iter().map(field).collect()))
        }
        other => other.to_json_str().unwrap_or_else(|_| other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, arguments: &str, expected: &str) {
        let Value::Array(arguments) = Value::from_json_str(arguments).unwrap() else { panic!() };
        assert_eq!(
            sprintf(pattern, arguments.iter()).as_deref().map_err(String::as_str),
            Ok(expected),
            "{pattern}"
        );
    }

    /// Expected is what Go's documentation of `fmt` says.
    #[test]
    fn what_fits_is_formatted_as_go_does() {
        check(
            "a %s, %v and 100%%",
            r#"["x", [1, "b", {"c": null}]]"#,
            r#"a x, [1, "b", {"c": null}] and 100%"#,
        );
        check("%d|%5d|%-5d|%05d|%+d|% d", "[7, 7, 7, -7, 7, 7]", "7|    7|7    |-0007|+7| 7");
        check(
            "%x|%X|%#x|%o|%O|%b|%c|%U",
            "[255, 255, 255, 8, 8, 5, 65, 955]",
            "ff|FF|0xff|10|0o10|101|A|U+03BB",
        );
        check(
            "%s|%6s|%-6s|%.2s|%q|%x",
            r#"["ab", "ab", "ab", "abc", "a\"b", "hi"]"#,
            "ab|    ab|ab    |ab|\"a\\\"b\"|6869",
        );
        check(
            "%v|%f|%.2f|%8.3f|%05.1f|%e|%g|%v",
            "[1.5, 1.5, 1.239, 1.5, 1.5, 1500.5, 0.00001, 1234567.5]",
            "1.5|1.500000|1.24|   1.500|001.5|1.500500e+03|1e-05|1.2345675e+06",
        );
        check("%[2]s %[1]s|%*d", r#"["a", "b"]"#, "b a|%!(BADWIDTH)%!d(MISSING)");
        check("%T %T %T", r#"[1, 1.5, "a"]"#, "int float64 string");
        check("%*d", "[4, 7]", "   7");
        check("%05s|%-05s|%08q|%06.3d", r#"["ab", "ab", "abc", 7]"#, "000ab|ab   |000\"abc\"|   007");
    }

    #[test]
    fn what_does_not_fit_is_said_in_the_text() {
        check("a", r#"["x", 0]"#, "a%!(EXTRA string=x, int=0)");
        check("%s %s", r#"["a"]"#, "a %!s(MISSING)");
        check("100%", "[]", "100%!(NOVERB)");
        check("is 100% not ours: %s", r#"["a", "b"]"#, "is 100%!n(string=a)ot ours: b");
        check("%d", r#"["x"]"#, "%!d(string=x)");
        check("%d", "[1.5]", "%!d(float64=1.5)");
        check("%t", "[true]", "%!t(string=true)");
        check("%s", "[3]", "%!s(int=3)");
        check("%[5]d", "[1]", "%!d(BADINDEX)");
        assert!(sprintf("%.70000f", &[Value::from(1.5)]).is_err());
        assert!(sprintf("%9999999d", &[Value::from(1_i64)]).is_err());
        assert!(sprintf("%999999999999999999999999d", &[Value::from(1_i64)]).is_err());
    }
}
