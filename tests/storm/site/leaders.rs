//! Operators that die between any two writes. What the next one knows is what the API server holds; and a last write of the dead one may
//! still be on its way.

use super::Site;
use crate::leader::Leader;
use crate::looks::{Looks, Root, roots};
use crate::mistakes::Mistake;
use crate::server::Arrival;

/// Of so many looks that lead to a write, one is an operator's last.
const DEADLY: u64 = 12;

/// An operator that has seen nothing yet.
pub fn newcomer() -> Leader {
    Leader {
        looks: Looks::default(),
        mistake: Mistake::None,
    }
}

impl Site<'_> {
    /// The leader looks at everything once, and may die of it.
    pub(super) fn look_at_all(&mut self) {
        for root in roots(&self.world.server) {
            self.look(&root);
        }
        if !self.world.held.is_empty() && self.chance.below(3) == 0 {
            self.leader.land(&mut self.world, 0, 1);
        }
    }

    fn look(&mut self, root: &Root) {
        let mut plan = self.leader.plan(&self.world, root, self.world.term);
        let writes = u64::try_from(plan.decided.steps.len()).unwrap_or_default();
        if writes == 0 || self.chance.below(DEADLY) != 0 {
            self.leader.look(&mut self.world, root);
            return;
        }
        for _ in 0..self.chance.below(writes + 1) {
            if !self
                .leader
                .step(&mut self.world, &mut plan, Arrival::Prompt)
            {
                break;
            }
        }
        if plan.next < plan.decided.steps.len() && self.chance.below(2) == 0 {
            self.world.held.push(plan);
        }
        self.kill_operator();
    }

    /// The leader's memory is gone; the next one begins with what the API server shows.
    pub(super) fn kill_operator(&mut self) {
        // A term of this world is one byte; a storm that lasts so long has killed enough of them.
        if self.world.term < u8::MAX {
            self.figures.operators_killed += 1;
            self.world.take_over();
            self.leader = newcomer();
        }
    }
}
