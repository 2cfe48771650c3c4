//! The streams: what each keeps, for how long, and in which accounts it can be read.

use std::{fmt, time::Duration};

use super::Account;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MIB: i64 = 1 << 20;

/// A stream, by the name under which it is known in every account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamName {
    /// What operators decided.
    Orders,
    /// What it means.
    Resolutions,
    /// New commits.
    Sources,
    /// Images and what became of them.
    Images,
    /// Builds.
    Builds,
    /// Campaigns.
    Campaigns,
    /// Containers.
    Nodes,
    /// Builds that a worker may take.
    WorkBuild,
    /// What no consumer could handle.
    Dead,
    /// Dead letters that people want tried again.
    Redrive,
}

/// How long messages stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For ever; nothing can be deleted or purged.
    Everything,
    /// For a time.
    For(Duration),
    /// The last of each subject, for a time; it can be asked for by its subject.
    LastFor(Duration),
    /// So many of each subject, for ever.
    LastPerSubject(i64),
    /// Until a worker has acknowledged it.
    UntilDone,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name.
    pub name: StreamName,
    /// The account in which it is written.
    pub home: Account,
    /// The accounts that hold a read-only mirror.
    pub mirrors: &'static [Account],
    /// The subjects it keeps.
    pub subjects: &'static [&'static str],
    /// How long.
    pub keep: Keep,
    /// Where it stops taking messages (work, orders) or drops the oldest (facts).
    pub max_bytes: i64,
}

impl StreamName {
    /// Every stream.
    pub const ALL: [Self; 10] = [
        Self::Orders,
        Self::Resolutions,
        Self::Sources,
        Self::Images,
        Self::Builds,
        Self::Campaigns,
        Self::Nodes,
        Self::WorkBuild,
        Self::Dead,
        Self::Redrive,
    ];

    /// The name on the broker.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "ORDERS",
            Self::Resolutions => "RESOLUTIONS",
            Self::Sources => "SOURCES",
            Self::Images => "IMAGES",
            Self::Builds => "BUILDS",
            Self::Campaigns => "CAMPAIGNS",
            Self::Nodes => "NODES",
            Self::WorkBuild => "WORK_BUILD",
            Self::Dead => "DEAD",
            Self::Redrive => "REDRIVE",
        }
    }

    /// The stream that keeps what is published on `subject`; none for what no stream keeps.
    pub fn keeping(subject: &str) -> Option<Self> {
        let entry = crate::catalogue()
            .into_iter()
            .find(|entry| subject.strip_prefix(entry.kind).is_some_and(|key| key.starts_with('.')))?;
        Some(entry.stream)
    }

    /// What it keeps and where.
    pub fn spec(self) -> StreamSpec {
        let pipe = |subjects, keep, max_bytes| StreamSpec {
            name: self,
            home: Account::Pipe,
            mirrors: &[],
            subjects,
            keep,
            max_bytes,
        };
        match self {
            Self::Orders => StreamSpec {
                home: Account::Ops,
                mirrors: &[Account::Ruling, Account::Pipe, Account::Node],
                ..pipe(
                    &[
                        "plimsoll.base.banned.*",
                        "plimsoll.base.lifted.*",
                        "plimsoll.base.fixed.*",
                        "plimsoll.catalog.applied.*",
                        "plimsoll.project.applied.*",
                        "plimsoll.policy.applied.*",
                        "plimsoll.remedy.ordered.*",
                        "plimsoll.remedy.closed.*",
                    ],
                    Keep::Everything,
                    128 * MIB,
                )
            },
            Self::Resolutions => StreamSpec {
                home: Account::Ruling,
                mirrors: &[Account::Pipe, Account::Node],
                ..pipe(
                    &[
                        "plimsoll.base.indexed.*",
                        "plimsoll.ban.resolved.*",
                        "plimsoll.order.accepted.*",
                        "plimsoll.order.rejected.*",
                    ],
                    Keep::Everything,
                    512 * MIB,
                )
            },
            Self::Sources => pipe(&["plimsoll.source.pushed.*"], Keep::For(30 * DAY), 128 * MIB),
            // A digest may stand under several tags, each told by its own push; thirty-two covers what one image is tagged with.
            Self::Images => StreamSpec {
                mirrors: &[Account::Ruling, Account::Node],
                ..pipe(&["plimsoll.image.*.*.*"], Keep::LastPerSubject(32), 1024 * MIB)
            },
            Self::Builds => StreamSpec {
                mirrors: &[Account::Ruling],
                ..pipe(
                    &[
                        "plimsoll.scan.finished.*",
                        "plimsoll.build.queued.*",
                        "plimsoll.build.started.*",
                        "plimsoll.build.finished.*",
                    ],
                    Keep::For(365 * DAY),
                    1024 * MIB,
                )
            },
            Self::Campaigns => StreamSpec {
                mirrors: &[Account::Ruling],
                ..pipe(&["plimsoll.campaign.*.*"], Keep::For(365 * DAY), 128 * MIB)
            },
            Self::Nodes => StreamSpec {
                home: Account::Node,
                mirrors: &[Account::Ruling],
                ..pipe(&["plimsoll.container.*.*.*"], Keep::LastPerSubject(8), 512 * MIB)
            },
            Self::WorkBuild => pipe(&["plimsoll.work.build.*.*"], Keep::UntilDone, 128 * MIB),
            Self::Dead => pipe(&["plimsoll.dead.*.*.*"], Keep::LastFor(30 * DAY), 128 * MIB),
            Self::Redrive => pipe(&["plimsoll.redrive.*.*.*"], Keep::UntilDone, 16 * MIB),
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
