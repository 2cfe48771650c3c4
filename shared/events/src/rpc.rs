//! The few questions, each with one owner. Their subjects stand in no stream: a stream would answer in the owner's place.

use std::collections::HashMap;

use artifact::{BaseRole, Digest, ImageRef, Platform};
use time::OffsetDateTime;
use verdict::{Decision, Sequence, order::Name};

use crate::{
    Request,
    fact::{FailureClass, Finding},
    message::message,
};

message! {
    /// What is wrong with this definition? Owned by the scanner.
    #[derive(Default)]
    ScanRequest {
        /// The definition's text.
        definition: String,
        /// The project whose policy holds.
        project: Option<Name>,
        /// Values for the definition's `ARG`s.
        build_args: HashMap<String, String>,
        /// The platform that the build runs on and for.
        platform: Option<Platform>,
        /// The build's named contexts.
        contexts: HashMap<String, String>,
        /// What is known of the images that stages stand on.
        bases: Vec<KnownBase>,
    }
}

message! {
    /// What is known of an image that a stage stands on.
    KnownBase {
        /// The image as an answer to the definition alone said that it is built on ([`ScannedUse::used`]).
        image: ImageRef,
        /// The ONBUILD triggers in its configuration, which run in every build on it, each without its ONBUILD.
        triggers: Vec<String>,
        /// The platforms that it is for; empty where that is not known.
        platforms: Vec<Platform>,
    }
}

message! {
    /// The scanner's answer.
    ScanReply {
        /// Whether a build may not go on.
        refused: bool,
        /// What was found.
        findings: Vec<Finding>,
        /// Every image the definition uses.
        uses: Vec<ScannedUse>,
        /// How many orders the answer rests on.
        as_of: u64,
        /// sha256 of the definition that was judged; none from a scanner that does not say.
        definition_digest: Option<Digest>,
        /// What it was judged by: [`verdict::snapshot::Rulebook::catalog`].
        catalog_revision: u64,
        /// What it was judged by: [`verdict::snapshot::Rulebook::policies`].
        policy_revision: u64,
    }
}

message! {
    /// The definition of a project that was scanned last: an entry of a bucket, by the project's name.
    KnownDefinition {
        /// The commit that it is of.
        commit: String,
        /// What was asked about it.
        request: Box<ScanRequest>,
        /// The place in SOURCES of the push that it came with; 0 where it is not known.
        pushed: u64,
    }
}

message! {
    /// One image that a definition uses, and what the catalog makes of it.
    ScannedUse {
        /// The line that names it, from 1.
        line: u32,
        /// How its content enters.
        role: BaseRole,
        /// As written.
        written: String,
        /// keep, replace or refuse.
        choice: String,
        /// What is built on; none when refused.
        used: Option<ImageRef>,
        /// Why, where it is not kept.
        reason: String,
        /// First byte of the reference in the definition.
        start: u64,
        /// One past its last byte.
        end: u64,
        /// The rule that decided, for people.
        rule: String,
        /// The nearest base that is allowed, where it is refused.
        nearest: Option<ImageRef>,
        /// Whether the source is to name the digest.
        pin: bool,
        /// The ONBUILD trigger that brings it in, where that stands in the base's configuration; empty where the file does.
        trigger: String,
    }
}

message! {
    /// May this image start? Owned by the gate.
    CheckRequest {
        /// The image, by any name.
        image: String,
        /// The door that asks; `check` where empty.
        door: String,
    }
}

message! {
    /// The gate's answer.
    CheckReply {
        /// What is done at that door.
        decision: Decision,
        /// What an enforcing door would do.
        strict: Decision,
        /// One sentence.
        message: String,
        /// The digest that was judged.
        digest: Option<Digest>,
        /// The ban that is the reason.
        ban: Option<Sequence>,
        /// What to use instead.
        replacement: Option<ImageRef>,
        /// Orders that the answer rests on.
        orders: u64,
        /// Resolutions that the answer rests on.
        resolutions: u64,
        /// When the answer ends by itself.
        valid_until: Option<OffsetDateTime>,
        /// From the banned base to the image.
        path: Vec<String>,
        /// What to start so that exactly what was judged starts: a local image id, or the repository with its digest.
        pinned: String,
        /// How old the orders and resolutions are that the answer rests on; none where no heartbeat has said.
        age_ms: Option<u64>,
        /// Whether that is more than the enforcement point's `max_age`, so that its failure policy holds.
        stale: bool,
    }
}

message! {
    /// Why is this image as it is? Owned by the invalidator.
    WhyRequest {
        /// The image, by any name.
        image: String,
    }
}

message! {
    /// The invalidator's answer.
    WhyReply {
        /// The verdict by what the invalidator has read; a gate that has read less may answer otherwise.
        verdict: Box<CheckReply>,
        /// Who ordered the ban.
        operator: String,
        /// Since when.
        since: Option<OffsetDateTime>,
        /// Why.
        reason: String,
        /// How the tie is known.
        evidence: String,
        /// Images that stand on this one.
        derivatives: Vec<ImageRef>,
        /// What became of the ban's campaign, one line each.
        campaign: Vec<String>,
    }
}

message! {
    /// How do things stand? Owned by the invalidator.
    StatusRequest {}
}

message! {
    /// The invalidator's answer.
    #[derive(Default)]
    StatusReply {
        /// Orders read.
        orders: u64,
        /// Images indexed.
        images: u64,
        /// Bans in force, oldest first.
        bans: Vec<BanStatus>,
        /// Orders that changed nothing, each with the reason.
        rejected: Vec<String>,
        /// Policies in force, by name.
        policies: Vec<PolicyStatus>,
        /// How many bans stand in no list, since an answer holds no more.
        untold_bans: u32,
        /// How many rejected orders stand in no list: the oldest.
        untold_rejected: u32,
        /// How many policies stand in no list.
        untold_policies: u32,
    }
}

message! {
    /// Which builds wait? Owned by the planner.
    WaitingRequest {}
}

message! {
    /// The planner's answer.
    WaitingReply {
        /// Builds that will be tried again by themselves, longest wait first.
        builds: Vec<WaitingBuild>,
        /// How many more there are.
        omitted: u32,
    }
}

message! {
    /// A build that failed for a reason that is not its team's, and will be tried again by itself.
    WaitingBuild {
        /// The build.
        build: String,
        /// Its project.
        project: Name,
        /// When it failed first.
        since: Option<OffsetDateTime>,
        /// Why it failed last.
        reason: String,
        /// Whose the failure is.
        class: Option<FailureClass>,
        /// When it is tried again; none while it is being tried.
        retry_at: Option<OffsetDateTime>,
        /// How many attempts have failed.
        attempt: u32,
    }
}

message! {
    /// Build this project again, whatever its last build failed for. Owned by the planner.
    BuildRequest {
        /// The project.
        project: Name,
        /// Who asks, for the log.
        operator: String,
    }
}

message! {
    /// The planner's answer.
    BuildReply {
        /// The builds that were released.
        released: Vec<String>,
        /// Why none was; empty where one was.
        reason: String,
    }
}

message! {
    /// A policy that holds.
    PolicyStatus {
        /// Its name.
        name: Name,
        /// The order that says so.
        revision: Sequence,
        /// Who gave it.
        operator: String,
        /// Since when.
        since: Option<OffsetDateTime>,
        /// The level from which findings refuse; `none` where none does.
        fail_on: String,
        /// The files of its modules.
        modules: Vec<String>,
        /// Rules that only say what they would do.
        dry_run: Vec<String>,
        /// Globs over projects that it holds for without their naming it.
        projects: Vec<String>,
        /// Projects that name it.
        named_by: Vec<String>,
        /// Codes of rules that refuse, however bad they are.
        deny: Vec<String>,
        /// Codes of rules that are not looked at.
        ignore: Vec<String>,
        /// What comments in a definition may silence, in the word of the order; empty from an invalidator that does not say.
        silencing: String,
    }
}

message! {
    /// Which orders hold a credential? Owned by the invalidator.
    CredentialsRequest {}
}

message! {
    /// The invalidator's answer.
    #[derive(Default)]
    CredentialsReply {
        /// The orders, oldest first.
        orders: Vec<ExposedOrder>,
        /// How many newer ones stand in no list.
        omitted: u32,
    }
}

message! {
    /// A stored order with a credential in its text. The credential itself is never repeated.
    ExposedOrder {
        /// The order.
        order: Sequence,
        /// Who gave it.
        operator: String,
        /// Its subject without the operator.
        kind: String,
        /// What it names: a project, a policy or a section; empty where it names nothing.
        name: String,
        /// The fields that hold a credential.
        fields: Vec<String>,
        /// When it was stored.
        at: Option<OffsetDateTime>,
        /// Whether it is what its project is built by now.
        is_current: bool,
    }
}

message! {
    /// How one ban stands.
    BanStatus {
        /// The ban.
        ban: Sequence,
        /// What is banned.
        target: String,
        /// By whom.
        operator: String,
        /// Since when.
        since: Option<OffsetDateTime>,
        /// How bad it is.
        severity: String,
        /// Why.
        reason: String,
        /// pending or active.
        state: String,
        /// Images covered.
        images: u32,
        /// Tags that moved to a clean image.
        replaced: u32,
        /// The first 250 of what was not replaced, each with the reason.
        stragglers: Vec<String>,
        /// open, planned or closed; empty where none was opened.
        campaign: String,
        /// Containers that had the remedy.
        containers_remedied: u32,
        /// When the campaign closed.
        closed_at: Option<OffsetDateTime>,
        /// Why the target of a pending ban could not be read so far; empty where nothing went wrong.
        pending_because: String,
        /// How many stragglers stand in no list.
        untold: u32,
        /// The newest digests that the ban itself covers.
        covered: Vec<Digest>,
        /// How many there are.
        covered_count: u32,
        /// The digest from which on the banned tag is clean.
        fixed_by: Option<Digest>,
        /// The newest digests of the tag that are clean since then.
        cleared: Vec<Digest>,
        /// How many there are.
        cleared_count: u32,
    }
}

impl Request for ScanRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.scanner.scan";
    type Reply = ScanReply;
}

impl Request for CheckRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.gate.check";
    type Reply = CheckReply;
}

impl Request for WhyRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.invalidator.why";
    type Reply = WhyReply;
}

impl Request for CredentialsRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.invalidator.credentials";
    type Reply = CredentialsReply;
}

impl Request for StatusRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.invalidator.status";
    type Reply = StatusReply;
}

impl Request for WaitingRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.planner.waiting";
    type Reply = WaitingReply;
}

impl Request for BuildRequest {
    const SUBJECT: &'static str = "plimsoll.rpc.planner.build";
    type Reply = BuildReply;
}
