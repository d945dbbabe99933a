//! When two states are the same: so the walk is finite.

use std::hash::{Hash, Hasher};

use crate::kept::print_of;
use crate::world::{Watched, World, pods_print};

/// Two worlds are the same if they differ only by the numbers of versions: of those only counts which are still the present ones.
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            passed,
            moments,
            term,
            next_version: _,
            server,
            truth,
            made_of: _,
            stranger,
            recorded,
            lost,
            list,
            waited,
            agreed,
            lags,
            held,
            left,
            broken,
            only: _,
            kind: _,
        } = self;
        (passed, moments, term, recorded, lost, left, broken).hash(state);
        (list, waited, agreed, stranger).hash(state);
        server.print().hash(state);
        for pod in server.pods.iter() {
            (pod.runs, pod.holds, pod.sight, pod.found).hash(state);
        }
        truth.hash(state);
        for (kind, lag) in lags {
            (kind, &lag.waits).hash(state);
            match kind {
                Watched::Database => {
                    let shown = &lag.shown.database;
                    (shown.kept.print, self.is_present(shown.version)).hash(state);
                }
                Watched::Backends => {
                    for (name, shown) in lag.shown.backends.iter() {
                        (name, shown.kept.print).hash(state);
                    }
                }
                Watched::Migrations => {
                    for (name, shown) in lag.shown.migrations.iter() {
                        (name, shown.print).hash(state);
                    }
                }
                Watched::Jobs => {
                    for (name, shown) in lag.shown.jobs.iter() {
                        (name, shown.kept.print, self.is_present(shown.version)).hash(state);
                    }
                }
                Watched::Pods => pods_print(&lag.shown.pods).hash(state),
                Watched::ConfigMaps => lag.shown.files.hash(state),
            }
        }
        // The order in which plans were made does not matter.
        let mut plans: Vec<u64> = held
            .iter()
            .map(|held| {
                let fresh: Vec<bool> = held
                    .versions
                    .iter()
                    .map(|version| self.is_present(*version))
                    .collect();
                print_of((&held.root, held.decided.print, held.next, fresh, held.term))
            })
            .collect();
        plans.sort_unstable();
        plans.hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        print_of(self) == print_of(other)
    }
}
