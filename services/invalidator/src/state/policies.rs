//! Policies between their order and the answer to it: their modules are compiled aside, and only then is anything said.

use verdict::{Outcome, Rejection, Sequence, order::Rego};

use super::{Reaction, Said, State};

/// Modules to compile before their order is answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compilation {
    /// The order.
    pub(crate) order: Sequence,
    /// What it carries.
    pub(crate) rego: Rego,
}

impl State {
    /// Whether the answer to `order` waits for its modules; then it is asked for.
    pub(super) fn waits_for_modules(
        &mut self,
        order: Sequence,
        said: Said,
        reaction: &mut Reaction,
    ) -> Option<Said> {
        let proposed = self.snapshot.proposed(order).and_then(|policy| policy.rego.clone());
        match (&said.outcome, proposed) {
            (Outcome::Accepted | Outcome::Unchanged, Some(rego)) => {
                self.compiling.insert(order, said);
                reaction.compilations.push(Compilation { order, rego });
                None
            }
            _ => Some(said),
        }
    }

    /// The modules were compiled, or the reason is known why they cannot be.
    pub(crate) fn compiled(&mut self, order: Sequence, modules: Result<(), String>) -> Reaction {
        let mut reaction = Reaction::default();
        if let Some(Said { operator, kind, outcome }) = self.compiling.remove(&order) {
            let outcome = match modules {
                Ok(()) => outcome,
                Err(reason) => Outcome::Rejected(Rejection::Unsound(reason)),
            };
            super::say(order, Said { operator, kind, outcome }, &mut reaction);
        }
        reaction
    }
}
