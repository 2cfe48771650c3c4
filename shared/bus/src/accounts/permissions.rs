//! What one identity may say and hear. Whatever is not allowed is denied; a denial stands only where a wildcard would reach too far.

use events::{
    Event as _,
    fact::DeadLetter,
    topology::{Account, Bucket, Durable, Role, StreamName},
};
use verdict::Operator;

use super::{exchange, order_subjects, redrive_subject};
use crate::limits;

/// What may be asked about a process.
const WHO: [&str; 3] = ["PING", "INFO", "STATS"];

/// A role's process.
pub(super) fn role(key: &str, role: Role, identity: &str, node: &str) -> String {
    let spec = role.spec();
    let mut publish: Vec<String> =
        spec.publishes.iter().map(|subject| subject.replace("{node}", node)).collect();
    publish.extend(spec.asks.iter().chain(spec.broadcasts).map(|subject| (*subject).to_owned()));
    publish.extend(spec.origins.iter().map(|stream| exchange::origin_info(*stream)));
    publish.extend(spec.follows.iter().flat_map(|stream| follow(*stream)));
    publish.extend(spec.consumes.iter().flat_map(consume));
    publish.extend(spec.buckets.iter().flat_map(|bucket| entries(*bucket, node)));
    publish.extend(limits::watched(role).iter().map(|stream| format!("$JS.API.STREAM.INFO.{stream}")));
    let others: Vec<String> =
        spec.follows.iter().flat_map(|stream| shared_with_others(*stream, role)).collect();
    let deny = if others.is_empty() { String::new() } else { format!(", deny: [{}]", quoted(&others)) };
    let mut subscribe = vec![format!("_INBOX_{identity}.>")];
    subscribe.extend(spec.answers.iter().chain(spec.subscribes).map(|subject| (*subject).to_owned()));
    // Every process is listed, and answers who it is.
    for verb in WHO {
        subscribe.extend([
            format!("$SRV.{verb}"),
            format!("$SRV.{verb}.{role}"),
            format!("$SRV.{verb}.{role}.*"),
        ]);
    }
    // One reply a question: `allow_responses` opens the asker's inbox for as long as an answer may take, and for nothing else.
    format!(
        "{{nkey: {key}, permissions: {{publish: {{allow: [{}]{deny}}}, subscribe: {{allow: [{}]}}, allow_responses: {{max: 1, expires: \"30s\"}}}}}}",
        quoted(&publish),
        quoted(&subscribe)
    )
}

/// A person.
pub(super) fn person(key: &str, operator: &Operator) -> String {
    let mut publish: Vec<String> = order_subjects(operator).collect();
    publish.extend([redrive_subject(operator), exchange::letters(exchange::LETTERS_API)]);
    publish.extend(Account::ALL.into_iter().flat_map(exchange::answers).map(str::to_owned));
    for verb in WHO {
        publish.extend([format!("$SRV.{verb}"), format!("$SRV.{verb}.>")]);
    }
    let subscribe = ["_INBOX.>".to_owned(), format!("_INBOX_{operator}.>"), "plimsoll.>".to_owned()];
    format!(
        "{{nkey: {key}, permissions: {{publish: {{allow: [{}]}}, subscribe: {{allow: [{}]}}}}}}",
        quoted(&publish),
        quoted(&subscribe)
    )
}

/// What reading a stream from the beginning takes; the reader names its own consumer.
fn follow(stream: StreamName) -> [String; 3] {
    [
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.*"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
    ]
}

/// The consumers of a stream in which other roles share work: a reader of that stream neither changes them nor takes from them.
fn shared_with_others(stream: StreamName, reader: Role) -> Vec<String> {
    let others = Role::ALL.into_iter().filter(|role| *role != reader).map(Role::spec);
    let durables = others.flat_map(|spec| spec.consumes).filter(|durable| durable.stream == stream);
    durables
        .flat_map(|Durable { stream, name, .. }| {
            [
                format!("$JS.API.CONSUMER.CREATE.{stream}.{name}"),
                format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
            ]
        })
        .collect()
}

/// What a consumer takes: its stream, its redriven letters, and those letters themselves.
fn consume(durable: &Durable) -> Vec<String> {
    let Durable { stream, name, .. } = durable;
    let mut subjects = [pull(*stream, name), pull(StreamName::Redrive, name)].concat();
    subjects.push(format!("$JS.API.DIRECT.GET.{}.{}.{stream}.{name}.*", StreamName::Dead, DeadLetter::KIND));
    subjects
}

/// What taking and acknowledging messages takes, in both forms of the acknowledgement's subject.
fn pull(stream: StreamName, name: &str) -> [String; 4] {
    [
        format!("$JS.API.CONSUMER.INFO.{stream}.{name}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
        format!("$JS.ACK.{stream}.{name}.>"),
        format!("$JS.ACK.*.*.{stream}.{name}.>"),
    ]
}

/// What creating and reading entries takes.
fn entries(bucket: Bucket, node: &str) -> [String; 3] {
    // A node records its own runs; another's it may only read.
    let own = if bucket == Bucket::Runs { format!("run.{node}.>") } else { ">".to_owned() };
    let bucket = bucket.as_str();
    [
        format!("$JS.API.STREAM.INFO.KV_{bucket}"),
        format!("$JS.API.DIRECT.GET.KV_{bucket}.>"),
        format!("$KV.{bucket}.{own}"),
    ]
}

fn quoted(subjects: &[String]) -> String {
    subjects.iter().map(|subject| format!("\"{subject}\"")).collect::<Vec<_>>().join(", ")
}
