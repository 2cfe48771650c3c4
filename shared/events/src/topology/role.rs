//! The roles: one identity, one process, and no more rights than these. Whatever is not listed is denied.

use std::{fmt, str::FromStr, time::Duration};

use super::StreamName;
use crate::heartbeat::HeartbeatIssued;

/// An account of the broker: subjects do not cross from one to another unless an export says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Where ORDERS lives. Nobody works here but the bootstrap step; each person has an account beside it.
    Ops,
    /// Where RESOLUTIONS lives. The invalidator works here alone.
    Ruling,
    /// The services.
    Pipe,
    /// Gates and agents.
    Node,
}

/// A process that has an identity on the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Turns webhooks into facts.
    Watcher,
    /// Reads definitions.
    Scanner,
    /// Decides what is built, and when.
    Planner,
    /// Builds.
    Worker,
    /// Says what orders mean and what they cover.
    Invalidator,
    /// Tells the teams.
    Notifier,
    /// Answers at the doors.
    Gate,
    /// Runs remedies on its node.
    Agent,
}

/// A bucket of things that are created once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bucket {
    /// One entry a build that was released.
    Intents,
    /// One entry a notice that was sent.
    Notices,
    /// One entry a project: the definition that was scanned last.
    Definitions,
    /// One entry a (ban, remedy, container, started_at).
    Runs,
    /// One entry a role of which one process is active: each start writes it with a higher term.
    Leases,
}

/// A consumer that remembers what it has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// The stream.
    pub stream: StreamName,
    /// The consumer's name: its role's, and what it is about where the role has several.
    pub name: &'static str,
    /// What it wants of the stream.
    pub filter: &'static str,
    /// After how long without a sign of life a message is given to another; handlers give one every third of it.
    pub ack_wait: Duration,
    /// How often a message is tried before it goes to DEAD.
    pub max_deliver: i64,
    /// The dead letters of this consumer that people want tried again.
    pub redriven: &'static str,
}

/// What a role may do on the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// Its account.
    pub account: Account,
    /// Subjects it publishes; `{node}` stands for its node's name.
    pub publishes: &'static [&'static str],
    /// Streams it reads from the beginning, each on its own.
    pub follows: &'static [StreamName],
    /// Streams whose messages it shares with its replicas.
    pub consumes: &'static [Durable],
    /// Buckets it reads and writes.
    pub buckets: &'static [Bucket],
    /// Questions it answers.
    pub answers: &'static [&'static str],
    /// Questions it asks.
    pub asks: &'static [&'static str],
    /// Subjects it publishes that no stream keeps: they matter to those who are subscribed at that moment.
    pub broadcasts: &'static [&'static str],
    /// Broadcasts of other roles that it subscribes to.
    pub subscribes: &'static [&'static str],
    /// Streams of other accounts whose last sequence it asks for where they are written, and not of a mirror.
    pub origins: &'static [StreamName],
}

/// The worker's share of the work queue: a critical ban's rebuilds, and what people asked for. Each lane has a consumer of its own, so that what is
/// given out again in one never stands before what is new in another.
const URGENT: Durable = Durable {
    stream: StreamName::WorkBuild,
    name: "worker-urgent",
    filter: "plimsoll.work.build.urgent.*",
    // A dead worker is noticed after this long; a living one says so three times as often, however long it builds.
    ack_wait: Duration::from_secs(15),
    // What fails is tried again as a new attempt by the planner; here count workers that died or stopped with the build in hand, and ends that the broker
    // could not store, all at least 15 s apart: half an hour.
    max_deliver: 120,
    redriven: "plimsoll.redrive.WORK_BUILD.worker-urgent.*",
};

/// The rebuilds of other bans.
const CAMPAIGN: Durable = Durable {
    name: "worker-campaign",
    filter: "plimsoll.work.build.campaign.*",
    redriven: "plimsoll.redrive.WORK_BUILD.worker-campaign.*",
    ..URGENT
};

/// Pushes.
const ROUTINE: Durable = Durable {
    name: "worker-routine",
    filter: "plimsoll.work.build.routine.*",
    redriven: "plimsoll.redrive.WORK_BUILD.worker-routine.*",
    ..URGENT
};

/// What teams are told about.
const NOTICES: Durable = Durable {
    stream: StreamName::Builds,
    name: "notifier",
    filter: "plimsoll.build.finished.>",
    ack_wait: Duration::from_secs(30),
    max_deliver: 10,
    redriven: "plimsoll.redrive.BUILDS.notifier.*",
};

/// What teams are told about without a build.
const SCANS: Durable = Durable {
    filter: "plimsoll.scan.finished.>",
    name: "notifier-scans",
    redriven: "plimsoll.redrive.BUILDS.notifier-scans.*",
    ..NOTICES
};

impl Account {
    /// Every account that the pipeline itself has.
    pub const ALL: [Self; 4] = [Self::Ops, Self::Ruling, Self::Pipe, Self::Node];

    /// The name on the broker.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ops => "OPS",
            Self::Ruling => "RULING",
            Self::Pipe => "PIPE",
            Self::Node => "NODE",
        }
    }

    /// Facts said in this account that operators may listen to. No order's subject is among them: an import into an operator's account
    /// must never land in ORDERS.
    pub fn heard_by_operators(self) -> &'static [&'static str] {
        match self {
            Self::Ops => &[],
            // The last three go on to PIPE; what was handed over is not heard there.
            Self::Ruling => &[
                "plimsoll.base.indexed.>",
                "plimsoll.ban.>",
                "plimsoll.order.>",
                "plimsoll.image.invalidated.>",
                "plimsoll.image.restored.>",
                "plimsoll.campaign.opened.>",
            ],
            Self::Pipe => &[
                "plimsoll.source.>",
                "plimsoll.image.>",
                "plimsoll.scan.>",
                "plimsoll.build.>",
                "plimsoll.campaign.>",
                "plimsoll.work.>",
                "plimsoll.dead.>",
            ],
            Self::Node => &["plimsoll.container.>"],
        }
    }
}

impl Bucket {
    /// Every bucket.
    pub const ALL: [Self; 5] = [Self::Intents, Self::Notices, Self::Definitions, Self::Runs, Self::Leases];

    /// The name on the broker.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intents => "intents",
            Self::Notices => "notices",
            Self::Definitions => "definitions",
            Self::Runs => "runs",
            Self::Leases => "leases",
        }
    }

    /// The account it lives in.
    pub fn home(self) -> Account {
        match self {
            Self::Intents | Self::Notices | Self::Definitions => Account::Pipe,
            Self::Runs => Account::Node,
            Self::Leases => Account::Ruling,
        }
    }
}

impl Role {
    /// Every role, in the order in which an embedded pipeline starts them.
    pub const ALL: [Self; 8] = [
        Self::Gate,
        Self::Invalidator,
        Self::Agent,
        Self::Scanner,
        Self::Planner,
        Self::Worker,
        Self::Notifier,
        Self::Watcher,
    ];

    /// Its name: on the broker, on the command line, in telemetry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watcher => "watcher",
            Self::Scanner => "scanner",
            Self::Planner => "planner",
            Self::Worker => "worker",
            Self::Invalidator => "invalidator",
            Self::Notifier => "notifier",
            Self::Gate => "gate",
            Self::Agent => "agent",
        }
    }

    /// What it may do.
    pub fn spec(self) -> RoleSpec {
        use StreamName::{Builds, Campaigns, Images, Nodes, Orders, Resolutions, Sources};
        let none = RoleSpec {
            account: Account::Pipe,
            publishes: &[],
            follows: &[],
            consumes: &[],
            buckets: &[],
            answers: &[],
            asks: &[],
            broadcasts: &[],
            subscribes: &[],
            origins: &[],
        };
        match self {
            Self::Watcher => RoleSpec {
                publishes: &[
                    "plimsoll.source.pushed.*",
                    "plimsoll.image.pushed.*.*",
                    "plimsoll.image.deleted.*.*",
                ],
                follows: &[Orders, Resolutions, Images],
                ..none
            },
            Self::Scanner => RoleSpec {
                publishes: &["plimsoll.scan.finished.*"],
                follows: &[Orders, Resolutions, Builds],
                buckets: &[Bucket::Definitions],
                answers: &["plimsoll.rpc.scanner.scan"],
                ..none
            },
            Self::Planner => RoleSpec {
                publishes: &[
                    "plimsoll.build.queued.*",
                    "plimsoll.work.build.*.*",
                    "plimsoll.image.unattributed.*.*",
                    "plimsoll.campaign.planned.*",
                    "plimsoll.campaign.progressed.*",
                    "plimsoll.campaign.closed.*",
                ],
                follows: &[Orders, Resolutions, Sources, Images, Builds, Campaigns],
                buckets: &[Bucket::Intents],
                answers: &["plimsoll.rpc.planner.build", "plimsoll.rpc.planner.waiting"],
                ..none
            },
            Self::Worker => RoleSpec {
                publishes: &[
                    "plimsoll.scan.finished.*",
                    "plimsoll.build.started.*",
                    "plimsoll.build.finished.*",
                    "plimsoll.image.replaced.*.*",
                    "plimsoll.dead.WORK_BUILD.worker-urgent.*",
                    "plimsoll.dead.WORK_BUILD.worker-campaign.*",
                    "plimsoll.dead.WORK_BUILD.worker-routine.*",
                ],
                follows: &[Orders, Resolutions],
                consumes: &[URGENT, CAMPAIGN, ROUTINE],
                buckets: &[Bucket::Intents, Bucket::Definitions],
                asks: &["plimsoll.rpc.scanner.scan"],
                subscribes: &[HeartbeatIssued::SUBJECT],
                ..none
            },
            Self::Invalidator => RoleSpec {
                account: Account::Ruling,
                publishes: &[
                    "plimsoll.base.indexed.*",
                    "plimsoll.ban.resolved.*",
                    "plimsoll.order.accepted.*",
                    "plimsoll.order.rejected.*",
                    "plimsoll.image.invalidated.*.*",
                    "plimsoll.image.restored.*.*",
                    "plimsoll.campaign.opened.*",
                ],
                follows: &[Orders, Resolutions, Images, Builds, Campaigns, Nodes],
                answers: &[
                    "plimsoll.rpc.invalidator.why",
                    "plimsoll.rpc.invalidator.status",
                    "plimsoll.rpc.invalidator.credentials",
                ],
                buckets: &[Bucket::Leases],
                broadcasts: &[HeartbeatIssued::SUBJECT],
                origins: &[Orders],
                ..none
            },
            Self::Notifier => RoleSpec {
                publishes: &["plimsoll.dead.BUILDS.notifier.*", "plimsoll.dead.BUILDS.notifier-scans.*"],
                follows: &[Orders, Resolutions],
                consumes: &[NOTICES, SCANS],
                buckets: &[Bucket::Notices],
                ..none
            },
            Self::Gate => RoleSpec {
                account: Account::Node,
                publishes: &["plimsoll.container.refused.{node}.*"],
                follows: &[Orders, Resolutions, Images],
                answers: &["plimsoll.rpc.gate.check"],
                subscribes: &[HeartbeatIssued::SUBJECT],
                ..none
            },
            Self::Agent => RoleSpec {
                account: Account::Node,
                publishes: &[
                    "plimsoll.container.started.{node}.*",
                    "plimsoll.container.stopped.{node}.*",
                    "plimsoll.container.remedied.{node}.*",
                ],
                follows: &[Orders, Resolutions],
                buckets: &[Bucket::Runs],
                ..none
            },
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is not a role; the roles are {known}")
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
