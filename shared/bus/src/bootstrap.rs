//! Makes streams, mirrors, consumers and buckets what the topology says. Services bind and never create.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    kv,
    stream::{Config, DiscardPolicy, External, RetentionPolicy, Source, StorageType},
};
use events::topology::{Account, Bucket, Durable, Keep, Role, StreamName, StreamSpec};
use futures::TryStreamExt as _;
use tracing::info;

use crate::connection::{Connection, Error};

/// How long a repeated publication is recognised: longer than a publisher's patience.
const DUPLICATES: Duration = Duration::from_secs(120);

/// Messages of one consumer that may be out at once; more wait, so that a crash gives back little.
const OUT_AT_ONCE: i64 = 64;

/// Reconciles every account. `connect` gives a connection with the provisioning identity of an account. Idempotent.
pub async fn reconcile(
    connect: impl AsyncFn(Account) -> Result<Connection, Error>,
    replicas: usize,
) -> Result<(), Error> {
    let mut connections = Vec::new();
    for account in Account::ALL {
        connections.push((account, connect(account).await?));
    }
    // Homes come first: a mirror that does not find its origin asks again only after a while.
    for (account, connection) in &connections {
        make_homes(connection, *account, replicas).await?;
    }
    for (account, connection) in connections {
        make_mirrors(&connection, account, replicas).await?;
        connection.drain().await;
    }
    Ok(())
}

async fn make_homes(connection: &Connection, account: Account, replicas: usize) -> Result<(), Error> {
    for spec in StreamName::ALL.map(StreamName::spec).iter().filter(|spec| spec.home == account) {
        apply(connection, account, home(spec, replicas)).await?;
        if spec.keep == Keep::UntilDone {
            remove_strangers(connection, spec.name).await?;
        }
    }
    for role in Role::ALL.into_iter().filter(|role| role.spec().account == account) {
        for durable in role.spec().consumes {
            apply_consumer(connection, durable.stream, durable.filter, durable).await?;
            apply_consumer(connection, StreamName::Redrive, durable.redriven, durable).await?;
        }
    }
    for bucket in Bucket::ALL.into_iter().filter(|bucket| bucket.home() == account) {
        apply_bucket(connection, bucket, replicas).await?;
    }
    Ok(())
}

async fn make_mirrors(connection: &Connection, account: Account, replicas: usize) -> Result<(), Error> {
    let specs = StreamName::ALL.map(StreamName::spec);
    for spec in specs.iter().filter(|spec| spec.mirrors.contains(&account)) {
        apply(connection, account, mirror(spec, account, replicas)).await?;
    }
    Ok(())
}

async fn apply(connection: &Connection, account: Account, config: Config) -> Result<(), Error> {
    let name = config.name.clone();
    if let Ok(found) = connection.jetstream.get_stream(&name).await {
        // The broker turns no stream into a mirror, nor a mirror into a stream, and says so in words that help nobody.
        if found.cached_info().config.mirror.is_some() != config.mirror.is_some() {
            return Err(Error::Elsewhere { stream: name, account });
        }
    }
    let applied = connection.jetstream.create_or_update_stream(config).await;
    applied.map(drop).map_err(|error| Error::broker(format!("apply the stream {name}"), error))
}

/// Removes the durable consumers of a work queue that the topology does not name: an earlier version's would take messages and never handle them, and
/// the broker refuses a new consumer whose messages another one takes. What they held is given to the new ones.
async fn remove_strangers(connection: &Connection, stream: StreamName) -> Result<(), Error> {
    let failed =
        |error: async_nats::Error| Error::broker(format!("reconcile the consumers of {stream}"), error);
    let found = connection.jetstream.get_stream(stream.as_str()).await;
    let queue = found.map_err(|error| failed(error.into()))?;
    let ours = |name: &str| {
        let mut durables = Role::ALL.into_iter().flat_map(|role| role.spec().consumes);
        durables.any(|durable| {
            durable.name == name && (durable.stream == stream || stream == StreamName::Redrive)
        })
    };
    let names: Vec<String> =
        queue.consumer_names().try_collect().await.map_err(|error| failed(error.into()))?;
    for name in names.iter().filter(|name| !ours(name)) {
        queue.delete_consumer(name).await.map_err(|error| failed(error.into()))?;
        info!(%stream, consumer = name, "An unused consumer was removed.");
    }
    Ok(())
}

async fn apply_consumer(
    connection: &Connection,
    stream: StreamName,
    filter: &str,
    durable: &Durable,
) -> Result<(), Error> {
    let failed = |error: async_nats::Error| {
        Error::broker(format!("apply the consumer {} of {stream}", durable.name), error)
    };
    let config = pull::Config {
        durable_name: Some(durable.name.to_owned()),
        filter_subject: filter.to_owned(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: durable.ack_wait,
        // The broker would fall silent about a message that it no longer delivers. The run loop counts and lays it aside instead.
        max_deliver: -1,
        max_ack_pending: OUT_AT_ONCE,
        ..pull::Config::default()
    };
    let created = connection.jetstream.create_consumer_on_stream(config, stream.as_str()).await;
    created.map(drop).map_err(|error| failed(error.into()))
}

async fn apply_bucket(connection: &Connection, bucket: Bucket, replicas: usize) -> Result<(), Error> {
    let config = kv::Config {
        bucket: bucket.as_str().to_owned(),
        history: 8,
        num_replicas: replicas,
        ..kv::Config::default()
    };
    let applied = connection.jetstream.create_or_update_key_value(config).await;
    applied.map(drop).map_err(|error| Error::broker(format!("apply the bucket {}", bucket.as_str()), error))
}

fn home(spec: &StreamSpec, replicas: usize) -> Config {
    let for_ever = spec.keep == Keep::Everything;
    Config {
        subjects: spec.subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        retention: if spec.keep == Keep::UntilDone {
            RetentionPolicy::WorkQueue
        } else {
            RetentionPolicy::Limits
        },
        allow_direct: matches!(spec.keep, Keep::LastFor(_)),
        deny_delete: for_ever,
        deny_purge: for_ever,
        duplicate_window: DUPLICATES,
        ..limited(spec, replicas)
    }
}

fn mirror(spec: &StreamSpec, account: Account, replicas: usize) -> Config {
    Config {
        mirror: Some(Source {
            name: spec.name.to_string(),
            external: Some(External {
                api_prefix: format!("JS.{}.API", spec.home),
                delivery_prefix: Some(format!("deliver.{}.{}", spec.home, account)),
            }),
            ..Source::default()
        }),
        ..limited(spec, replicas)
    }
}

/// What a stream and its mirrors have in common. A mirror does not get its origin's limits from the broker: with fewer of its own it would keep what the
/// origin has dropped, and with another way to be full it would drop an order.
fn limited(spec: &StreamSpec, replicas: usize) -> Config {
    Config {
        name: spec.name.to_string(),
        storage: StorageType::File,
        num_replicas: replicas,
        max_bytes: spec.max_bytes,
        // Work and orders answer with an error when they are full; the oldest fact makes room for the newest.
        discard: match spec.keep {
            Keep::Everything | Keep::UntilDone => DiscardPolicy::New,
            Keep::For(_) | Keep::LastFor(_) | Keep::LastPerSubject(_) => DiscardPolicy::Old,
        },
        max_age: match spec.keep {
            Keep::For(time) | Keep::LastFor(time) => time,
            Keep::Everything | Keep::LastPerSubject(_) | Keep::UntilDone => Duration::ZERO,
        },
        max_messages_per_subject: match spec.keep {
            Keep::LastPerSubject(count) => count,
            Keep::LastFor(_) => 1,
            Keep::Everything | Keep::For(_) | Keep::UntilDone => -1,
        },
        ..Config::default()
    }
}
