//! A run from the first part to the report.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use bus::order::Given;
use events::topology::Role;
use testkit::wait::eventually;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Clock,
    history::{Head, History, Injected},
    inject, oracles, records,
    report::Report,
    schedule::{Fault, schedule},
    watch,
    workload::{self, Person, Recorded, lock},
    yard::{MAX_AGE, VERSIONS, Yard},
};

/// How long starting may take on a busy machine.
const START: Duration = Duration::from_secs(120);
/// How long what was pushed last may take to be built once nothing fails any more.
const SETTLE: Duration = Duration::from_secs(240);
/// How long it is watched after the end in any case: as long as a role may take to be back.
const WATCH: Duration = Duration::from_secs(35);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How long faults go on.
    pub length: Duration,
    /// Which faults there are.
    pub kinds: Vec<Fault>,
    /// Where the logs are kept when a claim does not hold.
    pub logs: PathBuf,
}

struct Run {
    yard: Yard,
    clock: Clock,
    recorded: Recorded,
    images: Vec<String>,
}

/// Runs once. An error means that the parts could not be started or asked, and says nothing about the pipeline.
pub async fn run(options: &Options) -> Result<Report> {
    let yard = Yard::start().await?;
    let prepared = prepare(&yard).await;
    let covers = match prepared {
        Ok(covers) => covers,
        Err(error) => {
            yard.keep_logs(&options.logs)?;
            return Err(error.context(format!("the logs are in {}", options.logs.display())));
        }
    };
    let images = covers.values().flatten().cloned().collect();
    let run = Arc::new(Run { yard, clock: Clock::start(), recorded: Recorded::default(), images });
    let (injected, seen) = play(&run, options).await?;
    let heads = heads(&run).await?;
    let mut history = History {
        max_age: MAX_AGE,
        injected,
        looks: lock(&run.recorded.looks).clone(),
        orders: lock(&run.recorded.orders).clone(),
        checks: lock(&run.recorded.checks).clone(),
        published: Vec::new(),
        heads,
        covers,
    };
    let read = async {
        records::complete(&run.yard, run.clock, &mut history.orders).await?;
        records::published(&run.yard, run.clock).await
    };
    match read.await {
        Ok(published) => history.published = published,
        Err(error) => {
            run.yard.keep_logs(&options.logs)?;
            return Err(error.context("what was stored cannot be read"));
        }
    }
    // Without looks, no failure is seen.
    ensure!(
        history.looks.last().is_some_and(|look| look.at >= options.length),
        "the roles were not looked at until the end"
    );
    ensure!(history.checks.iter().any(|check| check.decision == "refuse"), "the gate refused nothing at all");
    let report = Report::new(options, &history, seen);
    if !report.holds() {
        run.yard.keep_logs(&options.logs)?;
        std::fs::write(options.logs.join("history.txt"), format!("{history:#?}"))?;
    }
    Ok(report)
}

/// Everything is in order, and a ban is refused: what follows means something.
async fn prepare(yard: &Yard) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let all = async || {
        let answered = watch::look(yard, Duration::from_secs(2)).await;
        let absent: Vec<Role> = Role::ALL.into_iter().filter(|role| !answered.contains_key(role)).collect();
        ensure!(absent.is_empty(), "{absent:?} do not answer");
        Ok(())
    };
    eventually("every role to answer", START, all).await?;
    let covers = yard.push_images().await?;
    let person = Person::connect(yard).await?;
    for (kind, body) in yard.orders().await? {
        let given = person.order(kind, body.clone(), START).await?;
        let Given::Accepted(_) = given else { bail!("{kind} {body}: {given:?}") };
    }
    let (recorded, clock) = (Recorded::default(), Clock::start());
    for version in VERSIONS {
        person.ban(yard, &recorded, clock, version, "high").await?;
    }
    let images: Vec<&String> = covers.iter().flat_map(|(_, images)| images).collect();
    for (decision, what) in [("refuse", "banned"), ("allow", "lifted")] {
        for image in &images {
            let decided = async || {
                let said = workload::check(yard, image).await?;
                ensure!(said == decision, "{said}");
                Ok(())
            };
            eventually(format_args!("{image} to be {what}"), START, decided).await?;
        }
        for version in VERSIONS {
            person.lift(yard, &recorded, clock, version).await?;
        }
    }
    Ok(covers.into_iter().map(|(target, images)| (target, images.into_iter().collect())).collect())
}

/// The run itself; yields the faults and what the run's own tasks could not do.
async fn play(run: &Arc<Run>, options: &Options) -> Result<(Vec<Injected>, Vec<String>)> {
    let Options { seed, length, kinds, logs: _ } = options;
    let (working, watching) = (CancellationToken::new(), CancellationToken::new());
    let mut work: JoinSet<Result<()>> = JoinSet::new();
    let (seed, stop) = (*seed, working.clone());
    let spawned = Arc::clone(run);
    work.spawn(async move {
        workload::orders(&spawned.yard, &spawned.recorded, spawned.clock, seed ^ 1, &stop).await
    });
    let (spawned, stop) = (Arc::clone(run), working.clone());
    work.spawn(async move { workload::commits(&spawned.yard, &spawned.recorded, seed ^ 2, &stop).await });
    let (spawned, stop) = (Arc::clone(run), working.clone());
    work.spawn(async move { workload::pushes(&spawned.yard, seed ^ 3, &stop).await });
    let mut watchers: JoinSet<()> = JoinSet::new();
    let (spawned, stop) = (Arc::clone(run), watching.clone());
    watchers.spawn(async move {
        watch::watch(&spawned.yard, spawned.clock, &spawned.recorded.looks, &stop).await
    });
    let (spawned, stop) = (Arc::clone(run), watching.clone());
    watchers.spawn(async move {
        workload::checks(&spawned.yard, &spawned.recorded, spawned.clock, &spawned.images, &stop).await;
    });

    let mut faults: JoinSet<Result<Injected>> = JoinSet::new();
    for planned in schedule(seed, *length, kinds) {
        run.clock.reach(planned.from).await;
        let spawned = Arc::clone(run);
        faults.spawn(async move { inject::inject(&spawned.yard, spawned.clock, planned).await });
    }
    let mut injected = Vec::new();
    while let Some(fault) = faults.join_next().await {
        injected.push(fault?.context("a fault could not be made")?);
    }
    injected.sort_by_key(|injected| injected.from);
    run.clock.reach(*length).await;

    working.cancel();
    let mut seen = Vec::new();
    while let Some(ended) = work.join_next().await {
        seen.extend(ended?.err().map(|error| format!("{error:#}")));
    }
    let ended = run.clock.now();
    settle(run).await;
    // The watch goes on, so that a late return is recorded as late.
    let back = |injected: &[Injected]| {
        let history = History {
            injected: injected.to_vec(),
            looks: lock(&run.recorded.looks).clone(),
            ..History::default()
        };
        oracles::recoveries(&history).iter().all(|recovery| recovery.after.is_some())
    };
    while !back(&injected) && run.clock.now() < ended + WATCH {
        sleep(Duration::from_millis(500)).await;
    }
    watching.cancel();
    while watchers.join_next().await.is_some() {}
    Ok((injected, seen))
}

/// Lifts every ban and waits until what was pushed last is built; gives up in silence, since the oracles look for themselves.
async fn settle(run: &Run) {
    let Run { yard, clock, recorded, images: _ } = run;
    let lifted = async || {
        let person = Person::connect(yard).await?;
        for version in VERSIONS {
            person.lift(yard, recorded, *clock, version).await?;
        }
        anyhow::Ok(())
    };
    eventually("the bans to be lifted", START, lifted).await.ok();
    let built = async || {
        let late = heads(run).await?.into_iter().find(|head| head.built.as_deref() != Some(&head.pushed));
        ensure!(late.is_none(), "{late:?}");
        Ok(())
    };
    eventually("everything to be built", SETTLE, built).await.ok();
}

/// Where each project stands now.
async fn heads(run: &Run) -> Result<Vec<Head>> {
    let pushed = lock(&run.recorded.heads).clone();
    let mut heads = Vec::new();
    for (project, pushed) in pushed {
        let image = run.yard.registry.image(&format!("team/{project}:1"))?;
        let built = run.yard.client.describe(&image).await.ok();
        let built = built.and_then(|image| image.instances.into_iter().next());
        let built =
            built.and_then(|instance| instance.labels.get("org.opencontainers.image.revision").cloned());
        heads.push(Head { project, pushed, built });
    }
    Ok(heads)
}
