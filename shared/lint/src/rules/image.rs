//! The parts of an image reference as hadolint splits it. Not `artifact::ImageRef`: nothing is completed, and variables stay.

/// A reference in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image<'a> {
    /// What stands before the first slash, if there is a dot in it.
    pub(crate) registry: Option<&'a str>,
    /// The path behind the registry, without tag and digest.
    pub(crate) name: &'a str,
    /// Whether a tag or a digest follows.
    pub(crate) is_pinned: bool,
}

impl<'a> Image<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let slash = text.bytes().position(|byte| byte == b'/');
        let (registry, rest) = match slash.and_then(|at| text.split_at_checked(at)) {
            Some((registry, rest)) if registry.contains('.') => {
                (Some(registry), rest.get(1..).unwrap_or(rest))
            }
            _ => (None, text),
        };
        // A variable may have a colon of its own: `${NAME:-default}`.
        let end = match rest.starts_with('$') {
            true => rest.find('}').unwrap_or(0),
            false => 0,
        };
        let behind = rest.get(end..).unwrap_or_default();
        let name_length = behind.bytes().position(|byte| matches!(byte, b':' | b'@'));
        let name_end = name_length.map_or(rest.len(), |length| end + length);
        Self { registry, name: rest.get(..name_end).unwrap_or(rest), is_pinned: name_end < rest.len() }
    }
}
