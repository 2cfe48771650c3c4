//! What a fix would do to a ban, asked before it is given: one that names the oldest digest of the tag would leave nothing banned. Not the order itself.

use std::time::Duration;

use artifact::{Digest, ImageRef};
use events::rpc::{BanStatus, StatusRequest};

use crate::exit::{Failure, remark};

/// How long the invalidator may take. The order is given without its word, as any order is.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a digest stands to a ban of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The oldest digest that the tag is known to have had.
    Oldest,
    /// A later one.
    Later,
    /// The tag is not known to have had it.
    Unknown,
}

/// Refuses a fix that would undo the ban that it is about, and remarks on one that changes nothing yet.
pub(super) async fn check(connection: &bus::Connection, ban: &str, digest: &str) -> Result<(), Failure> {
    let Ok(digest) = digest.parse::<Digest>() else { return Ok(()) };
    let Ok(status) = connection.ask(StatusRequest {}, PATIENCE).await else { return Ok(()) };
    for ban in status.bans.iter().filter(|status| is_meant(status, ban)) {
        let covered = Listed { digests: &ban.covered, count: ban.covered_count };
        let cleared = Listed { digests: &ban.cleared, count: ban.cleared_count };
        match standing(covered, cleared, &digest) {
            Standing::Oldest => {
                return Err(Failure::Usage(format!(
                    "{digest} is the oldest digest that ban {0} of {1} is about: nothing would stay banned. Name the first clean digest, or end the ban with `plimsoll lift {0}`",
                    ban.ban, ban.target
                )));
            }
            Standing::Unknown => remark(format_args!(
                "{} is not known to have had {digest}: the fix takes effect when the tag has it. Is it spelt right?",
                ban.target
            )),
            Standing::Later => {}
        }
    }
    Ok(())
}

fn is_meant(status: &BanStatus, ban: &str) -> bool {
    match ban.parse::<u64>() {
        Ok(sequence) => status.ban.0 == sequence,
        Err(_) => ban.parse::<ImageRef>().is_ok_and(|image| image.to_string() == status.target),
    }
}

/// Digests of a tag, newest first; the oldest may be left out.
#[derive(Debug, Clone, Copy)]
struct Listed<'a> {
    digests: &'a [Digest],
    count: u32,
}

impl Listed<'_> {
    fn is_whole(self) -> bool {
        u32::try_from(self.digests.len()).is_ok_and(|listed| listed == self.count)
    }
}

fn standing(covered: Listed<'_>, cleared: Listed<'_>, digest: &Digest) -> Standing {
    // What is clean came after what is covered.
    let last = if covered.count == 0 { cleared } else { covered };
    if last.is_whole() && last.digests.last() == Some(digest) {
        return Standing::Oldest;
    }
    let is_known = covered.digests.iter().chain(cleared.digests).any(|known| known == digest);
    if is_known || !covered.is_whole() || !cleared.is_whole() { Standing::Later } else { Standing::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(texts: &[&str]) -> Vec<Digest> {
        texts.iter().map(|text| Digest::of(text.as_bytes())).collect()
    }

    #[track_caller]
    fn check(covered: &[&str], omitted: u32, cleared: &[&str], digest: &str, expected: Standing) {
        let (covered, cleared) = (digests(covered), digests(cleared));
        let count = |listed: &[Digest]| u32::try_from(listed.len()).unwrap();
        let covered = Listed { digests: &covered, count: count(&covered) + omitted };
        let cleared = Listed { digests: &cleared, count: count(&cleared) };
        assert_eq!(standing(covered, cleared, &Digest::of(digest.as_bytes())), expected, "{digest}");
    }

    #[test]
    fn a_fix_never_names_the_oldest_digest() {
        check(&["b", "a"], 0, &[], "a", Standing::Oldest);
        check(&["a"], 0, &["c", "b"], "a", Standing::Oldest);
        check(&[], 0, &["b", "a"], "a", Standing::Oldest);
        check(&["b", "a"], 0, &[], "b", Standing::Later);
        check(&["a"], 0, &["b"], "b", Standing::Later);
        check(&["a"], 0, &[], "x", Standing::Unknown);
        check(&["c", "b"], 1, &[], "b", Standing::Later);
        check(&["c", "b"], 1, &[], "a", Standing::Later);
    }
}
