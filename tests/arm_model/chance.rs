//! A way at random through a walk. Every other step is one of the product's own or of its programs, else all that may go wrong would go wrong
//! at the beginning.

use stateright::{Chooser, Model};

use crate::numbers::Chance as Numbers;
use crate::runner::Ending;
use crate::{Action, Scope};

/// Chooses by chance, the same each time for the same seed.
#[derive(Clone)]
pub struct Chance;

impl Chooser<Scope> for Chance {
    type State = Numbers;

    fn new_state(&self, seed: u64) -> Numbers {
        Numbers::new(seed)
    }

    fn choose_initial_state(&self, _: &mut Numbers, _: &[<Scope as Model>::State]) -> usize {
        0
    }

    fn choose_action(
        &self,
        numbers: &mut Numbers,
        _: &<Scope as Model>::State,
        actions: &[Action],
    ) -> usize {
        let ordinary: Vec<usize> = actions
            .iter()
            .enumerate()
            .filter(|(_, action)| is_ordinary(action))
            .map(|(index, _)| index)
            .collect();
        if ordinary.is_empty() || numbers.below(2) == 0 {
            return below(actions.len(), numbers);
        }
        ordinary[below(ordinary.len(), numbers)]
    }
}

fn is_ordinary(action: &Action) -> bool {
    matches!(
        action,
        Action::Look(_) | Action::Start(_) | Action::End(_, Ending::Well)
    )
}

fn below(limit: usize, numbers: &mut Numbers) -> usize {
    let limit = u64::try_from(limit).expect("a small number");
    usize::try_from(numbers.below(limit)).expect("less than the limit")
}
