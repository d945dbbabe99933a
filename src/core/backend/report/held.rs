//! What holds a release back, and what ends that.

use jiff::Timestamp;

use super::super::decision::Considered;
use super::super::gate::{HeldBy, HeldState, Hold};
use super::super::resolve::Missing;
use super::super::resolved::short_image;
use super::super::seen::Seen;
use super::assessment::{Assessment, stalled, working};
use super::deadline::Deadline;
use super::messages::{self, clock};
use super::progress::serving;
use super::rollback;

/// By what the gate says.
pub(super) fn held(
    seen: &Seen,
    considered: &Considered,
    hold: &Hold,
    now: Timestamp,
) -> Assessment {
    match hold {
        Hold::Missing(missing) => waiting(seen, considered, missing, now),
        Hold::Paused => {
            let (name, namespace) = (seen.name(), seen.namespace());
            let text = format!(
                "image {} waits: spec.rollout.paused is true; {}. Next: kubectl patch slb/{name} --type=merge -p '{{\"spec\":{{\"rollout\":{{\"paused\":false}}}}}}' -n {namespace}",
                wanted_image(seen),
                serving(seen)
            );
            Assessment::plain(working("Paused", text))
        }
        Hold::Migration(migration) => migrating(seen, migration),
        Hold::Conflict { migration } => conflict(seen, migration),
        Hold::Unsafe(found) => rollback::held_below(seen, wanted_image(seen), found),
        Hold::Contract {
            migration,
            database,
        } => {
            let text = format!(
                "migration {migration} (AfterRollout) of an earlier release is at work on database {database} and ends before image {} goes on; {}",
                wanted_image(seen),
                serving(seen)
            );
            Assessment::about(migration, working("Migrating", text))
        }
    }
}

/// By the annotation `slipway.dev/paused`.
pub(super) fn withheld(seen: &Seen) -> Assessment {
    let (name, namespace) = (seen.name(), seen.namespace());
    let text = format!(
        "the annotation slipway.dev/paused keeps every write to children back; {}. Next: kubectl annotate slb/{name} slipway.dev/paused- -n {namespace}",
        serving(seen)
    );
    Assessment::plain(working("Paused", text))
}

/// By an object that has the name of one of its Migrations.
pub(super) fn conflict(seen: &Seen, migration: &str) -> Assessment {
    let namespace = seen.namespace();
    let text = format!(
        "migration {migration} is not this Backend's and stays untouched. Next, if nobody needs it: kubectl delete slm {migration} -n {namespace}"
    );
    Assessment::about(migration, stalled("NameConflict", text))
}

/// A missing object is waited for; past the deadline the same reason needs a person.
fn waiting(seen: &Seen, considered: &Considered, missing: &Missing, now: Timestamp) -> Assessment {
    let subject = match missing {
        Missing::Database { name }
        | Missing::DatabaseTerminating { name }
        | Missing::ConfigMap { name, .. } => name,
    };
    let reason = missing.reason();
    let deadline = Deadline::of_objects(seen, considered, now);
    let has_passed = deadline.has_passed(now);
    let passed = if has_passed { " passed" } else { "" };
    let words = format!(
        "{}, deadline {}{passed}",
        serving(seen),
        clock(deadline.until)
    );
    let message = messages::before_next(&missing.message(&seen.namespace()), &words);
    let assessment = if has_passed {
        Assessment::about(subject, stalled(reason, message))
    } else {
        Assessment::about(subject, working(reason, message)).until(deadline.until)
    };
    assessment.waiting_for(deadline.waiting)
}

fn migrating(seen: &Seen, held: &HeldBy) -> Assessment {
    let own = |message: &str| messages::with_serving(&held.migration, message, &serving(seen));
    let standing = match held.state {
        HeldState::Failed => stalled("MigrationFailed", own(&held.message)),
        HeldState::Blocked => stalled("MigrationBlocked", own(&held.message)),
        HeldState::Retrying => working("MigrationRetrying", own(&held.message)),
        HeldState::Awaiting => working("AwaitingApproval", own(&held.message)),
        HeldState::Unconfirmed => {
            let HeldBy {
                migration,
                database,
                ..
            } = held;
            let text = format!(
                "migration {migration} shows itself as done, and the ledger of database {database} does not; the ledger counts; {}. Next: kubectl get sldb/{database} -n {} -o yaml",
                serving(seen),
                seen.namespace()
            );
            working("Migrating", text)
        }
        HeldState::Working if is_trouble(&held.reason) => working("Migrating", own(&held.message)),
        HeldState::Working => {
            let image = wanted_image(seen);
            let text = format!(
                "migration {} must be done before image {image} goes out; {}",
                held.migration,
                serving(seen)
            );
            working("Migrating", text)
        }
    };
    Assessment::about(&held.migration, standing)
}

/// Whether a Migration that still works says more than that it does.
fn is_trouble(reason: &str) -> bool {
    ![
        "",
        "Queued",
        "Running",
        "Verifying",
        "Superseded",
        "Pending",
    ]
    .contains(&reason)
}

fn wanted_image(seen: &Seen) -> &str {
    short_image(&seen.backend.spec.image)
}
