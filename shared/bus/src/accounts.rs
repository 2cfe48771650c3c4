//! The broker's accounts and permissions, rendered from the topology: allow lists only, one identity a process.
//!
//! A broker checks a sender's publish permission and not the reply subject that the sender names, so an answer can be redirected onto
//! any subject of the same account. Orders are therefore out of everybody's account: ORDERS lives in OPS, where nobody works; each
//! person has an account of their own into which nothing is imported but their own order subjects; services and nodes see a mirror.

use std::fmt::Write as _;

use events::{
    order,
    topology::{Account, Bucket, Durable, Role, StreamName, TO_OPERATORS_FROM_NODE, TO_OPERATORS_FROM_PIPE},
};
use verdict::Operator;

/// Who may connect, by public nkey.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    /// The bootstrap step's identity in each account.
    pub provision: Vec<(Account, String)>,
    /// The services.
    pub roles: Vec<(Role, String)>,
    /// Gates and agents: role, node, key.
    pub nodes: Vec<(Role, String, String)>,
    /// People.
    pub operators: Vec<(Operator, String)>,
    /// The system account's identity.
    pub system: String,
}

/// The `accounts` block of the server's configuration.
pub fn render(identities: &Identities) -> String {
    let mut text = String::from("accounts {\n");
    writeln!(text, "  SYS {{ users: [ {{nkey: {}}} ] }}", identities.system).ok();
    for account in Account::ALL {
        text.push_str(&render_account(account, identities));
    }
    for (operator, key) in &identities.operators {
        text.push_str(&render_operator(operator, key));
    }
    text.push_str("}\nsystem_account: SYS\n");
    text
}

/// The account of one person.
pub fn operator_account(operator: &Operator) -> String {
    format!("OPS-{operator}")
}

/// The name of a gate's or agent's identity on its node.
pub fn node_identity(role: Role, node: &str) -> String {
    format!("{role}-{node}")
}

fn render_account(account: Account, identities: &Identities) -> String {
    let mut users: Vec<String> = Vec::new();
    for (_, key) in identities.provision.iter().filter(|(home, _)| *home == account) {
        users.push(format!("{{nkey: {key}}}"));
    }
    for (role, key) in identities.roles.iter().filter(|(role, _)| role.spec().account == account) {
        users.push(user(key, *role, role.as_str(), ""));
    }
    for (role, node, key) in identities.nodes.iter().filter(|(role, ..)| role.spec().account == account) {
        users.push(user(key, *role, &node_identity(*role, node), node));
    }
    let mut text = format!("  {account} {{\n    jetstream: enabled\n    exports: [\n");
    for line in exports(account, identities) {
        writeln!(text, "      {line}").ok();
    }
    text.push_str("    ]\n    imports: [\n");
    for line in imports(account) {
        writeln!(text, "      {line}").ok();
    }
    text.push_str("    ]\n    users: [\n");
    for user in users {
        writeln!(text, "      {user}").ok();
    }
    text.push_str("    ]\n  }\n");
    text
}

fn exports(account: Account, identities: &Identities) -> Vec<String> {
    let mut lines = Vec::new();
    for spec in StreamName::ALL
        .map(StreamName::spec)
        .iter()
        .filter(|spec| spec.home == account && !spec.mirrors.is_empty())
    {
        let to = spec.mirrors.iter().map(|account| account.as_str()).collect::<Vec<_>>().join(", ");
        for subject in mirror_api(spec.name) {
            lines.push(format!("{{service: \"{subject}\", accounts: [{to}]}}"));
        }
        for mirror in spec.mirrors {
            lines.push(format!("{{stream: \"deliver.{account}.{mirror}.>\", accounts: [{mirror}]}}"));
        }
    }
    let people: Vec<_> =
        identities.operators.iter().map(|(operator, _)| operator_account(operator)).collect();
    let people = people.join(", ");
    if people.is_empty() {
        return lines;
    }
    match account {
        Account::Ops => {
            for (operator, _) in &identities.operators {
                for entry in order::ENTRIES {
                    let person = operator_account(operator);
                    lines.push(format!("{{service: \"{}.{operator}\", accounts: [{person}]}}", entry.kind));
                }
            }
        }
        Account::Pipe => {
            lines.extend(
                TO_OPERATORS_FROM_PIPE
                    .iter()
                    .map(|subject| format!("{{stream: \"{subject}\", accounts: [{people}]}}")),
            );
            lines.extend(
                answers(account).map(|subject| format!("{{service: \"{subject}\", accounts: [{people}]}}")),
            );
            lines.push(format!("{{service: \"$SRV.>\", response_type: Stream, accounts: [{people}]}}"));
        }
        Account::Node => {
            lines.extend(
                TO_OPERATORS_FROM_NODE
                    .iter()
                    .map(|subject| format!("{{stream: \"{subject}\", accounts: [{people}]}}")),
            );
            lines.extend(
                answers(account).map(|subject| format!("{{service: \"{subject}\", accounts: [{people}]}}")),
            );
        }
    }
    lines
}

fn imports(account: Account) -> Vec<String> {
    let mut lines = Vec::new();
    for spec in StreamName::ALL.map(StreamName::spec).iter().filter(|spec| spec.mirrors.contains(&account)) {
        let home = spec.home;
        for subject in mirror_api(spec.name) {
            // Flow control is answered on the subject that the home account chose.
            let to = match subject.strip_prefix("$JS.API") {
                Some(verb) => format!(", to: \"JS.{home}.API{verb}\""),
                None => String::new(),
            };
            lines.push(format!("{{service: {{account: {home}, subject: \"{subject}\"}}{to}}}"));
        }
    }
    let mut homes: Vec<Account> = StreamName::ALL
        .map(StreamName::spec)
        .iter()
        .filter(|spec| spec.mirrors.contains(&account))
        .map(|spec| spec.home)
        .collect();
    homes.sort();
    homes.dedup();
    lines.extend(
        homes
            .iter()
            .map(|home| format!("{{stream: {{account: {home}, subject: \"deliver.{home}.{account}.>\"}}}}")),
    );
    lines
}

/// What a mirror asks of its origin.
fn mirror_api(stream: StreamName) -> [String; 3] {
    [
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.FC.{stream}.>"),
    ]
}

fn answers(account: Account) -> impl Iterator<Item = &'static str> {
    Role::ALL
        .into_iter()
        .map(Role::spec)
        .filter(move |spec| spec.account == account)
        .flat_map(|spec| spec.answers.iter().copied())
}

fn render_operator(operator: &Operator, key: &str) -> String {
    let mut text = format!("  {} {{\n    imports: [\n", operator_account(operator));
    for entry in order::ENTRIES {
        writeln!(text, "      {{service: {{account: OPS, subject: \"{}.{operator}\"}}}}", entry.kind).ok();
    }
    for (account, subjects) in
        [(Account::Pipe, TO_OPERATORS_FROM_PIPE), (Account::Node, TO_OPERATORS_FROM_NODE)]
    {
        for subject in subjects {
            writeln!(text, "      {{stream: {{account: {account}, subject: \"{subject}\"}}}}").ok();
        }
        for subject in answers(account) {
            writeln!(text, "      {{service: {{account: {account}, subject: \"{subject}\"}}}}").ok();
        }
    }
    writeln!(text, "      {{service: {{account: PIPE, subject: \"$SRV.>\"}}}}").ok();
    let mut publish: Vec<String> =
        order::ENTRIES.iter().map(|entry| format!("{}.{operator}", entry.kind)).collect();
    publish.extend(["plimsoll.rpc.>".to_owned(), "$SRV.>".to_owned()]);
    let subscribe = ["_INBOX.>".to_owned(), format!("_INBOX_{operator}.>"), "plimsoll.>".to_owned()];
    writeln!(
        text,
        "    ]\n    users: [ {{nkey: {key}, permissions: {{publish: {{allow: [{}]}}, subscribe: {{allow: [{}]}}}}}} ]\n  }}",
        quoted(&publish),
        quoted(&subscribe)
    )
    .ok();
    text
}

fn user(key: &str, role: Role, identity: &str, node: &str) -> String {
    let spec = role.spec();
    let mut publish: Vec<String> =
        spec.publishes.iter().map(|subject| subject.replace("{node}", node)).collect();
    publish.extend(spec.asks.iter().map(|subject| (*subject).to_owned()));
    publish.extend(spec.follows.iter().flat_map(|stream| follow(*stream)));
    publish.extend(spec.consumes.iter().flat_map(pull));
    publish.extend(spec.buckets.iter().flat_map(|bucket| entries(*bucket, node)));
    let mut subscribe = vec![format!("_INBOX_{identity}.>")];
    subscribe.extend(spec.answers.iter().map(|subject| (*subject).to_owned()));
    // Every process is listed, and answers who it is.
    subscribe.push("$SRV.>".to_owned());
    // One reply a question: `allow_responses` opens the asker's inbox for as long as an answer may take, and for nothing else.
    format!(
        "{{nkey: {key}, permissions: {{publish: {{allow: [{}]}}, subscribe: {{allow: [{}]}}, allow_responses: {{max: 1, expires: \"30s\"}}}}}}",
        quoted(&publish),
        quoted(&subscribe)
    )
}

/// What reading a stream from the beginning takes.
fn follow(stream: StreamName) -> Vec<String> {
    vec![
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.API.CONSUMER.INFO.{stream}.>"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.>"),
    ]
}

/// What taking and acknowledging messages takes, in both forms of the acknowledgement's subject.
fn pull(durable: &Durable) -> Vec<String> {
    let Durable { stream, name, .. } = durable;
    vec![
        format!("$JS.API.CONSUMER.INFO.{stream}.{name}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
        format!("$JS.ACK.{stream}.{name}.>"),
        format!("$JS.ACK.*.*.{stream}.{name}.>"),
    ]
}

/// What creating and reading entries takes.
fn entries(bucket: Bucket, node: &str) -> Vec<String> {
    // A node records its own runs; another's it may only read.
    let own = if bucket == Bucket::Runs { format!("run.{node}.>") } else { ">".to_owned() };
    let bucket = bucket.as_str();
    vec![
        format!("$JS.API.STREAM.INFO.KV_{bucket}"),
        format!("$JS.API.DIRECT.GET.KV_{bucket}.>"),
        format!("$JS.API.STREAM.MSG.GET.KV_{bucket}"),
        format!("$KV.{bucket}.{own}"),
    ]
}

fn quoted(subjects: &[String]) -> String {
    subjects.iter().map(|subject| format!("\"{subject}\"")).collect::<Vec<_>>().join(", ")
}
