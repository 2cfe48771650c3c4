//! Campaigns over small worlds: what is released when, what is said, and that it is said once.

use artifact::{Digest, ImageRef, Repository};
use events::{
    Event as _,
    fact::{BuildFinished, FailureClass, Lane},
};
use time::Duration;
use verdict::{
    Order, OrderRecord,
    order::{Ban, BanSelector, BanTarget, Lift, Project, Severity},
};

use super::*;
use crate::planner::state::{Ending, Invalidated, Publication};

const BAN: Sequence = Sequence(10_000);

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn pushed(commit: &str, place: u64) -> Pushed {
    Pushed { commit: commit.to_owned(), place }
}

fn repository(project: &str) -> Repository {
    format!("r.io/{project}").parse().unwrap()
}

fn old(project: &str) -> Digest {
    Digest::of(format!("old {project}").as_bytes())
}

fn apply(state: &mut State, sequence: u64, order: Order) {
    let record = OrderRecord {
        sequence: Sequence(sequence),
        operator: "alice".parse().unwrap(),
        at: OffsetDateTime::UNIX_EPOCH,
        order,
    };
    assert_eq!(state.snapshot.apply(&record), verdict::Outcome::Accepted);
}

/// A world of projects, each standing on others, all on a base that is banned.
fn world(projects: &[(&str, &[&str])]) -> State {
    let mut state = State::default();
    for (sequence, (project, bases)) in (1..).zip(projects) {
        let image: ImageRef = format!("r.io/{project}:1").parse().unwrap();
        apply(
            &mut state,
            sequence,
            Order::Project(Project {
                name: name(project),
                source: "git://host/x".to_owned(),
                branch: "main".to_owned(),
                definition: "Dockerfile".to_owned(),
                image,
                policy: None,
                webhook: None,
            }),
        );
        state.sources.insert(name(project), pushed("c0ffee", sequence));
        ended(&mut state, project, None, Outcome::Published, None);
        publish(&mut state, project, old(project), bases);
        let covered = Invalidated { tags: vec!["1".parse().unwrap()], is_target: false };
        state.invalidated.entry(BAN).or_default().insert((repository(project), old(project)), covered);
    }
    apply(
        &mut state,
        BAN.0,
        Order::Ban(Ban {
            target: BanTarget::Tag(repository("os"), "1".parse().unwrap()),
            reason: "CVE".to_owned(),
            severity: Severity::High,
            roles: [artifact::BaseRole::Base].into(),
            replacement: None,
            remedy: None,
            expires: None,
        }),
    );
    let images = u32::try_from(projects.len()).unwrap();
    state.campaigns.entry(BAN).or_default().opened = Some(CampaignOpened {
        ban: BAN,
        target: "r.io/os:1".to_owned(),
        replacement: None,
        ordered_at: OffsetDateTime::UNIX_EPOCH,
        images,
    });
    state
}

fn publish(state: &mut State, project: &str, digest: Digest, bases: &[&str]) {
    state.attributed.insert((repository(project), digest.clone()));
    let stands_on = bases.iter().map(|base| repository(base)).collect();
    state.published.insert(
        name(project),
        Publication { repository: repository(project), digest, source: pushed("c0ffee", 1), stands_on },
    );
}

fn rebuilt(state: &mut State, project: &str, bases: &[&str]) {
    publish(state, project, Digest::of(format!("new {project}").as_bytes()), bases);
    finish(state, project, Outcome::Published);
}

fn finish(state: &mut State, project: &str, outcome: Outcome) {
    let class = (outcome == Outcome::Failed).then_some(FailureClass::Team);
    ended(state, project, Some(BAN), outcome, class);
}

/// The last attempt at a build ends.
fn ended(
    state: &mut State,
    project: &str,
    ban: Option<Sequence>,
    outcome: Outcome,
    class: Option<FailureClass>,
) {
    let build = build_id(&name(project), "c0ffee", ban);
    let attempt = state.released.get(&build).map_or(1, |released| released.attempt);
    let is_retried = class.is_some_and(FailureClass::is_retried);
    if !is_retried && let Some(under_way) = state.under_way.get_mut(&name(project)) {
        under_way.remove(&build);
    }
    let ending = Ending {
        outcome,
        message: "why".to_owned(),
        class,
        attempt,
        at: NOW,
        retry_at: is_retried.then(|| NOW + Duration::seconds(5)),
        waits_since: is_retried.then_some(NOW),
        waits_for: String::new(),
        pushed: 1_000,
    };
    state.finished.insert(build, ending);
}

/// How a build of `app` is told to have ended.
fn told(build: &str, commit: &str, place: u64, outcome: Outcome) -> BuildFinished {
    BuildFinished {
        build: build.to_owned(),
        project: name("app"),
        commit: commit.to_owned(),
        ban: None,
        outcome,
        image: Some("r.io/app:1".parse().unwrap()),
        digest: Some(Digest::of(build.as_bytes())),
        inputs: Vec::new(),
        diff: String::new(),
        definition: "Dockerfile".to_owned(),
        message: "why".to_owned(),
        findings: Vec::new(),
        pushed: place,
        attempt: 1,
        class: (outcome == Outcome::Failed).then_some(FailureClass::Team),
        retry_at: None,
        waits_since: None,
        waits_for: String::new(),
    }
}

/// Carries out what is due as the streams would tell of it, and says what it was.
fn step(state: &mut State) -> Vec<String> {
    step_at(state, NOW)
}

fn step_at(state: &mut State, now: OffsetDateTime) -> Vec<String> {
    let mut shown = Vec::new();
    for action in due(state, now).actions {
        let campaign = state.campaigns.entry(BAN).or_default();
        shown.push(match action {
            Action::Release(job) => {
                state.released(job.project.clone(), job.build, job.attempt, now);
                match job.attempt {
                    1 => format!("build {}", job.project),
                    attempt => format!("build {} again: attempt {attempt}", job.project),
                }
            }
            Action::Unattributed(ban, images) => {
                let names: Vec<_> = images.iter().map(|image| image.repository.path().to_owned()).collect();
                let images = images.into_iter().map(|image| (image.repository, image.digest));
                state.unattributed.entry(ban).or_default().extend(images);
                format!("no source {}", names.join(" "))
            }
            Action::Planned(plan) => {
                campaign.planned.get_or_insert_default().extend(plan.projects.iter().cloned());
                format!("plan {}", plan.projects.iter().map(Name::as_str).collect::<Vec<_>>().join(" "))
            }
            Action::Progressed(progress) => {
                campaign.progressed.insert(progress.project.clone(), progress.state.clone());
                format!("{} {} of {}: {}", progress.project, progress.done, progress.total, progress.state)
            }
            Action::Closed(closed) => {
                campaign.closed = true;
                format!(
                    "closed {}: {} of {}, {:?}",
                    closed.outcome, closed.replaced, closed.images, closed.stragglers
                )
            }
        });
    }
    shown
}

#[test]
fn what_stands_on_another_waits_for_it() {
    let mut state = world(&[("app", &["platform"]), ("platform", &["os"]), ("tool", &["os"])]);
    assert_eq!(step(&mut state), ["plan platform app tool", "build platform", "build tool"]);
    assert!(step(&mut state).is_empty(), "nothing is released twice");
    rebuilt(&mut state, "platform", &["os"]);
    assert_eq!(step(&mut state), ["build app", "platform 1 of 3: replaced"]);
    rebuilt(&mut state, "tool", &["os"]);
    rebuilt(&mut state, "app", &["platform"]);
    assert_eq!(
        step(&mut state),
        ["app 2 of 3: replaced", "tool 3 of 3: replaced", "closed done: 3 of 3, []"]
    );
    assert!(step(&mut state).is_empty(), "a closed campaign is closed");
}

#[test]
fn a_diamond_waits_for_both_sides() {
    let mut state = world(&[("left", &["os"]), ("right", &["os"]), ("top", &["left", "right"])]);
    assert_eq!(step(&mut state), ["plan left right top", "build left", "build right"]);
    rebuilt(&mut state, "left", &["os"]);
    assert_eq!(step(&mut state), ["left 1 of 3: replaced"]);
    rebuilt(&mut state, "right", &["os"]);
    assert_eq!(step(&mut state), ["build top", "right 2 of 3: replaced"]);
}

#[test]
fn what_stands_on_a_failure_is_named_and_not_built() {
    let mut state = world(&[("app", &["platform"]), ("platform", &["os"])]);
    step(&mut state);
    finish(&mut state, "platform", Outcome::Failed);
    let said = step(&mut state);
    assert_eq!(
        said[..2],
        ["app 1 of 2: stands on platform, which was not replaced", "platform 2 of 2: failed: why"]
    );
    assert!(said[2].starts_with("closed done: 0 of 2"), "{said:?}");
}

#[test]
fn an_image_without_a_source_is_named() {
    let mut state = world(&[("app", &["os"])]);
    let stray = (repository("stray"), Digest::of(b"stray"));
    let covered = state.invalidated.get_mut(&BAN).unwrap();
    covered.insert(stray, Invalidated { tags: vec![], is_target: false });
    covered.insert((repository("os"), Digest::of(b"os")), Invalidated { tags: vec![], is_target: true });
    assert_eq!(step(&mut state), ["plan app", "build app", "no source stray"]);
    assert!(step(&mut state).is_empty(), "nothing is said twice");
}

#[test]
fn nothing_is_planned_before_all_images_are_known() {
    let mut state = world(&[("app", &["os"])]);
    state.campaigns.get_mut(&BAN).unwrap().opened.as_mut().unwrap().images = 2;
    assert!(step(&mut state).is_empty());
}

#[test]
fn a_push_during_the_campaign_replaces_too() {
    let mut state = world(&[("app", &["os"])]);
    step(&mut state);
    publish(&mut state, "app", Digest::of(b"pushed meanwhile"), &["os"]);
    assert_eq!(step(&mut state), ["app 1 of 1: replaced", "closed done: 1 of 1, []"]);
}

#[test]
fn a_rebuild_that_a_newer_push_supersedes_ends_as_that_one_does() {
    let mut state = world(&[("app", &["os"])]);
    step(&mut state);
    let newer = build_id(&name("app"), "newer", None);
    state.released(name("app"), newer.clone(), 1, NOW);
    finish(&mut state, "app", Outcome::Superseded);
    assert!(step(&mut state).is_empty(), "the newer push's build is under way");
    let mut replaced = state.clone();
    replaced.build_finished(told(&newer, "newer", 2, Outcome::Published), NOW);
    assert_eq!(step(&mut replaced), ["app 1 of 1: replaced", "closed done: 1 of 1, []"]);
    state.build_finished(told(&newer, "newer", 2, Outcome::Failed), NOW);
    assert_eq!(
        step(&mut state),
        ["app 1 of 1: superseded: why", "closed done: 0 of 1, [\"app: superseded: why\"]"]
    );
}

#[test]
fn what_an_earlier_push_tells_last_is_not_what_was_published_last() {
    let mut state = world(&[]);
    state.build_finished(told("app-new", "new", 8, Outcome::Published), NOW);
    state.build_finished(told("app-old", "old", 7, Outcome::Published), NOW);
    assert_eq!(state.published[&name("app")].source, pushed("new", 8));
    state.build_finished(told("app-new-ban1", "new", 8, Outcome::Published), NOW);
    assert_eq!(state.published[&name("app")].digest, Digest::of(b"app-new-ban1"));
}

#[test]
fn what_is_covered_after_the_campaign_has_closed_is_rebuilt_too() {
    let mut state = world(&[("late", &["os"]), ("above", &["late"])]);
    let covered = state.invalidated.insert(BAN, BTreeMap::new()).unwrap();
    state.campaigns.get_mut(&BAN).unwrap().opened.as_mut().unwrap().images = 0;
    assert_eq!(step(&mut state), ["plan ", "closed done: 0 of 0, []"]);
    assert!(step(&mut state).is_empty());
    state.invalidated.insert(BAN, covered);
    assert_eq!(step(&mut state), ["build late"]);
    rebuilt(&mut state, "late", &["os"]);
    assert_eq!(step(&mut state), ["build above"]);
    rebuilt(&mut state, "above", &["late"]);
    assert!(step(&mut state).is_empty());
}

#[test]
fn a_lifted_ban_ends_its_campaign() {
    let mut state = world(&[("app", &["os"])]);
    step(&mut state);
    apply(
        &mut state,
        BAN.0 + 1,
        Order::Lift(Lift { bans: BanSelector::Sequence(BAN), reason: "fixed".to_owned() }),
    );
    let said = step(&mut state);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("closed lifted"), "{said:?}");
}

#[test]
fn a_push_is_built_once_and_only_for_a_known_project() {
    let mut state = world(&[]);
    state.campaigns.clear();
    state.sources.insert(name("unknown"), pushed("c0ffee", 1));
    assert!(step(&mut state).is_empty());
    let mut state = world(&[("app", &["os"])]);
    state.campaigns.clear();
    state.sources.insert(name("app"), pushed("newer", 2));
    assert_eq!(step(&mut state), ["build app"]);
    assert!(step(&mut state).is_empty());
}

#[test]
fn a_rebuild_that_waits_keeps_its_campaign_open_until_it_works() {
    let mut state = world(&[("app", &["platform"]), ("platform", &["os"])]);
    step(&mut state);
    ended(&mut state, "platform", Some(BAN), Outcome::Failed, Some(FailureClass::Ours));
    assert!(step(&mut state).is_empty(), "its pause is not over");
    let plan = due(&state, NOW);
    assert_eq!((plan.wake, plan.waiting.len()), (Some(NOW + Duration::seconds(5)), 1));
    assert_eq!(step_at(&mut state, NOW + Duration::seconds(5)), ["build platform again: attempt 2"]);
    assert_eq!(due(&state, NOW + Duration::seconds(6)).waiting[0].retry_at, None, "it is being tried");
    assert!(step_at(&mut state, NOW + Duration::seconds(6)).is_empty());
    rebuilt(&mut state, "platform", &["os"]);
    assert_eq!(step(&mut state), ["build app", "platform 1 of 2: replaced"]);
}

#[test]
fn a_lifted_ban_withdraws_what_waits() {
    let mut state = world(&[("app", &["os"])]);
    step(&mut state);
    ended(&mut state, "app", Some(BAN), Outcome::Failed, Some(FailureClass::Transient));
    let lift = Lift { bans: BanSelector::Sequence(BAN), reason: "fixed".to_owned() };
    apply(&mut state, BAN.0 + 1, Order::Lift(lift));
    let said = step_at(&mut state, NOW + Duration::seconds(60));
    assert!(said.len() == 1 && said[0].starts_with("closed lifted"), "{said:?}");
    assert!(due(&state, NOW + Duration::seconds(60)).waiting.is_empty());
}

#[test]
fn a_person_has_a_failed_rebuild_built_again() {
    let mut state = world(&[("app", &["os"]), ("other", &["os"])]);
    step(&mut state);
    finish(&mut state, "app", Outcome::Failed);
    assert_eq!(step(&mut state), ["app 1 of 2: failed: why"]);
    state.requests.insert(name("app"), NOW + Duration::seconds(1));
    let plan = due(&state, NOW + Duration::seconds(1));
    let [Action::Release(job)] = plan.actions.as_slice() else { panic!("{:?}", plan.actions) };
    assert_eq!((job.attempt, job.lane, job.ban), (2, Lane::Urgent, Some(BAN)));
    assert_eq!(step_at(&mut state, NOW + Duration::seconds(1)), ["build app again: attempt 2"]);
    assert!(step_at(&mut state, NOW + Duration::seconds(2)).is_empty(), "asked once, built once");
}

/// Four layers of five hundred: what costs more than `n log n` at each step does not come to an end.
#[test]
fn a_storm_is_rebuilt_layer_by_layer_each_image_once() {
    let names: Vec<String> = (0..2000).map(|number| format!("p{number}")).collect();
    let bases = |number: usize| number.checked_sub(500).map_or("os", |below| names[below].as_str());
    let stood_on: Vec<[&str; 1]> = (0..names.len()).map(|number| [bases(number)]).collect();
    let projects: Vec<(&str, &[&str])> =
        names.iter().zip(&stood_on).map(|(name, bases)| (name.as_str(), bases.as_slice())).collect();
    let mut state = world(&projects);
    let mut built = BTreeSet::new();
    for layer in 0..4 {
        let released: BTreeSet<String> = step(&mut state)
            .iter()
            .filter_map(|said| Some(said.strip_prefix("build ")?.to_owned()))
            .collect();
        let expected = names[layer * 500..(layer + 1) * 500].iter().cloned().collect();
        assert_eq!(released, expected);
        for (number, name) in names.iter().enumerate().filter(|(_, name)| released.contains(*name)) {
            rebuilt(&mut state, name, &[bases(number)]);
        }
        built.extend(released);
    }
    assert_eq!(built.len(), 2000);
    assert_eq!(step(&mut state).last().unwrap(), "closed done: 2000 of 2000, []");
    assert!(step(&mut state).is_empty());
}

#[test]
fn what_is_told_of_a_storm_fits_on_the_bus() {
    let long = |number: usize| format!("{number:04}{}", "x".repeat(59));
    let names: Vec<String> = (0..600).map(long).collect();
    let projects: Vec<(&str, &[&str])> =
        names.iter().map(|name| (name.as_str(), ["os"].as_slice())).collect();
    let mut state = world(&projects);
    let covered = state.invalidated.get_mut(&BAN).unwrap();
    for number in 0..600 {
        let stray: Repository = format!("r.io/{}/{}", "y".repeat(150), long(number)).parse().unwrap();
        covered.insert((stray, Digest::of(b"stray")), Invalidated { tags: vec![], is_target: false });
    }
    let actions = due(&state, NOW).actions;
    let pages: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Planned(page) => Some(page.clone()),
            _ => None,
        })
        .collect();
    assert!(pages.iter().cloned().all(|page| page.encode().len() < 512 * 1024));
    assert_eq!(pages.iter().flat_map(|page| &page.projects).count(), 600);
    assert_eq!(pages.iter().flat_map(|page| &page.unattributed).count(), 600);
    step(&mut state);
    for name in &names {
        finish(&mut state, name, Outcome::Failed);
        let build = build_id(&self::name(name), "c0ffee", Some(BAN));
        state.finished.get_mut(&build).unwrap().message = "é".repeat(10_000);
    }
    let actions = due(&state, NOW).actions;
    let Some(Action::Closed(closed)) = actions.last() else { panic!("it is not closed") };
    assert_eq!((closed.stragglers.len(), closed.untold), (250, 950));
    assert!(closed.clone().encode().len() < 512 * 1024);
}
