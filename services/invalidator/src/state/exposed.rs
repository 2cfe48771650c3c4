//! Orders whose text holds a credential: whatever became of them, they lie in ORDERS, and everybody who reads that stream reads them.

use bus::Record;
use events::{order, rpc::ExposedOrder};
use verdict::{Order, OrderRecord, Sequence, Snapshot, order::Project};

/// One of them, without the credential.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exposed {
    fact: ExposedOrder,
    project: Option<Project>,
}

impl Exposed {
    /// None where the order holds no credential.
    pub(super) fn of(record: &Record, read: Option<&OrderRecord>) -> Option<Self> {
        let (kind, operator) = record.subject.split_kind()?;
        let fields = order::credentials(kind, &record.body);
        if fields.is_empty() {
            return None;
        }
        let named = |order: &Order| match order {
            Order::Project(project) => project.name.to_string(),
            Order::Policy(policy) => policy.name.to_string(),
            Order::Ban(_)
            | Order::Lift(_)
            | Order::Fixed(_)
            | Order::Catalog(_)
            | Order::Remedy(_)
            | Order::RemedyClosed(_) => String::new(),
        };
        let fact = ExposedOrder {
            order: Sequence(record.sequence),
            operator: operator.to_owned(),
            kind: kind.to_owned(),
            name: read.map(|read| named(&read.order)).unwrap_or_default(),
            fields,
            at: Some(record.at),
            is_current: false,
        };
        let project = match read.map(|read| &read.order) {
            Some(Order::Project(project)) => Some(project.clone()),
            _ => None,
        };
        Some(Self { fact, project })
    }

    /// What is said of it while `snapshot` is in force.
    pub(crate) fn under(&self, snapshot: &Snapshot) -> ExposedOrder {
        let current = self.project.as_ref().and_then(|project| snapshot.project(&project.name));
        let is_current = current.is_some_and(|current| Some(current) == self.project.as_ref());
        ExposedOrder { is_current, ..self.fact.clone() }
    }
}
