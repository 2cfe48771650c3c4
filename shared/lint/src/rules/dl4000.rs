//! DL4000: MAINTAINER is gone.

use dockerfile::{Dockerfile, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL4000",
    level: Level::Error,
    summary: "The deprecated MAINTAINER is not used.",
    bad: "FROM alpine:3.20\nMAINTAINER team@example.org\n",
    good: "FROM alpine:3.20\nLABEL org.opencontainers.image.authors=team@example.org\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let maintainers = file.instructions().filter(|instruction| instruction.keyword == Keyword::Maintainer);
    let message = "MAINTAINER is deprecated; write LABEL org.opencontainers.image.authors=<who>.";
    maintainers.map(|maintainer| Found::new(maintainer.line, message)).collect()
}
