//! The fair run: from here on everything works and everybody is prompt. Where does it lead?

use slipway::core::plan::ObjectKind;

use crate::Scope;
use crate::migrations::Outcome;
use crate::witness::release_in;
use crate::world::{BACKEND, World};

/// Looks within which nothing more is to be written.
const LOOKS: usize = 6;

/// Rounds within which it must be at rest.
const ROUNDS: usize = 12;

impl Scope {
    /// Whether looks alone bring in replicas, Service and the template of the last release, whatever the gate says. Of a release whose
    /// ControllerRevision is lost no template is known: its Deployment waits for the gate.
    pub fn reconciles_what_no_gate_holds(&self, world: &World) -> bool {
        let mut world = fair(world);
        if !self.settles(&mut world) {
            return false;
        }
        let spec = &world.backend()["spec"];
        let is_lost = world.lost > world.last_release();
        let deployment = world.deployment().filter(|_| !is_lost);
        let in_place = deployment.is_none_or(|deployment| {
            deployment["spec"]["replicas"] == spec["replicas"]
                && release_in(&deployment["spec"]["template"]) == world.last_release()
        });
        in_place && world.get(ObjectKind::Service, BACKEND).is_some()
    }

    /// Whether the fair run ends Ready, with what the spec asks for; or at a pause.
    pub fn comes_to_rest(&self, world: &World) -> bool {
        let mut world = fair(world);
        for _ in 0..ROUNDS {
            if !self.settles(&mut world) {
                return false;
            }
            let before = world.next_version;
            for name in world.migrations() {
                if !world.is_done(&name) {
                    world.record(&name, Outcome::Succeeded);
                }
                if world.shows_less(&name) {
                    world.show(&name);
                }
            }
            if world.is_rolling() {
                world.roll_out();
            }
            if world.next_version == before {
                break;
            }
        }
        let paused = world.backend()["spec"]["rollout"]["paused"] == true;
        world.broken.is_none() && (paused || world.is_ready())
    }

    /// Looks until nothing more is written.
    fn settles(&self, world: &mut World) -> bool {
        for _ in 0..LOOKS {
            let before = world.next_version;
            self.leader.look(world);
            if world.broken.is_some() {
                return false;
            }
            if world.next_version == before {
                return true;
            }
        }
        false
    }
}

fn fair(world: &World) -> World {
    let mut world = world.clone();
    world.held.clear();
    world.lags.clear();
    world
}
