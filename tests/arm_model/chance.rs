//! A way at random through a walk. Every other step is one of the product's own or of its programs, else all that may go wrong would go wrong
//! at the beginning.

use stateright::{Chooser, Model};

use crate::kubernetes::Ending;
use crate::{Action, Scope};

/// Chooses by chance, the same each time for the same seed.
#[derive(Clone)]
pub struct Chance;

impl Chooser<Scope> for Chance {
    type State = u64;

    fn new_state(&self, seed: u64) -> u64 {
        seed
    }

    fn choose_initial_state(&self, _: &mut u64, _: &[<Scope as Model>::State]) -> usize {
        0
    }

    fn choose_action(
        &self,
        state: &mut u64,
        _: &<Scope as Model>::State,
        actions: &[Action],
    ) -> usize {
        let ordinary: Vec<usize> = actions
            .iter()
            .enumerate()
            .filter(|(_, action)| is_ordinary(action))
            .map(|(index, _)| index)
            .collect();
        if ordinary.is_empty() || next(state).is_multiple_of(2) {
            return below(actions.len(), state);
        }
        ordinary[below(ordinary.len(), state)]
    }
}

fn is_ordinary(action: &Action) -> bool {
    matches!(
        action,
        Action::Look(_) | Action::Start(_) | Action::End(_, Ending::Well)
    )
}

fn below(limit: usize, state: &mut u64) -> usize {
    let limit = u64::try_from(limit).expect("a small number");
    usize::try_from(next(state) % limit).expect("less than the limit")
}

/// Steele, Lea and Flood's `SplitMix64`.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
