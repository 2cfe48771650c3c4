//! Facts: what happened. One file a noun; `ENTRIES` of all of them make the catalogue.

mod build;
mod campaign;
mod container;
mod dead;
mod image;
mod source;

pub use build::{
    BuildFinished, BuildInput, BuildJob, BuildQueued, BuildStarted, FailureClass, Finding, Lane, Outcome,
    ScanFinished, retry_pause,
};
pub use campaign::{CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed};
pub use container::{ContainerRefused, ContainerRemedied, ContainerStarted, ContainerStopped, RunState};
pub use dead::{DeadLetter, Redrive};
pub use image::{
    ImageDeleted, ImageInstance, ImageInvalidated, ImagePushed, ImageReplaced, ImageRestored,
    ImageUnattributed,
};
pub use source::SourcePushed;

use crate::message::events;

events! {
    SourcePushed on "plimsoll.source.pushed" in Sources, by |event| vec![event.project.to_string()];
    ImagePushed on "plimsoll.image.pushed" in Images, by |event| image::key(&event.repository, &event.digest);
    ImageDeleted on "plimsoll.image.deleted" in Images, by |event| image::key(&event.repository, &event.digest);
    ImageInvalidated on "plimsoll.image.invalidated" in Images, by |event| image::key(&event.repository, &event.digest);
    ImageRestored on "plimsoll.image.restored" in Images, by |event| image::key(&event.repository, &event.digest);
    ImageReplaced on "plimsoll.image.replaced" in Images, by |event| image::key(&event.repository, &event.digest);
    ImageUnattributed on "plimsoll.image.unattributed" in Images, by |event| image::key(&event.repository, &event.digest);
    ScanFinished on "plimsoll.scan.finished" in Builds, by |event| vec![event.project.to_string()];
    BuildQueued on "plimsoll.build.queued" in Builds, by |event| vec![event.project.to_string()];
    BuildStarted on "plimsoll.build.started" in Builds, by |event| vec![event.project.to_string()];
    BuildFinished on "plimsoll.build.finished" in Builds, by |event| vec![event.project.to_string()];
    CampaignOpened on "plimsoll.campaign.opened" in Campaigns, by |event| vec![event.ban.to_string()];
    CampaignPlanned on "plimsoll.campaign.planned" in Campaigns, by |event| vec![event.ban.to_string()];
    CampaignProgressed on "plimsoll.campaign.progressed" in Campaigns, by |event| vec![event.ban.to_string()];
    CampaignClosed on "plimsoll.campaign.closed" in Campaigns, by |event| vec![event.ban.to_string()];
    ContainerStarted on "plimsoll.container.started" in Nodes, by |event| vec![event.node.clone(), event.container.clone()];
    ContainerStopped on "plimsoll.container.stopped" in Nodes, by |event| vec![event.node.clone(), event.container.clone()];
    ContainerRefused on "plimsoll.container.refused" in Nodes, by |event| vec![event.node.clone(), event.container.clone()];
    ContainerRemedied on "plimsoll.container.remedied" in Nodes, by |event| vec![event.node.clone(), event.container.clone()];
    BuildJob on "plimsoll.work.build" in WorkBuild, by |event| vec![event.lane.to_string(), event.project.to_string()];
    DeadLetter on "plimsoll.dead" in Dead, by |event| vec![event.stream.clone(), event.consumer.clone(), event.sequence.to_string()];
    Redrive on "plimsoll.redrive" in Redrive, by |event| vec![event.stream.clone(), event.consumer.clone(), event.operator.clone()];
}
