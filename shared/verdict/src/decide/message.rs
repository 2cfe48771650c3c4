//! A verdict in one sentence: what, why, by whom, since when, and what to use instead.

use std::fmt;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Aged, Decision, Rule, Verdict};
use crate::order::shortened;

impl Verdict {
    /// Whether the door stays shut.
    pub fn refuses(&self) -> bool {
        self.decision == Decision::Refuse
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.path.last().map_or("this image", String::as_str);
        match (&self.rule, &self.ban) {
            (Rule::Clear, _) => {
                f.write_str("no ban covers it")?;
                return self.write_age(f);
            }
            (Rule::Stale, _) => {
                write!(f, "{image} cannot be cleared")?;
                self.write_age(f)?;
                return f.write_str(
                    " (on_stale = \"closed\"); check this gate's connection to NATS and that the invalidator runs",
                );
            }
            (Rule::NoState, _) => {
                return write!(
                    f,
                    "{image} cannot be judged: this gate has no orders yet, neither from NATS nor on its disk; check [nats] url and \
                     that the broker runs, list images that must start all the same under [gate.freshness] exempt, or set on_stale = \"open\""
                );
            }
            (Rule::Behind, _) => {
                return f.write_str(
                    "this gate cannot read an order that is in force; update it before it may answer",
                );
            }
            (Rule::Banned(_), Some(ban)) if *image == ban.target.to_string() => {
                write!(f, "{image} is banned itself")?;
            }
            (Rule::Banned(tie), Some(ban)) => write!(f, "{image} contains {} as its {tie}", ban.target)?,
            (Rule::Pending, Some(ban)) => {
                write!(f, "{image} cannot be cleared: the ban of {} is still being resolved", ban.target)?;
            }
            (Rule::Unknown, Some(ban)) => {
                write!(
                    f,
                    "{image} cannot be cleared of the ban of {}: nothing but its name is known",
                    ban.target
                )?;
            }
            (Rule::Unreadable, Some(ban)) => {
                write!(
                    f,
                    "{image} cannot be cleared of the ban of {}: its image was removed, and this gate has never seen it",
                    ban.target
                )?;
            }
            (_, None) => write!(f, "{image} cannot be cleared")?,
        }
        if let Some(ban) = &self.ban {
            let since = since(ban.origin.at);
            write!(
                f,
                "; banned by {} since {since} (order {}, {}): {}",
                ban.origin.operator,
                ban.origin.sequence,
                ban.severity,
                shortened(&ban.reason)
            )?;
        }
        match &self.replacement {
            Some(replacement) => write!(f, "; use {replacement} instead")?,
            None => f.write_str("; no replacement is named yet, ask operations")?,
        }
        self.write_age(f)
    }
}

impl Verdict {
    fn write_age(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.aged.filter(Aged::is_stale) {
            Some(aged) => write!(f, "; what this gate knows is {aged}, so later orders may be missing"),
            None => Ok(()),
        }
    }
}

fn since(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0)
        .unwrap_or(at)
        .format(&Rfc3339)
        .unwrap_or_else(|_| at.unix_timestamp().to_string())
}
