//! The broker's accounts and permissions, rendered from the topology: one identity a process, and nothing that is not listed.
//!
//! A broker checks a sender's publish permission and not the reply subject that the sender names, so an answer can be redirected onto
//! any subject of the same account. Authority is therefore out of everybody's account: ORDERS lives in OPS, where nobody works; each
//! person has an account of their own into which nothing is imported but their own order subjects; RESOLUTIONS lives in RULING, where
//! the invalidator works alone; services and nodes see mirrors.

mod exchange;
mod permissions;

pub(crate) use exchange::{LETTERS_API, origin_api};

use std::fmt::Write as _;

use events::{
    Event as _,
    fact::Redrive,
    order,
    topology::{Account, Role},
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
    let people: Vec<&Operator> = identities.operators.iter().map(|(operator, _)| operator).collect();
    let mut text = String::from("accounts {\n");
    writeln!(text, "  SYS {{ users: [ {{nkey: {}}} ] }}", identities.system).ok();
    for account in Account::ALL {
        text.push_str(&render_account(
            account.as_str(),
            "jetstream: enabled",
            &exchange::exports(account, &people),
            &exchange::imports(account),
            &users(account, identities),
        ));
    }
    for (operator, key) in &identities.operators {
        let user = permissions::person(key, operator);
        let imports = exchange::imports_of(operator);
        text.push_str(&render_account(&operator_account(operator), "", &[], &imports, &[user]));
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

/// The subjects on which a person gives orders.
fn order_subjects(operator: &Operator) -> impl Iterator<Item = String> {
    order::ENTRIES.iter().map(move |entry| format!("{}.{operator}", entry.kind))
}

/// The subjects on which a person asks for dead letters to be tried again.
fn redrive_subject(operator: &Operator) -> String {
    format!("{}.*.*.{operator}", Redrive::KIND)
}

fn render_account(
    name: &str,
    settings: &str,
    exports: &[String],
    imports: &[String],
    users: &[String],
) -> String {
    let mut text = format!("  {name} {{\n    {settings}\n");
    for (list, lines) in [("exports", exports), ("imports", imports), ("users", users)] {
        writeln!(text, "    {list}: [").ok();
        for line in lines {
            writeln!(text, "      {line}").ok();
        }
        text.push_str("    ]\n");
    }
    text.push_str("  }\n");
    text
}

fn users(account: Account, identities: &Identities) -> Vec<String> {
    let mut users: Vec<String> = Vec::new();
    for (_, key) in identities.provision.iter().filter(|(home, _)| *home == account) {
        users.push(format!("{{nkey: {key}}}"));
    }
    for (role, key) in identities.roles.iter().filter(|(role, _)| role.spec().account == account) {
        users.push(permissions::role(key, *role, role.as_str(), ""));
    }
    for (role, node, key) in identities.nodes.iter().filter(|(role, ..)| role.spec().account == account) {
        users.push(permissions::role(key, *role, &node_identity(*role, node), node));
    }
    users
}
