//! What was scanned last of each project, kept so that scanners can scan it again when the rules change.

use bus::bucket::Claim;
use events::{
    Body as _,
    fact::BuildJob,
    rpc::{KnownDefinition, ScanRequest},
};

use super::{failure::Failure, pipeline::Pipeline};

/// Keeps what was scanned, unless the definition of a later push is kept already: a slow build of an earlier one ends when it ends.
pub(super) async fn keep(pipeline: &Pipeline, job: &BuildJob, request: ScanRequest) -> Result<(), Failure> {
    let key = job.project.as_str();
    let value =
        KnownDefinition { commit: job.commit.clone(), request: Box::new(request), pushed: job.pushed };
    let value = value.encode();
    loop {
        let kept = pipeline.definitions.get(key).await.map_err(Failure::keep)?;
        let claim = match kept {
            Some((kept, _)) if is_later(&kept, job.pushed) => return Ok(()),
            Some((_, revision)) => pipeline.definitions.update(key, value.clone(), revision).await,
            None => pipeline.definitions.create(key, value.clone()).await,
        };
        if let Claim::Won(_) = claim.map_err(Failure::keep)? {
            return Ok(());
        }
    }
}

/// Whether an entry is of a later push than `pushed`; one that cannot be read is of none.
fn is_later(kept: &[u8], pushed: u64) -> bool {
    KnownDefinition::decode(kept).is_ok_and(|kept| kept.pushed > pushed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_later_push_stays() {
        let kept = |pushed| {
            let request = Box::new(ScanRequest::default());
            KnownDefinition { commit: "c".to_owned(), request, pushed }.encode()
        };
        assert!(is_later(&kept(8), 7));
        assert!(!is_later(&kept(7), 7) && !is_later(&kept(0), 7) && !is_later(&kept(0), 0));
        assert!(!is_later(b"{}", 0) && !is_later(b"nothing", 0));
    }
}
