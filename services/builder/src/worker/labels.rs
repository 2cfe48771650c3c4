//! What an image says of itself: what it stands on, and what it was made from. Not what the attestation says, which nobody can write by hand.

use std::collections::BTreeMap;

use artifact::{BaseRole, ImageRef};
use events::fact::BuildJob;
use verdict::order::Project;

use super::{definition::AllowedUse, inputs::Input};

/// The base, as the OCI image specification has it in annotations.md: by its name, and by the digest that was built on.
pub(super) fn annotations(
    uses: &[AllowedUse],
    inputs: &BTreeMap<ImageRef, Input>,
) -> BTreeMap<String, String> {
    let Some(base) = base(uses, inputs) else { return BTreeMap::new() };
    let name = base
        .pinned
        .tag()
        .map_or_else(|| base.pinned.clone(), |tag| base.pinned.repository().at_tag(tag.clone()));
    let digest =
        base.digest().map(|digest| ("org.opencontainers.image.base.digest".to_owned(), digest.to_string()));
    [("org.opencontainers.image.base.name".to_owned(), name.to_string())].into_iter().chain(digest).collect()
}

/// Annotations are lost in Docker's own format, so the same is said in labels.
pub(super) fn labels(
    job: &BuildJob,
    project: &Project,
    uses: &[AllowedUse],
    inputs: &BTreeMap<ImageRef, Input>,
) -> BTreeMap<String, String> {
    let mut labels = annotations(uses, inputs);
    labels.insert("org.opencontainers.image.revision".to_owned(), job.commit.clone());
    // The address as it is shown: without the user and password that it may carry.
    if let Ok(source) = project.source.parse::<source::GitUrl>() {
        labels.insert("org.opencontainers.image.source".to_owned(), source.to_string());
    }
    labels.insert("dev.plimsoll.project".to_owned(), project.name.to_string());
    labels
}

fn base<'a>(uses: &[AllowedUse], inputs: &'a BTreeMap<ImageRef, Input>) -> Option<&'a Input> {
    uses.iter().find(|allowed| allowed.role == BaseRole::Base).and_then(|allowed| inputs.get(&allowed.used))
}
