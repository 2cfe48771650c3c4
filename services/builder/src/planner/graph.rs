//! Which projects stand on which, and in what order they are built. Not whether one is built, nor when.
//!
//! It is laid out anew for every decision, at every message of a storm: time grows with what it holds, by `n log n`.

use std::collections::{BTreeMap, BTreeSet};

use artifact::Repository;
use verdict::order::Name;

use super::state::State;

/// Some projects, each after what it stands on.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    order: Vec<&'a Name>,
    nodes: BTreeMap<&'a Name, Node<'a>>,
}

/// What is next to a project.
#[derive(Debug, Default)]
struct Node<'a> {
    /// What it stands on; once it has its place, only what comes before it.
    bases: BTreeSet<&'a Name>,
    /// What stands on it.
    above: Vec<&'a Name>,
    height: usize,
}

impl<'a> Graph<'a> {
    /// The graph of these projects alone, by what each published last. Where two stand on each other, the one whose name comes first
    /// does not wait for the other.
    pub(crate) fn of(state: &State, projects: impl IntoIterator<Item = &'a Name>) -> Self {
        let mut graph = Self { order: Vec::new(), nodes: linked(state, projects.into_iter().collect()) };
        graph.put_in_order();
        graph.measure();
        graph
    }

    /// The projects, each after what it waits for.
    pub(crate) fn order(&self) -> impl Iterator<Item = &'a Name> {
        self.order.iter().copied()
    }

    /// What a project waits for: what it stands on, all of which comes before it.
    pub(crate) fn bases(&self, project: &Name) -> impl Iterator<Item = &'a Name> {
        self.nodes.get(project).into_iter().flat_map(|node| node.bases.iter().copied())
    }

    /// How many builds have to follow this one, one after another.
    pub(crate) fn height(&self, project: &Name) -> usize {
        self.nodes.get(project).map_or(0, |node| node.height)
    }

    fn put_in_order(&mut self) {
        let mut left: BTreeMap<&Name, usize> =
            self.nodes.iter().map(|(name, node)| (*name, node.bases.len())).collect();
        let mut free: BTreeSet<&Name> =
            left.iter().filter(|(_, missing)| **missing == 0).map(|(name, _)| *name).collect();
        // Where all that is left stands on each other, the circle is cut at its first name.
        while let Some(next) = free.pop_first().or_else(|| left.keys().next().copied()) {
            left.remove(next);
            self.order.push(next);
            let Some(node) = self.nodes.get_mut(next) else { continue };
            node.bases.retain(|base| !left.contains_key(base));
            for above in &node.above {
                if let Some(missing) = left.get_mut(above) {
                    *missing -= 1;
                    if *missing == 0 {
                        free.insert(above);
                    }
                }
            }
        }
    }

    fn measure(&mut self) {
        for name in self.order.iter().rev() {
            let Some(node) = self.nodes.get(name) else { continue };
            let (bases, least) = (node.bases.clone(), node.height + 1);
            for base in bases {
                if let Some(base) = self.nodes.get_mut(base) {
                    base.height = base.height.max(least);
                }
            }
        }
    }
}

fn linked<'a>(state: &State, projects: BTreeSet<&'a Name>) -> BTreeMap<&'a Name, Node<'a>> {
    let published = || projects.iter().filter_map(|name| Some((*name, state.published.get(*name)?)));
    let mut by_repository: BTreeMap<&Repository, Vec<&'a Name>> = BTreeMap::new();
    for (name, publication) in published() {
        by_repository.entry(&publication.repository).or_default().push(name);
    }
    let mut nodes: BTreeMap<&'a Name, Node<'a>> =
        projects.iter().map(|name| (*name, Node::default())).collect();
    for (name, publication) in published() {
        let bases = publication.stands_on.iter().filter_map(|repository| by_repository.get(repository));
        for base in bases.flatten().filter(|base| **base != name) {
            nodes.entry(name).or_default().bases.insert(base);
            nodes.entry(base).or_default().above.push(name);
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use artifact::Digest;
    use proptest::prelude::*;

    use super::*;
    use crate::planner::state::{Publication, Pushed};

    /// Projects by name, each with the names that it stands on.
    fn world(projects: &[(String, BTreeSet<String>)]) -> State {
        let repository = |name: &String| format!("r.io/{name}").parse().unwrap();
        let mut state = State::default();
        for (name, bases) in projects {
            let publication = Publication {
                repository: repository(name),
                digest: Digest::of(name.as_bytes()),
                source: Pushed { commit: "c0ffee".to_owned(), place: 1 },
                stands_on: bases.iter().map(repository).collect(),
            };
            state.published.insert(name.parse().unwrap(), publication);
        }
        state
    }

    #[track_caller]
    fn check(projects: &[(&str, &[&str])], expected: &[(&str, usize, &[&str])]) {
        let projects: Vec<_> = projects
            .iter()
            .map(|(name, bases)| {
                ((*name).to_owned(), bases.iter().map(|base| (*base).to_owned()).collect::<BTreeSet<_>>())
            })
            .collect();
        let state = world(&projects);
        let graph = Graph::of(&state, state.published.keys());
        let laid: Vec<_> = graph
            .order()
            .map(|name| (name.as_str(), graph.height(name), graph.bases(name).map(Name::as_str).collect()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, height, bases)| (*name, *height, bases.to_vec())).collect();
        assert_eq!(laid, expected);
    }

    #[test]
    fn each_comes_after_what_it_stands_on() {
        check(&[], &[]);
        check(&[("b", &["os"]), ("a", &["os"])], &[("a", 0, &[]), ("b", 0, &[])]);
        check(
            &[("a", &["b"]), ("b", &["c"]), ("c", &[])],
            &[("c", 2, &[]), ("b", 1, &["c"]), ("a", 0, &["b"])],
        );
        let diamond = [("top", ["left", "right"].as_slice()), ("left", &["os"]), ("right", &["os"])];
        check(&diamond, &[("left", 1, &[]), ("right", 1, &[]), ("top", 0, &["left", "right"])]);
        check(&[("a", &["a"])], &[("a", 0, &[])]);
    }

    #[test]
    fn a_circle_is_cut_where_its_first_name_comes() {
        check(&[("a", &["b"]), ("b", &["a"])], &[("a", 1, &[]), ("b", 0, &["a"])]);
        check(
            &[("a", &["c"]), ("b", &["a"]), ("c", &["b"]), ("free", &[])],
            &[("free", 0, &[]), ("a", 2, &[]), ("b", 1, &["a"]), ("c", 0, &["b"])],
        );
    }

    proptest! {
        #[test]
        fn all_are_there_once_and_wait_only_for_earlier_ones(
            links in prop::collection::vec((0_usize..12, 0_usize..12), 0..40),
        ) {
            let name = |number: usize| format!("p{number}");
            let projects: Vec<_> = (0..12)
                .map(|project| {
                    let bases = links.iter().filter(|(above, _)| *above == project);
                    (name(project), bases.map(|(_, base)| name(*base)).collect())
                })
                .collect();
            let state = world(&projects);
            let graph = Graph::of(&state, state.published.keys());
            let order: Vec<&Name> = graph.order().collect();
            prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 12);
            prop_assert_eq!(order.len(), 12);
            for (place, project) in order.iter().enumerate() {
                for base in graph.bases(project) {
                    prop_assert!(order.iter().take(place).any(|earlier| *earlier == base));
                    prop_assert!(graph.height(base) > graph.height(project));
                }
            }
            // What is on no circle waits for all that it stands on.
            for (above, base) in &links {
                let (above, base): (Name, Name) = (name(*above).parse().unwrap(), name(*base).parse().unwrap());
                let place = |of: &Name| order.iter().position(|name| *name == of);
                if above != base && place(&base) < place(&above) {
                    prop_assert!(graph.bases(&above).any(|found| *found == base));
                }
            }
        }
    }
}
