//! Why is this image as it is, and how do things stand?

mod room;

use artifact::{Digest, ImageRef};
use events::rpc::{BanStatus, CheckReply, CredentialsReply, PolicyStatus, StatusReply, WhyReply};
use lineage::Tie;
use time::OffsetDateTime;
use verdict::{
    Door, Rule, decide,
    order::{BanTarget, Policy, shortened},
    resolution::IndexedBase,
    snapshot::{ActiveBan, PolicyInForce},
};

use self::room::Room;
use crate::{coverage, index, state::State};

/// How many images that stand on one are named; more would not be read.
const NAMED: usize = 100;

/// How many digests of a banned tag are named; the rest is counted.
const VERSIONS: usize = 20;

/// Why is `image` as it is?
pub(crate) fn why(state: &State, image: &str, now: OffsetDateTime) -> Result<WhyReply, String> {
    let reference: ImageRef = image.parse().map_err(|error: artifact::InvalidReference| error.to_string())?;
    let unavailable = |error: index::Error| telemetry::Chain(&error).to_string();
    let indexed = state.index.named(&reference).map_err(unavailable)?;
    let Some(indexed) = indexed else {
        return Err(format!(
            "{reference} is not indexed; push it to a watched registry, or ask a gate with `plimsoll check`"
        ));
    };
    let mut verdict = indexed
        .facts()
        .map(|facts| decide(&state.snapshot, &facts, Door::Check, now))
        .max_by_key(|verdict| verdict.strict)
        .ok_or_else(|| format!("{reference} has no instance"))?;
    let ban = verdict.ban.as_ref().and_then(|ban| state.snapshot.ban(ban.origin.sequence));
    if let (Some(ban), Rule::Banned(tie)) = (ban, &verdict.rule) {
        verdict.path = coverage::path(&state.index, ban, tie, &indexed).map_err(unavailable)?;
    }
    let mut derivatives = Vec::new();
    for top in indexed.facts().filter_map(|facts| facts.top()) {
        let above = state.index.standing_on(&top).map_err(unavailable)?;
        derivatives.extend(
            above.iter().filter(|image| image.pushed != indexed.pushed).flat_map(|image| image.names()),
        );
    }
    derivatives.sort();
    derivatives.dedup();
    derivatives.truncate(NAMED);
    let campaign = ban.and_then(|ban| state.ledger.campaign(ban.record.sequence));
    Ok(WhyReply {
        operator: ban.map(|ban| ban.record.operator.to_string()).unwrap_or_default(),
        since: ban.map(|ban| ban.record.at),
        reason: ban.map(|ban| shortened(&ban.ban.reason).into_owned()).unwrap_or_default(),
        evidence: evidence(&verdict.rule),
        derivatives,
        campaign: campaign.map(|campaign| campaign.progress.iter().cloned().collect()).unwrap_or_default(),
        verdict: Box::new(CheckReply {
            decision: verdict.decision,
            strict: verdict.strict,
            message: verdict.to_string(),
            digest: Some(indexed.pushed.digest.clone()),
            ban: verdict.ban.as_ref().map(|ban| ban.origin.sequence),
            replacement: verdict.replacement.clone(),
            orders: verdict.as_of.orders,
            resolutions: verdict.as_of.resolutions,
            valid_until: verdict.valid_until,
            path: verdict.path,
            pinned: indexed.reference().to_string(),
            // The invalidator answers from what it issues heartbeats about.
            age_ms: None,
            stale: false,
        }),
    })
}

/// How do things stand? The bans come first, and of each what it is; what is left over of them has the room that is left.
pub(crate) fn status(state: &State, now: OffsetDateTime) -> Result<StatusReply, String> {
    let in_force = state.snapshot.bans().filter(|ban| ban.holds_at(now));
    let bans = in_force.map(|ban| ban_status(state, ban)).collect::<Result<Vec<_>, index::Error>>();
    let bans = bans.map_err(|error| telemetry::Chain(&error).to_string())?;
    let mut room = Room::whole();
    let (mut bans, untold_bans) = room.part(2).take(bans.into_iter(), |ban| {
        let texts = [ban.target.as_str(), &ban.operator, &ban.reason, &ban.pending_because];
        room::entry(texts.into_iter().chain(ban.covered.iter().chain(&ban.cleared).map(Digest::as_str)))
    });
    let policies = state.snapshot.policies().filter(|held| !held.policy.asks_nothing());
    let (policies, untold_policies) =
        room.part(3).take(policies.map(|held| policy_status(state, held)), |policy| {
            let PolicyStatus { modules, dry_run, projects, named_by, deny, ignore, .. } = policy;
            let lists = [modules, dry_run, projects, named_by, deny, ignore];
            room::entry(lists.into_iter().flatten().map(String::as_str))
        });
    // The last one is what somebody has just asked about.
    let rejected = state.snapshot.rejected().rev();
    let rejected = rejected.map(|(order, why)| shortened(&format!("order {order}: {why}")).into_owned());
    let (mut rejected, untold_rejected) = room.part(2).take(rejected, |text| room::line(text));
    rejected.reverse();
    for (number, ban) in (1..=bans.len()).rev().zip(&mut bans) {
        let left = std::mem::take(&mut ban.stragglers);
        let (told, untold) = room.part(number).take(left.into_iter(), |text| room::line(text));
        ban.stragglers = told;
        ban.untold = ban.untold.saturating_add(untold);
    }
    Ok(StatusReply {
        orders: state.snapshot.as_of().orders,
        images: u64::try_from(state.index.count()).unwrap_or(u64::MAX),
        bans,
        rejected,
        policies,
        untold_bans,
        untold_rejected,
        untold_policies,
    })
}

/// Which orders hold a credential?
pub(crate) fn credentials(state: &State) -> CredentialsReply {
    let orders = state.exposed.iter().map(|exposed| {
        let mut order = exposed.under(&state.snapshot);
        order.fields = room::named(order.fields);
        order
    });
    let (orders, omitted) = Room::whole().take(orders, |order| {
        let texts = [order.operator.as_str(), &order.kind, &order.name];
        room::entry(texts.into_iter().chain(order.fields.iter().map(String::as_str)))
    });
    CredentialsReply { orders, omitted }
}

fn policy_status(state: &State, held: &PolicyInForce) -> PolicyStatus {
    let PolicyInForce { policy, revision, operator, since } = held;
    let Policy { name, fail_on, deny, ignore, rego, projects, silencing } = policy;
    let modules = rego.iter().flat_map(|rego| &rego.modules);
    let naming = state.snapshot.projects().filter(|project| project.policy.as_ref() == Some(name));
    PolicyStatus {
        name: name.clone(),
        revision: *revision,
        operator: operator.to_string(),
        since: Some(*since),
        fail_on: fail_on.clone().unwrap_or_else(|| "none".to_owned()),
        modules: room::named(modules.map(|module| module.file.clone()).collect()),
        dry_run: room::named(rego.iter().flat_map(|rego| rego.dry_run.clone()).collect()),
        projects: room::named(projects.iter().map(ToString::to_string).collect()),
        named_by: room::named(naming.map(|project| project.name.to_string()).collect()),
        deny: room::named(deny.clone()),
        ignore: room::named(ignore.clone()),
        silencing: silencing.to_string(),
    }
}

fn ban_status(state: &State, ban: &ActiveBan) -> Result<BanStatus, index::Error> {
    let campaign = state.ledger.campaign(ban.record.sequence).cloned().unwrap_or_default();
    let images = state.index.invalidated(ban.record.sequence)?.len();
    let (covered, cleared) = state.snapshot.coverages().versions(ban.record.sequence);
    let mut covered = newest(covered);
    if let BanTarget::Digest(_, digest) = &ban.ban.target {
        covered.0.push(digest.clone());
        covered.1 = 1;
    }
    let cleared = newest(cleared);
    Ok(BanStatus {
        ban: ban.record.sequence,
        target: ban.ban.target.to_string(),
        operator: ban.record.operator.to_string(),
        since: Some(ban.record.at),
        severity: ban.ban.severity.to_string(),
        reason: shortened(&ban.ban.reason).into_owned(),
        state: if state.snapshot.coverage(ban).complete { "active" } else { "pending" }.to_owned(),
        images: u32::try_from(images).unwrap_or(u32::MAX),
        replaced: campaign.replaced,
        untold: campaign.untold,
        campaign: if campaign.opened { campaign.state().to_owned() } else { String::new() },
        containers_remedied: campaign.containers_remedied(),
        closed_at: campaign.closed_at,
        stragglers: campaign.stragglers,
        covered: covered.0,
        covered_count: covered.1,
        fixed_by: ban.fixed_by.clone(),
        cleared: cleared.0,
        cleared_count: cleared.1,
        pending_because: shortened(state.trouble(ban.record.sequence).unwrap_or_default()).into_owned(),
    })
}

/// The newest digests of a tag, and how many there are.
fn newest(versions: &[IndexedBase]) -> (Vec<Digest>, u32) {
    let digests = versions.iter().rev().filter_map(|version| version.reference.digest().cloned());
    (digests.take(VERSIONS).collect(), u32::try_from(versions.len()).unwrap_or(u32::MAX))
}

fn evidence(rule: &Rule) -> String {
    match rule {
        Rule::Banned(Tie { evidence, .. }) => evidence.kind().to_owned(),
        Rule::Clear
        | Rule::Pending
        | Rule::Unknown
        | Rule::Behind
        | Rule::Stale
        | Rule::NoState
        | Rule::Unreadable => String::new(),
    }
}
