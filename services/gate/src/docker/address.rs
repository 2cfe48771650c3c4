//! Where a request goes: path and query as the daemon will understand them. Not what is to be found there.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

/// Longer ones are cut in messages.
const LONGEST_SHOWN: usize = 200;

/// The address of a request, decoded once, without the API's version.
#[derive(Debug)]
pub(super) struct Address {
    /// The parts of the path; none is empty, `.` or `..`.
    pub(super) parts: Vec<String>,
    query: String,
}

impl Address {
    /// Reads `target = [ "http://" authority ] path [ "?" query ]` (RFC 9112, 3.2: origin-form and absolute-form, both of
    /// which Go's server takes).
    ///
    /// The path is decoded before it is split, since the daemon does so too: `%2f` is a separator to it.
    pub(super) fn parse(target: &str) -> Result<Self, Refusal> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let odd = || Refusal::Path { path: path.chars().take(LONGEST_SHOWN).collect() };
        let path = match path.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                rest.find('/').and_then(|slash| rest.get(slash..)).ok_or_else(odd)?
            }
            _ => path,
        };
        let path = percent_decode_str(path).decode_utf8().map_err(|_| odd())?;
        let mut parts: Vec<String> =
            path.strip_prefix('/').ok_or_else(odd)?.split('/').map(str::to_owned).collect();
        if parts.iter().any(|part| matches!(part.as_str(), "" | "." | "..")) {
            // The daemon redirects these before it asks a plugin. One that comes here all the same is a trick.
            return Err(odd());
        }
        if parts.first().is_some_and(|first| is_version(first)) {
            parts.remove(0);
        }
        Ok(Self { parts, query: query.to_owned() })
    }

    /// The first value of a parameter: the one that the daemon takes.
    pub(super) fn first(&self, parameter: &str) -> Option<String> {
        self.values(parameter).next().map(Cow::into_owned)
    }

    /// The value of a parameter that decides something, so that there must be one reading of it.
    pub(super) fn only(&self, parameter: &'static str) -> Result<Option<String>, Refusal> {
        // Daemons built with older Go take `;` for a separator.
        if self.query.contains(';') || self.values(parameter).nth(1).is_some() {
            return Err(Refusal::Query { parameter });
        }
        Ok(self.first(parameter))
    }

    /// The path as people write it, for messages.
    pub(super) fn path(&self) -> String {
        format!("/{}", self.parts.join("/")).chars().take(LONGEST_SHOWN).collect()
    }

    fn values<'a>(&'a self, parameter: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.filter(move |(name, _)| name == parameter).map(|(_, value)| value)
    }
}

/// The daemon's routes begin with `/v{version:[0-9.]+}` or with nothing.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}
