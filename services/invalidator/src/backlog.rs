//! Facts about images that are yet to be said: a few at a time, so that the next order waits for a few and never for a storm. Not what
//! orders mean, which is said at once.
//!
//! It lives in memory alone. What dies with it is said by the next process once that has caught up: none of it was heard in the streams.

use std::collections::VecDeque;

use bus::Outbox;
use events::{
    Event as _,
    fact::{CampaignOpened, ImageInvalidated, ImageRestored},
};
use tracing::Span;

/// Facts that are said at once. A broker that syncs each to the disk stores them in some tens of milliseconds, which is what an order waits at most.
const PORTION: usize = 64;

/// Facts that are yet to be said, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Backlog(VecDeque<Held>);

/// Facts that follow from one message.
#[derive(Debug)]
struct Held {
    facts: Outbox,
    cause: String,
    span: Span,
}

/// Facts to say now, why, and in whose trace.
#[derive(Debug)]
pub(crate) struct Portion {
    pub(crate) facts: Outbox,
    pub(crate) cause: String,
    pub(crate) span: Span,
}

impl Backlog {
    /// Keeps what can wait of these facts; the others stay where they are.
    pub(crate) fn keep(&mut self, facts: &mut Outbox, cause: &str) {
        let can_wait = [ImageInvalidated::KIND, ImageRestored::KIND, CampaignOpened::KIND];
        let facts = facts.extract(|kind| can_wait.contains(&kind));
        if !facts.is_empty() {
            self.0.push_back(Held { facts, cause: cause.to_owned(), span: Span::current() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next facts to say. Every message has its turn: a small ban is not behind a large one. What follows from one message keeps its order;
    /// between two none is needed, for an image is restored only once it was heard to be covered.
    pub(crate) fn next(&mut self) -> Option<Portion> {
        let mut held = self.0.pop_front()?;
        let facts = held.facts.take(PORTION);
        let portion = Portion { facts, cause: held.cause.clone(), span: held.span.clone() };
        if !held.facts.is_empty() {
            self.0.push_back(held);
        }
        Some(portion)
    }
}

#[cfg(test)]
mod tests {
    use artifact::Digest;
    use events::resolution::OrderAccepted;
    use verdict::Sequence;

    use super::*;

    fn restored(number: usize) -> ImageRestored {
        ImageRestored {
            repository: format!("reg.test/app-{number}").parse().unwrap(),
            digest: Digest::of(b"app"),
            ban: Sequence(1),
        }
    }

    #[test]
    fn what_orders_mean_does_not_wait_and_the_rest_comes_in_portions_and_in_turn() {
        let mut facts = Outbox::default();
        (0..PORTION).for_each(|number| facts.push(restored(number)));
        facts.push(OrderAccepted {
            order: Sequence(1),
            operator: "alice".to_owned(),
            kind: "lift".to_owned(),
            changed: true,
        });
        facts.push(restored(PORTION));
        let subjects: Vec<_> = facts.facts().map(|(_, subject, _)| subject.to_string()).collect();
        let mut backlog = Backlog::default();
        assert!(backlog.is_empty() && backlog.next().is_none());
        backlog.keep(&mut facts, "the first");
        let at_once: Vec<_> = facts.facts().map(|(kind, ..)| kind).collect();
        assert_eq!(at_once, [OrderAccepted::KIND]);
        backlog.keep(&mut facts, "nothing");
        let mut more = Outbox::default();
        more.push(restored(0));
        backlog.keep(&mut more, "the second");

        let mut said = Vec::new();
        let mut portions = Vec::new();
        while let Some(portion) = backlog.next() {
            portions.push((portion.cause.clone(), portion.facts.len()));
            said.extend(portion.facts.facts().map(|(_, subject, _)| subject.to_string()));
        }
        assert_eq!(
            portions,
            [("the first".to_owned(), PORTION), ("the second".to_owned(), 1), ("the first".to_owned(), 1)]
        );
        let mut expected = subjects;
        let first = expected[0].clone();
        let accepted = std::mem::replace(&mut expected[PORTION], first);
        assert_eq!(said, expected);
        assert!(accepted.contains("order.accepted") && backlog.is_empty());
    }
}
