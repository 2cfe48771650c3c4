//! The differences that are known, each with its reason. `tests/named.rs` shows the smallest text of each.

use dockerfile::{DirectiveName, DisputeKind, Dockerfile, Item, Keyword, ParseErrorKind};

use super::reading::{Reading, differing};

/// Why the two may read a text in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Difference {
    /// `RUN << EOF`: a heredoc since BuildKit 0.21, none in 0.12.5; `RUN <<${X-y}`: the other way round. A dispute.
    HeredocMark,
    /// `CMD ["a"] x`: BuildKit up to 0.14 ignores what follows the list, later ones take it all for a shell's. A dispute.
    ListTail,
    /// A flag with an escape character under the backtick: 0.12.5 escapes with `\` there all the same. A dispute.
    FlagEscape,
    /// `#`, a no-break space, `escape=x`: a comment in 0.12.5, a directive today. A dispute.
    DirectiveBlank,
    /// `# check=` is no directive in 0.12.5, and ends those that follow it, or that stand twice. A dispute where it matters.
    BehindCheck,
    /// NUL bytes: ours refuses them, for the tools of the trade do not agree where such a text ends; PyPI's ends it there,
    /// and ends a word of a JSON list at `\u0000`.
    NulByte,
    /// Characters outside ASCII in a flag or in HEALTHCHECK's first word: the official reader goes by bytes there and may break
    /// them in two. Ours refuses both.
    BrokenCharacter,
    /// `ONBUILD ONBUILD`: ours refuses it as such, and does not look for mistakes in what is deferred twice.
    DeferredTwice,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::HeredocMark,
        Self::ListTail,
        Self::FlagEscape,
        Self::DirectiveBlank,
        Self::BehindCheck,
        Self::NulByte,
        Self::BrokenCharacter,
        Self::DeferredTwice,
    ];
}

/// The known difference that explains this one: it stands where the readings part, or before.
pub(super) fn named(file: &Dockerfile, ours: &Reading, theirs: &Reading) -> Option<Difference> {
    let errors = file.errors();
    if errors.iter().any(|error| error.kind == ParseErrorKind::NulByte) || holds_nul(ours) {
        return Some(Difference::NulByte);
    }
    if errors.iter().any(|error| may_break(&error.kind)) {
        return Some(Difference::BrokenCharacter);
    }
    if behind_check(file) {
        return Some(Difference::BehindCheck);
    }
    let twice = ParseErrorKind::ForbiddenTrigger(Keyword::Onbuild);
    if matches!(theirs, Reading::Rejected(_)) && errors.iter().any(|error| error.kind == twice) {
        return Some(Difference::DeferredTwice);
    }
    let last_same = match (ours, theirs) {
        (Reading::Accepted(our), Reading::Accepted(their)) => {
            our.get(differing(our, their)).map_or(usize::MAX, |command| command.lines.1)
        }
        _ => usize::MAX,
    };
    let mut disputes = file.disputes().iter().filter(|dispute| dispute.line <= last_same);
    disputes.find_map(|dispute| match dispute.kind {
        DisputeKind::HeredocMark => Some(Difference::HeredocMark),
        DisputeKind::ListTail => Some(Difference::ListTail),
        DisputeKind::FlagEscape => Some(Difference::FlagEscape),
        DisputeKind::DirectiveBlank => Some(Difference::DirectiveBlank),
        DisputeKind::Heredoc(_)
        | DisputeKind::DoubledEscape
        | DisputeKind::CarriageReturn
        | DisputeKind::LateEscape => None,
    })
}

/// Whether a word holds a NUL character, which only a JSON list can bring.
fn holds_nul(reading: &Reading) -> bool {
    match reading {
        Reading::Accepted(commands) => {
            commands.iter().flat_map(|command| &command.words).any(|word| word.contains('\0'))
        }
        Reading::Rejected(_) => false,
    }
}

/// Whether the official reader may break a character where this mistake is.
fn may_break(kind: &ParseErrorKind) -> bool {
    match kind {
        ParseErrorKind::FlagCharacter(_) => true,
        ParseErrorKind::UnknownHealthcheck(word) => !word.is_ascii(),
        _ => false,
    }
}

/// Whether a directive follows a `check`.
fn behind_check(file: &Dockerfile) -> bool {
    let mut directives = file.items().iter().filter_map(|item| match item {
        Item::Directive(directive) => Some(directive),
        _ => None,
    });
    directives.by_ref().any(|directive| directive.name == DirectiveName::Check) && directives.next().is_some()
}
