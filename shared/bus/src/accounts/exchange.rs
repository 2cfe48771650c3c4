//! What crosses from one account to another: mirrors, the facts that operators hear, the questions they ask, and what each person says.

use std::collections::BTreeSet;

use events::topology::{Account, Role, StreamName};
use verdict::Operator;

use super::{operator_account, order_subjects, redrive_subject};

/// Where, in a person's account, the broker's own questions about DEAD are asked.
pub(crate) const LETTERS_API: &str = "JS.DEAD.API";

/// Every process answers who it is.
const WHO: &str = "$SRV.>";

/// What `account` offers.
pub(super) fn exports(account: Account, people: &[&Operator]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut deliveries: BTreeSet<Account> = BTreeSet::new();
    for spec in mirrored().filter(|spec| spec.home == account) {
        let to = spec.mirrors.iter().map(|account| account.as_str()).collect::<Vec<_>>().join(", ");
        for subject in mirror_api(spec.name) {
            lines.push(format!("{{service: \"{subject}\", accounts: [{to}]}}"));
        }
        deliveries.extend(spec.mirrors);
    }
    for mirror in deliveries {
        lines.push(format!("{{stream: \"deliver.{account}.{mirror}.>\", accounts: [{mirror}]}}"));
    }
    for (role, _, subject) in published_across().filter(|(_, home, _)| *home == account) {
        lines.push(format!("{{service: \"{subject}\", accounts: [{}]}}", role.spec().account));
    }
    for (subject, listeners) in broadcasts(account) {
        let listeners = listeners.iter().map(|account| account.as_str()).collect::<Vec<_>>().join(", ");
        lines.push(format!("{{stream: \"{subject}\", accounts: [{listeners}]}}"));
    }
    for (asker, stream) in asked_at_origin().filter(|(_, stream)| stream.spec().home == account) {
        lines.push(format!("{{service: \"$JS.API.STREAM.INFO.{stream}\", accounts: [{asker}]}}"));
    }
    if people.is_empty() {
        return lines;
    }
    let everybody: Vec<_> = people.iter().map(|operator| operator_account(operator)).collect();
    let everybody = everybody.join(", ");
    for subject in account.heard_by_operators() {
        lines.push(format!("{{stream: \"{subject}\", accounts: [{everybody}]}}"));
    }
    for subject in answers(account) {
        lines.push(format!("{{service: \"{subject}\", accounts: [{everybody}]}}"));
    }
    if account == StreamName::Dead.spec().home {
        lines.push(format!("{{service: \"{}\", accounts: [{everybody}]}}", letters("$JS.API")));
    }
    for operator in people {
        let person = operator_account(operator);
        for subject in said_by(operator).filter(|(home, _)| *home == account).map(|(_, subject)| subject) {
            lines.push(format!("{{service: \"{subject}\", accounts: [{person}]}}"));
        }
    }
    if account != Account::Ops {
        lines.push(format!("{{service: \"{WHO}\", response_type: Stream, accounts: [{everybody}]}}"));
    }
    lines
}

/// What `account` takes from others.
pub(super) fn imports(account: Account) -> Vec<String> {
    let mut lines = Vec::new();
    let mut homes: BTreeSet<Account> = BTreeSet::new();
    for spec in mirrored().filter(|spec| spec.mirrors.contains(&account)) {
        let home = spec.home;
        for subject in mirror_api(spec.name) {
            // Flow control is answered on the subject that the home account chose.
            let to = match subject.strip_prefix("$JS.API") {
                Some(verb) => format!(", to: \"JS.{home}.API{verb}\""),
                None => String::new(),
            };
            lines.push(format!("{{service: {{account: {home}, subject: \"{subject}\"}}{to}}}"));
        }
        homes.insert(home);
    }
    for home in homes {
        lines.push(format!("{{stream: {{account: {home}, subject: \"deliver.{home}.{account}.>\"}}}}"));
    }
    for (_, home, subject) in published_across().filter(|(role, ..)| role.spec().account == account) {
        lines.push(format!("{{service: {{account: {home}, subject: \"{subject}\"}}}}"));
    }
    for home in Account::ALL {
        for (subject, _) in broadcasts(home).into_iter().filter(|(_, to)| to.contains(&account)) {
            lines.push(format!("{{stream: {{account: {home}, subject: \"{subject}\"}}}}"));
        }
    }
    for (_, stream) in asked_at_origin().filter(|(asker, _)| *asker == account) {
        let (home, own) = (stream.spec().home, origin_info(stream));
        lines.push(format!(
            "{{service: {{account: {home}, subject: \"$JS.API.STREAM.INFO.{stream}\"}}, to: \"{own}\"}}"
        ));
    }
    lines
}

/// What a person's account takes: their own order subjects, what they may hear, and whom they may ask.
pub(super) fn imports_of(operator: &Operator) -> Vec<String> {
    let mut lines = Vec::new();
    for (home, subject) in said_by(operator) {
        lines.push(format!("{{service: {{account: {home}, subject: \"{subject}\"}}}}"));
    }
    let home = StreamName::Dead.spec().home;
    let (theirs, own) = (letters("$JS.API"), letters(LETTERS_API));
    lines.push(format!("{{service: {{account: {home}, subject: \"{theirs}\"}}, to: \"{own}\"}}"));
    for account in Account::ALL {
        for subject in account.heard_by_operators() {
            lines.push(format!("{{stream: {{account: {account}, subject: \"{subject}\"}}}}"));
        }
        for subject in answers(account) {
            lines.push(format!("{{service: {{account: {account}, subject: \"{subject}\"}}}}"));
        }
        if account != Account::Ops {
            lines.push(format!("{{service: {{account: {account}, subject: \"{WHO}\"}}}}"));
        }
    }
    lines
}

/// The question for one dead letter after another, below the prefix of the broker's own interface.
pub(super) fn letters(prefix: &str) -> String {
    format!("{prefix}.DIRECT.GET.{}", StreamName::Dead)
}

/// What a person says, and where it is kept.
fn said_by(operator: &Operator) -> impl Iterator<Item = (Account, String)> {
    let orders = order_subjects(operator).map(|subject| (StreamName::Orders, subject));
    let redrives = std::iter::once((StreamName::Redrive, redrive_subject(operator)));
    orders.chain(redrives).map(|(stream, subject)| (stream.spec().home, subject))
}

/// The streams that are read outside their home.
fn mirrored() -> impl Iterator<Item = events::topology::StreamSpec> {
    StreamName::ALL.into_iter().map(StreamName::spec).filter(|spec| !spec.mirrors.is_empty())
}

/// What a mirror asks of its origin.
fn mirror_api(stream: StreamName) -> [String; 3] {
    [
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.FC.{stream}.>"),
    ]
}

/// What roles say in streams whose home is not their own account: role, home, subject.
fn published_across() -> impl Iterator<Item = (Role, Account, &'static str)> {
    Role::ALL.into_iter().flat_map(|role| {
        let spec = role.spec();
        spec.publishes.iter().filter_map(move |subject| {
            let home = StreamName::keeping(subject)?.spec().home;
            (home != spec.account).then_some((role, home, *subject))
        })
    })
}

/// What is broadcast in `account`, and the other accounts in which somebody subscribes to it.
fn broadcasts(account: Account) -> Vec<(&'static str, BTreeSet<Account>)> {
    let specs = || Role::ALL.into_iter().map(Role::spec);
    let said =
        specs().filter(|spec| spec.account == account).flat_map(|spec| spec.broadcasts.iter().copied());
    said.map(|subject| {
        let listeners = specs().filter(|spec| spec.subscribes.contains(&subject)).map(|spec| spec.account);
        (subject, listeners.filter(|listener| *listener != account).collect())
    })
    .collect()
}

/// Who asks for the state of a stream where it is written: account, stream.
fn asked_at_origin() -> impl Iterator<Item = (Account, StreamName)> {
    Role::ALL
        .into_iter()
        .map(Role::spec)
        .flat_map(|spec| spec.origins.iter().map(move |stream| (spec.account, *stream)))
}

/// Where, outside its home, the state of `stream` at its home is asked for.
pub(super) fn origin_info(stream: StreamName) -> String {
    format!("{}.STREAM.INFO.{stream}", origin_api(stream))
}

/// The prefix, outside its home, of what may be asked about `stream` at its home.
pub(crate) fn origin_api(stream: StreamName) -> String {
    format!("JS.{}.API", stream.spec().home)
}

/// The questions that are answered in `account`.
pub(super) fn answers(account: Account) -> impl Iterator<Item = &'static str> {
    Role::ALL
        .into_iter()
        .map(Role::spec)
        .filter(move |spec| spec.account == account)
        .flat_map(|spec| spec.answers.iter().copied())
}
