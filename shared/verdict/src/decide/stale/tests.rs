//! One table: what is known of an image, how old that is, what the point does when it is stale, and what comes of it.

use artifact::BaseRole;
use lineage::{Evidence, Tie};

use super::*;
use crate::snapshot::AsOf;

const MINUTE: Duration = Duration::from_secs(60);

fn image() -> ImageFacts {
    ImageFacts {
        references: vec!["r.io/app:1".parse().unwrap()],
        digests: [Digest::of(b"app")].into(),
        ..ImageFacts::default()
    }
}

fn known(strict: Decision, rule: Rule) -> Verdict {
    Verdict {
        decision: strict,
        strict,
        rule,
        ban: None,
        path: Vec::new(),
        replacement: None,
        as_of: AsOf::default(),
        valid_until: None,
        aged: None,
    }
}

fn banned() -> Verdict {
    known(
        Decision::Refuse,
        Rule::Banned(Tie { role: BaseRole::Base, evidence: Evidence::Same(Digest::of(b"app")) }),
    )
}

fn policy(on_stale: OnStale) -> StalePolicy {
    StalePolicy { on_stale, ..StalePolicy::default() }
}

#[track_caller]
fn check(verdict: Verdict, age: Option<Duration>, on_stale: OnStale, expected: Decision) {
    for mode in [Mode::Observe, Mode::Warn, Mode::Enforce] {
        let fresh = Verdict { decision: mode.of(verdict.strict), ..verdict.clone() };
        let aged = fresh.aged(age, &policy(on_stale), mode, &image());
        assert_eq!(aged.strict, expected, "{on_stale} {mode}: {aged}");
        assert_eq!(aged.decision, mode.of(expected), "{on_stale} {mode}: {aged}");
    }
}

#[test]
fn what_is_fresh_stays_as_it_is() {
    for on_stale in OnStale::ALL {
        for (verdict, decision) in [
            (known(Decision::Allow, Rule::Clear), Decision::Allow),
            (known(Decision::Warn, Rule::Unknown), Decision::Warn),
            (banned(), Decision::Refuse),
        ] {
            check(verdict, Some(MINUTE), on_stale, decision);
        }
    }
}

#[test]
fn what_is_stale_is_answered_as_the_point_is_told() {
    use Decision::{Allow, Refuse, Warn};
    use OnStale::{Closed, LastKnown, Open};
    for age in [Some(MINUTE + Duration::from_millis(1)), Some(MINUTE * 60), None] {
        for (verdict, on_stale, decision) in [
            (known(Allow, Rule::Clear), LastKnown, Warn),
            (known(Allow, Rule::Clear), Closed, Refuse),
            (known(Allow, Rule::Clear), Open, Warn),
            (known(Warn, Rule::Unknown), LastKnown, Warn),
            (known(Warn, Rule::Unknown), Closed, Refuse),
            (known(Warn, Rule::Unknown), Open, Warn),
            (known(Refuse, Rule::Pending), LastKnown, Refuse),
            (known(Refuse, Rule::Pending), Closed, Refuse),
            (known(Refuse, Rule::Pending), Open, Warn),
            (known(Refuse, Rule::Behind), LastKnown, Refuse),
            (known(Refuse, Rule::Behind), Closed, Refuse),
            (known(Refuse, Rule::Behind), Open, Refuse),
            (banned(), LastKnown, Refuse),
            (banned(), Closed, Refuse),
            (banned(), Open, Refuse),
        ] {
            check(verdict, age, on_stale, decision);
        }
    }
}

#[test]
fn an_exempt_image_is_not_denied_for_staleness_and_a_banned_one_is_still_banned() {
    let exempt = StalePolicy { exempt: [Digest::of(b"app")].into(), ..policy(OnStale::Closed) };
    let clear = known(Decision::Allow, Rule::Clear);
    assert_eq!(clear.clone().aged(None, &exempt, Mode::Enforce, &image()).decision, Decision::Warn);
    assert_eq!(banned().aged(None, &exempt, Mode::Enforce, &image()).decision, Decision::Refuse);
    assert_eq!(clear.aged(None, &exempt, Mode::Enforce, &ImageFacts::default()).decision, Decision::Refuse);
    assert_eq!(Verdict::without_state(&exempt, &[image()]).decision, Decision::Warn);
    assert_eq!(Verdict::without_state(&exempt, &[image(), ImageFacts::default()]).decision, Decision::Refuse);
}

#[test]
fn without_any_state_only_an_open_point_allows() {
    for (on_stale, decision) in [
        (OnStale::LastKnown, Decision::Refuse),
        (OnStale::Closed, Decision::Refuse),
        (OnStale::Open, Decision::Warn),
    ] {
        assert_eq!(Verdict::without_state(&policy(on_stale), &[image()]).decision, decision);
        assert_eq!(Verdict::without_state(&policy(on_stale), &[]).decision, decision);
    }
}

#[test]
fn a_stale_answer_says_so_and_a_fresh_one_does_not() {
    let said = |age, on_stale| {
        known(Decision::Allow, Rule::Clear).aged(age, &policy(on_stale), Mode::Enforce, &image()).to_string()
    };
    assert_eq!(said(Some(MINUTE), OnStale::Closed), "no ban covers it");
    for on_stale in OnStale::ALL {
        let text = said(Some(MINUTE * 2), on_stale);
        assert!(text.contains("120 s old, more than 60 s"), "{text}");
    }
    let text = said(None, OnStale::Closed);
    assert!(text.contains("r.io/app:1") && text.contains("unknown age"), "{text}");
}
