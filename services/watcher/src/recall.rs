//! What IMAGES says already: a watcher that starts publishes what has changed since, and nothing that is known. Not a projection; read once.

use std::collections::BTreeMap;

use artifact::{Digest, ImageRef};
use bus::{Feed, Heard, Record};
use events::{
    Event as _,
    fact::{ImageDeleted, ImagePushed},
    topology::StreamName,
};
use service::Context;
use tracing::warn;

/// Reads IMAGES up to its end: what each tag points at, and which digests were pushed without one, as far as the registry was ever said to hold them. None
/// when a stop came first.
pub(crate) async fn images(context: &Context) -> Option<BTreeMap<ImageRef, Digest>> {
    let stop = context.stop.child_token();
    // The readers end with this function.
    let _reading = stop.clone().drop_guard();
    let mut feed = Feed::open(&context.connection, &[(StreamName::Images, 0)], &context.tasks, &stop);
    let mut known = BTreeMap::new();
    loop {
        match feed.next().await? {
            Heard::Record(record) => take(&mut known, &record),
            Heard::CaughtUp => return Some(known),
        }
    }
}

fn take(known: &mut BTreeMap<ImageRef, Digest>, record: &Record) {
    let read = match record.subject.split_kind().map(|(kind, _)| kind) {
        Some(ImagePushed::KIND) => ImagePushed::decode(&record.body).map(|pushed| {
            known.insert(pushed.reference(), pushed.digest);
        }),
        Some(ImageDeleted::KIND) => ImageDeleted::decode(&record.body).map(|deleted| {
            let ImageDeleted { repository, digest } = deleted;
            known.retain(|image, held| image.repository() != &repository || *held != digest);
        }),
        _ => Ok(()),
    };
    if let Err(error) = read {
        warn!(%error, subject = %record.subject, "An image fact cannot be read; its image is published once more.");
    }
}
