//! The labels that a policy asks for, and what rules about them have in common. Not the formats themselves (see `formats`).

use std::borrow::Cow;

use dockerfile::Pair;

use crate::{
    policy::LabelFormat,
    rule::{Here, Sink, When},
    rules::quotes,
};

/// A label's name without its quotes.
pub(super) fn name(pair: &Pair) -> &str {
    quotes::bare(&pair.name.text)
}

/// A label's value without its quotes and escapes.
fn value(pair: &Pair) -> Cow<'_, str> {
    let text = pair.value.as_ref().map_or("", |value| value.text.as_str());
    let bare = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    match bare {
        Some(quoted) if quoted.contains('\\') => Cow::Owned(quoted.replace("\\\"", "\"")),
        Some(quoted) => Cow::Borrowed(quoted),
        None => Cow::Borrowed(text),
    }
}

/// Reports every label of this instruction for which the policy asks, and whose value is not as `is_sound` wants it.
pub(super) fn check_values(
    here: &Here<'_>,
    sink: &mut Sink<'_>,
    format: Option<LabelFormat>,
    is_sound: impl Fn(&str) -> bool,
    wanted: &str,
) {
    let schema = &sink.policy.label_schema;
    if schema.is_empty() || here.when == When::Deferred {
        return;
    }
    for pair in here.instruction.pairs() {
        let asked = schema.get(name(pair));
        let concerned = asked.is_some_and(|asked| format.is_none_or(|format| *asked == format));
        if concerned && !is_sound(&value(pair)) {
            let message = format!("The label {} is not {wanted}.", name(pair));
            sink.report_at(here.line, &pair.name.span, message);
        }
    }
}
