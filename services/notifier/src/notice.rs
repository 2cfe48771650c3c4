//! What a team is told of a build, and whether it is told anything. Pure: neither sent nor pushed here.

use std::time::Duration;

use events::fact::{BuildFinished, FailureClass, Finding, Outcome, ScanFinished};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use verdict::order::Name;

/// Digits of a commit in a branch's name: enough to tell a repository's commits apart.
const SHORT_COMMIT: usize = 12;

/// So long a build may wait for something that does not answer before its team is told.
const UNTOLD_WAIT: Duration = Duration::from_secs(60);

/// Whether a team is told of `build`, which ended at about `now`. What it pushed itself and went as it was written is no news, unless the team `knows`
/// that the build was waiting; what a ban caused always is.
pub(crate) fn is_news(build: &BuildFinished, knows: bool, now: OffsetDateTime) -> bool {
    match (build.outcome, build.class) {
        (Outcome::Published, _) => is_rewritten(build) || build.ban.is_some() || knows,
        // The newer build tells what the team has.
        (Outcome::Superseded, _) => false,
        (Outcome::Refused | Outcome::Failed, None | Some(FailureClass::Team)) => true,
        // Once, however many attempts fail.
        (_, Some(FailureClass::Ours)) => !knows,
        (_, Some(FailureClass::Transient)) => {
            let waited = build.waits_since.and_then(|since| Duration::try_from(now - since).ok());
            !knows && waited.is_some_and(|waited| waited > UNTOLD_WAIT)
        }
    }
}

/// What a notice is about: one is sent about each.
pub(crate) fn topic(build: &BuildFinished) -> String {
    if build.class.is_some_and(FailureClass::is_retried) {
        return waits(build);
    }
    // Another attempt may end otherwise, and its end is told too.
    if build.attempt > 1 { format!("{} attempt {}", build.build, build.attempt) } else { build.build.clone() }
}

/// What the notice is about that says that `build` waits.
pub(crate) fn waits(build: &BuildFinished) -> String {
    format!("{} waits", build.build)
}

/// Whether the build used another definition than the one in the source.
pub(crate) fn is_rewritten(build: &BuildFinished) -> bool {
    !build.diff.is_empty()
}

/// The branch that offers the change of `build`: one a build, so that no two changes meet.
pub(crate) fn branch(build: &BuildFinished) -> String {
    let commit: String = build.commit.chars().take(SHORT_COMMIT).collect();
    match build.ban {
        Some(ban) => format!("plimsoll/{}/ban-{ban}-{commit}", build.project),
        None => format!("plimsoll/{}/bases-{commit}", build.project),
    }
}

/// The message of the commit on that branch.
pub(crate) fn commit_message(build: &BuildFinished) -> String {
    let cause = match build.ban {
        Some(ban) => format!("Ban {ban} covers what this was built on."),
        None => "The catalog names other versions of what this is built on.".to_owned(),
    };
    let BuildFinished { definition, message, build: id, commit, .. } = build;
    format!("Make {definition} agree with what was built\n\n{cause} {message}\n\nBuild: {id}\nOf: {commit}\n")
}

/// What became of the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Branch {
    /// Nothing was rewritten, so there is none.
    Needless,
    /// It is there.
    Offered(String),
    /// It could not be made; one sentence why.
    Withheld(String),
}

/// The body of the generic webhook. Fields without a value are null, and none is left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Notice {
    project: String,
    build: String,
    commit: String,
    outcome: &'static str,
    message: String,
    findings: Vec<NoticedFinding>,
    diff: String,
    branch: Option<String>,
    ban: Option<u64>,
    image: Option<String>,
    digest: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct NoticedFinding {
    line: u32,
    code: String,
    level: String,
    message: String,
}

impl Notice {
    pub(crate) fn of(build: BuildFinished, branch: Branch) -> Self {
        let BuildFinished {
            build,
            project,
            commit,
            ban,
            outcome,
            image,
            digest,
            inputs: _,
            diff,
            definition,
            message,
            findings,
            pushed: _,
            attempt: _,
            class: _,
            retry_at,
            waits_since: _,
            waits_for: _,
        } = build;
        let message = match retry_at.and_then(|at| at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()) {
            Some(at) => format!(
                "{message}. This is not the team's to mend: the build is tried again by itself until it works, next at {at}."
            ),
            None => message,
        };
        let (branch, message) = match branch {
            Branch::Needless => (None, message),
            Branch::Offered(branch) => (Some(branch), message),
            Branch::Withheld(why) => {
                (None, format!("{message} The change of {definition} could not be pushed as a branch: {why}"))
            }
        };
        Self {
            project: project.to_string(),
            build,
            commit,
            outcome: outcome.as_str(),
            message,
            findings: findings.into_iter().map(NoticedFinding::of).collect(),
            diff,
            branch,
            ban: ban.map(|ban| ban.0),
            image: image.map(|image| image.to_string()),
            digest: digest.map(|digest| digest.to_string()),
        }
    }
}

/// A definition that the rules refuse from now on, though nobody changed it: no build says so, and the team must not learn it from the next one.
pub(crate) fn of_scan(scan: ScanFinished) -> Notice {
    let ScanFinished { project, commit, findings, definition_digest: _, .. } = scan;
    Notice {
        message: format!(
            "The catalog or a policy changed, and the definition of {project} at {commit} is refused from now on: the next build will be, until \
             the findings are mended. What was built stays as it is."
        ),
        project: project.to_string(),
        build: String::new(),
        commit,
        outcome: Outcome::Refused.as_str(),
        findings: findings.into_iter().map(NoticedFinding::of).collect(),
        diff: String::new(),
        branch: None,
        ban: None,
        image: None,
        digest: None,
    }
}

/// What a notice about a scan is about: the definition, and what it was judged by.
pub(crate) fn scan(scan: &ScanFinished) -> String {
    format!("scan {} {}/{}", scan.definition_digest, scan.catalog_revision, scan.policy_revision)
}

impl NoticedFinding {
    fn of(finding: Finding) -> Self {
        let Finding { line, code, level, message } = finding;
        Self { line, code, level, message }
    }
}

/// The key of a notice in its bucket, whose keys hold fewer characters than a build's id may.
pub(crate) fn key(build: &str, project: &Name, channel: Channel) -> String {
    let build = artifact::Digest::of(build.as_bytes());
    format!("{project}/{}/{}", build.hex(), channel.as_str())
}

/// A way to a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Branch,
    Webhook,
}

impl Channel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Webhook => "webhook",
        }
    }
}

#[cfg(test)]
mod tests {
    use verdict::Sequence;

    use super::*;

    fn build(outcome: Outcome, diff: &str) -> BuildFinished {
        BuildFinished {
            build: "app/c0ffee".to_owned(),
            project: "app".parse().unwrap(),
            commit: "c0ffee".repeat(7).chars().take(40).collect(),
            ban: None,
            outcome,
            image: "r.test/team/app:1".parse().ok(),
            digest: None,
            inputs: Vec::new(),
            diff: diff.to_owned(),
            definition: "Dockerfile".to_owned(),
            message: "Done.".to_owned(),
            pushed: 0,
            attempt: 1,
            class: None,
            retry_at: None,
            waits_since: None,
            waits_for: String::new(),
            findings: vec![Finding {
                line: 3,
                code: "DL3006".to_owned(),
                level: "error".to_owned(),
                message: "Tag it.".to_owned(),
            }],
        }
    }

    #[test]
    fn only_news_is_told() {
        let is_news = |build: &BuildFinished| is_news(build, false, OffsetDateTime::UNIX_EPOCH);
        assert!(!is_news(&build(Outcome::Published, "")));
        let campaign = BuildFinished { ban: Some(verdict::Sequence(7)), ..build(Outcome::Published, "") };
        assert!(is_news(&campaign));
        assert!(is_news(&build(Outcome::Published, "--- a")));
        assert!(!is_news(&build(Outcome::Superseded, "--- a")));
        assert!(is_news(&build(Outcome::Refused, "")));
        assert!(is_news(&build(Outcome::Failed, "")));
    }

    #[test]
    fn what_waits_is_told_once_and_so_is_its_end() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1000);
        let waiting = |class, seconds| BuildFinished {
            class: Some(class),
            retry_at: Some(now),
            waits_since: Some(now - Duration::from_secs(seconds)),
            ..build(Outcome::Failed, "")
        };
        assert!(is_news(&waiting(FailureClass::Ours, 0), false, now));
        assert!(!is_news(&waiting(FailureClass::Transient, 60), false, now));
        let told = waiting(FailureClass::Transient, 61);
        assert!(is_news(&told, false, now) && !is_news(&told, true, now));
        assert!(!is_news(&waiting(FailureClass::Ours, 0), true, now));
        let next = BuildFinished { attempt: 3, ..told.clone() };
        assert_eq!((topic(&next), topic(&told)), (waits(&told), waits(&told)));
        let ended = BuildFinished { attempt: 4, ..build(Outcome::Published, "") };
        assert!(is_news(&ended, true, now) && topic(&ended) != waits(&told));
        let notice = Notice::of(told, Branch::Needless);
        assert!(notice.message.contains("tried again") && notice.message.contains("1970"), "{notice:?}");
    }

    #[test]
    fn a_branch_is_a_builds_own() {
        let pushed = build(Outcome::Published, "--- a");
        assert_eq!(branch(&pushed), "plimsoll/app/bases-c0ffeec0ffee");
        let banned = BuildFinished { ban: Some(Sequence(17)), ..pushed };
        assert_eq!(branch(&banned), "plimsoll/app/ban-17-c0ffeec0ffee");
        assert!(branch(&banned).parse::<source::Branch>().is_ok());
    }

    #[test]
    fn a_notice_says_everything() {
        let notice = Notice::of(build(Outcome::Refused, ""), Branch::Needless);
        let expected = serde_json::json!({
            "project": "app", "build": "app/c0ffee", "commit": "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff",
            "outcome": "refused", "message": "Done.", "diff": "", "branch": null, "ban": null,
            "findings": [{"line": 3, "code": "DL3006", "level": "error", "message": "Tag it."}],
            "image": "r.test/team/app:1", "digest": null,
        });
        assert_eq!(serde_json::to_value(notice).unwrap(), expected);
    }

    #[test]
    fn a_notice_about_a_scan_says_that_nothing_was_built() {
        let finished = ScanFinished {
            build: String::new(),
            project: "app".parse().unwrap(),
            commit: "c0ffee".to_owned(),
            definition_digest: artifact::Digest::of(b"FROM a"),
            refused: true,
            findings: build(Outcome::Refused, "").findings,
            catalog_revision: 3,
            policy_revision: 4,
            became_refused: true,
        };
        let key = key(&scan(&finished), &finished.project, Channel::Webhook);
        let later = ScanFinished { policy_revision: 5, ..finished.clone() };
        assert_ne!(
            key,
            self::key(&scan(&later), &later.project, Channel::Webhook),
            "another change is another notice"
        );
        let notice = of_scan(finished);
        assert!(notice.build.is_empty() && notice.message.contains("app at c0ffee"), "{notice:?}");
        assert_eq!((notice.outcome, notice.findings.len()), ("refused", 1));
    }

    #[test]
    fn a_branch_that_could_not_be_made_is_explained() {
        let notice = Notice::of(build(Outcome::Published, "--- a"), Branch::Withheld("no right".to_owned()));
        assert!(notice.branch.is_none() && notice.message.contains("no right"), "{notice:?}");
    }
}
