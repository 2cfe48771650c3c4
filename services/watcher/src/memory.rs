//! What the operators ordered, held in memory: which repositories and branches there are to look at.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use artifact::Repository;
use bus::Record;
use events::fold;
use verdict::{Snapshot, order::Name};

use crate::hint::Place;

/// The watcher's memory; cheap to clone. Locked only for as long as a look-up takes, and never across a wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<RwLock<Snapshot>>);

/// Something that is looked at from time to time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A repository of images: a project's, or a catalogued base's.
    Images(Repository),
    /// A project's branch.
    Branch(Branch),
}

impl Target {
    /// Its name in logs; a source's address may carry a password.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Images(repository) => repository.to_string(),
            Self::Branch(branch) => format!("{} of {}", branch.branch, branch.project),
        }
    }
}

/// A project's branch, as its order has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Branch {
    pub(crate) project: Name,
    /// The git repository's address.
    pub(crate) source: String,
    pub(crate) branch: String,
}

impl Memory {
    /// Takes in one message.
    pub(crate) fn hear(&self, record: &Record) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        fold(&mut snapshot, record.stream, &record.subject, record.sequence, record.at, &record.body);
    }

    /// Everything there is to look at.
    pub(crate) fn targets(&self) -> BTreeSet<Target> {
        let snapshot = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let images = snapshot.projects().map(|project| project.image.repository());
        let bases = snapshot.bases().map(|base| &base.repository);
        let branches = branches(&snapshot).map(Target::Branch);
        images.chain(bases).cloned().map(Target::Images).chain(branches).collect()
    }

    /// The projects that are built from `branch` of a repository at one of `places`.
    pub(crate) fn built_from(&self, places: &[Place], branch: &str) -> Vec<Branch> {
        let snapshot = self.0.read().unwrap_or_else(PoisonError::into_inner);
        branches(&snapshot)
            .filter(|known| known.branch == branch)
            .filter(|known| Place::of(&known.source).is_some_and(|place| places.contains(&place)))
            .collect()
    }
}

impl Target {
    /// Who is asked about it: one that is slow or broken delays only what it is asked itself.
    pub(crate) fn peer(&self) -> String {
        match self {
            Self::Images(repository) => format!("registry {}", repository.host()),
            Self::Branch(branch) => {
                let host = branch.source.split_once("://").and_then(|(_, rest)| rest.split('/').next());
                format!("git {}", host.and_then(|host| host.rsplit('@').next()).unwrap_or_default())
            }
        }
    }
}

fn branches(snapshot: &Snapshot) -> impl Iterator<Item = Branch> {
    snapshot.projects().map(|project| Branch {
        project: project.name.clone(),
        source: project.source.clone(),
        branch: project.branch.clone(),
    })
}

#[cfg(test)]
mod tests {
    use events::{order, topology::StreamName};
    use time::OffsetDateTime;

    use super::*;

    fn memory() -> Memory {
        let mut snapshot = Snapshot::default();
        let project = |name: &str, branch: &str| {
            format!(
                r#"{{"name":"{name}","source":"https://git.example/acme/app.git","branch":"{branch}","image":"r.test/acme/app:{name}"}}"#
            )
        };
        let bases =
            r#"{"section":"bases","bases":[{"repository":"r.test/base/os","current":"10.4.9"}]}"#.to_owned();
        let orders = [
            (order::CATALOG, bases),
            (order::PROJECT, project("a", "main")),
            (order::PROJECT, project("b", "next")),
        ];
        for (sequence, (kind, body)) in (1..).zip(orders) {
            let subject = format!("{kind}.alice").parse().unwrap();
            fold(
                &mut snapshot,
                StreamName::Orders,
                &subject,
                sequence,
                OffsetDateTime::UNIX_EPOCH,
                body.as_bytes(),
            );
        }
        assert_eq!(snapshot.rejected().count(), 0);
        Memory(Arc::new(RwLock::new(snapshot)))
    }

    #[test]
    fn projects_and_bases_are_looked_at() {
        let targets = memory().targets();
        let peers: Vec<String> = targets.iter().map(Target::peer).collect();
        assert_eq!(peers, ["registry r.test", "registry r.test", "git git.example", "git git.example"]);
    }

    #[test]
    fn a_push_is_matched_by_place_and_branch() {
        let memory = memory();
        let projects = |place: &str, branch: &str| -> Vec<String> {
            let built = memory.built_from(&[Place::of(place).unwrap()], branch);
            built.into_iter().map(|branch| branch.project.to_string()).collect()
        };
        assert_eq!(projects("git@git.example:acme/app.git", "main"), ["a"]);
        assert_eq!(projects("https://git.example/acme/app", "next"), ["b"]);
        assert!(projects("https://git.example/acme/app", "plimsoll/a/bases").is_empty());
        assert!(projects("https://git.example/acme/other", "main").is_empty());
    }
}
