//! A definition against the catalog alone, for whoever has it in files and no scanner to ask: the same choices, each with its place and with what it offers.
//! Not what organisation policies say, what the images themselves bring in, or which digest a tag points at.

use std::ops::Range;

use artifact::ImageRef;
use dockerfile::{CannotReplace, Dockerfile, ImageUse, Inputs};
use events::{fact::Finding, rpc::ScannedUse};
use time::OffsetDateTime;
use verdict::{Snapshot, order::Name};

use super::{
    catalog::{Judge, Judged, KEEP},
    disputed, unwritable,
};

/// A definition's project under a catalog, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Catalog<'a> {
    /// The catalog's sections.
    pub snapshot: &'a Snapshot,
    /// The project whose holds and exceptions count.
    pub project: Option<&'a Name>,
    /// What the build would be given.
    pub inputs: &'a Inputs,
    /// When.
    pub now: OffsetDateTime,
}

/// What the catalog says of one image use.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// As the scanner tells it.
    pub finding: Finding,
    /// The bytes of the reference; none where the finding is about more than one.
    pub span: Option<Range<usize>>,
}

impl Catalog<'_> {
    /// What it says, in the order of the file.
    pub fn says(&self, file: &Dockerfile) -> Vec<Told> {
        let judged = self.judged(file);
        let uses: Vec<_> = judged.iter().map(|judged| judged.scanned.clone()).collect();
        let told = judged.into_iter().filter_map(|judged| {
            let span = span(&judged);
            Some(Told { finding: judged.finding?, span: Some(span) })
        });
        let whole = |finding| Told { finding, span: None };
        let disputed = disputed(file).into_iter().map(whole);
        disputed.chain(told).chain(unwritable(file, self.inputs, &uses).map(whole)).collect()
    }

    /// The text with what the catalog offers instead of what is written, also where the door only tells of it; none where nothing changes.
    ///
    /// # Errors
    /// Where the file does not let it: see [`CannotReplace`].
    pub fn replaced(&self, file: &Dockerfile) -> Result<Option<String>, CannotReplace> {
        let offered = |judged: Judged| Some((span(&judged), judged.offered?));
        let images: Vec<_> = self.judged(file).into_iter().filter_map(offered).collect();
        let text = file.replace_images(self.inputs, &images)?;
        Ok((text != file.text()).then_some(text))
    }

    fn judged(&self, file: &Dockerfile) -> Vec<Judged> {
        let Self { snapshot, project, inputs, now } = *self;
        let judged = Judge { snapshot, project, now, bases: Default::default() }.all(file, inputs);
        let uses = file.image_uses(inputs);
        judged.into_iter().zip(&uses).map(|(judged, image_use)| unplaced(judged, image_use)).collect()
    }
}

/// Nobody has asked a registry which digest a tag points at: one that stands beside an allowed tag is left where it is, and none is
/// missed.
fn unplaced(judged: Judged, image_use: &ImageUse) -> Judged {
    let same_version = |written: &&ImageRef| {
        let offered = judged.offered.as_ref();
        offered.is_some_and(|with| with.repository() == written.repository() && with.tag() == written.tag())
    };
    match image_use.resolved.as_ref().ok().filter(same_version) {
        Some(written) => {
            let scanned =
                ScannedUse { choice: KEEP.to_owned(), used: Some(written.clone()), ..judged.scanned };
            Judged { scanned, finding: None, offered: None, ..judged }
        }
        None => judged,
    }
}

fn span(judged: &Judged) -> Range<usize> {
    let place = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX);
    place(judged.scanned.start)..place(judged.scanned.end)
}
