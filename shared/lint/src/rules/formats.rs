//! Whether a text is a time, a version, a hash, a licence, an address. As lenient as hadolint is; see each.

use iri_string::{spec::UriSpec, validate};
use time::{Date, Month};

/// RFC 3339, section 5.6, with years of any length, offsets of any size, and the offset's colon left out at will.
pub(super) fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    is_date(date) && is_time_of_day(time)
}

/// `YEAR-MONTH-DAY`, and a day that the month has.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    // The calendar repeats itself every four hundred years, so the last four digits are enough.
    let year = year.get(year.len().saturating_sub(4)..).and_then(number::<i32>);
    let month = two_digits(month).and_then(|month| Month::try_from(month).ok());
    match (year, month, two_digits(day)) {
        (Some(year), Some(month), Some(day)) => Date::from_calendar_date(year, month, day).is_ok(),
        _ => false,
    }
}

/// `HH:MM:SS[.FRACTION](Z|±HH[:]MM)`; a sixtieth second is a leap second.
fn is_time_of_day(text: &str) -> bool {
    let (Some(clock), Some(rest)) = (text.get(..8), text.get(8..)) else { return false };
    let mut parts = clock.split(':').map(two_digits);
    let parts = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten());
    let (Some(0..=23), Some(0..=59), Some(0..=60)) = parts else { return false };
    let rest = rest
        .strip_prefix('.')
        .map_or(rest, |fraction| fraction.trim_start_matches(|c: char| c.is_ascii_digit()));
    match rest.strip_prefix(['+', '-']) {
        Some(offset) => {
            let (hours, minutes) = offset.split_at_checked(2).unwrap_or_default();
            let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
            two_digits(hours).is_some() && two_digits(minutes).is_some()
        }
        None => matches!(rest, "Z" | "z"),
    }
}

fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2).then(|| number(text)).flatten()
}

/// Digits and nothing else, as a number.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A semantic version: three numbers, and identifiers behind `-` and `+`. Zeros may lead, and an end may be left empty.
pub(super) fn is_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').unwrap_or((text, ""));
    let (release, pre) = text.split_once('-').unwrap_or((text, ""));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let identifiers = |part: &str| {
        let part = part.strip_suffix('.').unwrap_or(part);
        let is_identifier =
            |one: &str| !one.is_empty() && one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        part.is_empty() || part.split('.').all(is_identifier)
    };
    release.split('.').filter(|part| is_number(part)).count() == 3
        && release.split('.').count() == 3
        && identifiers(pre)
        && identifiers(build)
}

/// A git hash, whole or shortened to seven digits.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 7 | 40) && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

/// The name of one SPDX licence that is in force.
pub(super) fn is_license(text: &str) -> bool {
    spdx::license_id(text.trim_end()).is_some_and(|id| id.name == text.trim_end() && !id.is_deprecated())
}

/// A URI (RFC 3986), so one with a scheme.
pub(super) fn is_url(text: &str) -> bool {
    validate::iri::<UriSpec>(text).is_ok()
}

/// The longest part before the `@` (RFC 5321, section 4.5.3.1.1) and the longest name between two dots (RFC 1035, section 2.3.4).
const LONGEST_LOCAL: usize = 64;
const LONGEST_LABEL: usize = 63;

/// An address as in RFC 5322, section 3.4.1: `local@domain`, the local part in quotes at will, the domain with a dot at its end.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"') && local.is_ascii();
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_literal = domain.starts_with('[') && domain.ends_with(']');
    local.len() <= LONGEST_LOCAL
        && (is_quoted || local.split('.').all(is_atom))
        && (is_literal || domain.strip_suffix('.').unwrap_or(domain).split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_sound: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        good.iter().for_each(|text| assert!(is_sound(text), "{text}"));
        bad.iter().for_each(|text| assert!(!is_sound(text), "{text}"));
    }

    #[test]
    fn times() {
        check(
            is_time,
            &[
                "2020-01-01T00:00:00Z",
                "2020-01-01t00:00:60.5z",
                "12020-02-29T23:59:59+0100",
                "20-01-01T00:00:00.-24:00",
            ],
            &[
                "2020-01-01",
                "2021-02-29T00:00:00Z",
                "2020-01-01 00:00:00Z",
                "2020-01-01T24:00:00Z",
                "2020-01-01T00:00:00",
                "2020-01-01T00:00:00Zx",
                "2020-01-01T00:00:00+1:00",
                "",
            ],
        );
    }

    #[test]
    fn versions_and_hashes() {
        check(
            is_version,
            &["1.2.3", "01.2.3-a.1+b", "1.2.3-", "1.2.3+a.", "1.2.3--"],
            &["1.2", "v1.2.3", "1.2.3.4", "1.2.3-a..b", "1.2.3+a+b", "1.2.x", ""],
        );
        check(
            is_hash,
            &["abcdef1", &"0".repeat(40)],
            &["abcdef", "abcdef12", "ABCDEF1", &"0".repeat(39), ""],
        );
    }

    #[test]
    fn licenses() {
        check(
            is_license,
            &["MIT", "Apache-2.0 ", "GPL-3.0-only"],
            &["mit", "GPL-3.0", "MIT OR ISC", "Foo", " MIT", ""],
        );
    }

    #[test]
    fn addresses() {
        check(
            is_url,
            &["http://x", "urn:a:b", "http://", "a:", "http://[::1]/", "mailto:a@b"],
            &["x", "//x", "http://x:a/", "http://%zz", "http://x/<a>", "$X", ""],
        );
        check(
            is_email,
            &["a@b", "a+b@c.d.", "a@[1.2.3.4]", "\"a b\"@c.d", "$X@b"],
            &["a", "@b", "a@", "a b@c.d", "a@b@c", ".a@b", "a..b@c", "a@-b.c", "a@b_c", ""],
        );
    }
}
