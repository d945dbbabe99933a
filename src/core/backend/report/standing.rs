//! How a Backend stands: an ordered list of questions, the first that applies decides (`experience.md` section 3).

use jiff::Timestamp;

use super::super::children::Whose;
use super::super::decide::{Considered, Decision, Outlook};
use super::super::gate::{HeldBy, HeldState, Hold};
use super::super::release::Release;
use super::super::resolve::Missing;
use super::super::resolved::short_image;
use super::super::seen::Seen;
use super::deadline::{Since, deadline, from_now};
use super::messages::{self, clock, foreign};
use super::migrated;
use super::pods;
use super::progress::{progress, serving};
use super::{is_rolled_out, writes_deployment};
use crate::core::conditions::Standing;
use crate::core::plan::{Executed, ObjectKey, Stop};

/// Reasons of a rollout that does not get on.
pub(super) const ROLLOUT_REASONS: [&str; 9] = [
    "ImagePullFailed",
    "SecretMissing",
    "ConfigMapMissing",
    "OutOfMemory",
    "CrashLooping",
    "QuotaExceeded",
    "Forbidden",
    "Unschedulable",
    "NotReady",
];

/// How it stands, what the message is about, and when that changes by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assessment {
    pub standing: Standing,
    /// Name of the object that the message is about; empty: the Backend itself.
    pub subject: String,
    /// When waiting turns into Stalled.
    pub until: Option<Timestamp>,
}

/// How it stands, with a next command that can be typed as it is.
pub(super) fn assess(
    seen: &Seen,
    decision: &Decision,
    executed: &Executed,
    now: Timestamp,
) -> Assessment {
    let assessment = first_that_applies(seen, decision, executed, now);
    let standing = assessment
        .standing
        .told(|message| messages::in_namespace(message, &seen.namespace()));
    Assessment {
        standing,
        ..assessment
    }
}

/// Asks the questions in order: what stopped us, what is wrong with the spec, what holds the release, how the pods are.
fn first_that_applies(
    seen: &Seen,
    decision: &Decision,
    executed: &Executed,
    now: Timestamp,
) -> Assessment {
    if let Some(assessment) = executed.stop.as_ref().and_then(|stop| stopped(seen, stop)) {
        return assessment;
    }
    match &decision.outlook {
        Outlook::Deleting => plain(working("Deleting", "it is being deleted".to_owned())),
        Outlook::Invalid(invalid) => plain(stalled("InvalidSpec", invalid.to_string())),
        Outlook::Taken { key, whose } => taken(key, *whose),
        Outlook::Considered(considered) => match &considered.hold {
            _ if considered.withheld => withheld(seen),
            Some(hold) => held(seen, considered, hold, now),
            None => rolling(seen, decision, considered, now),
        },
    }
}

fn plain(standing: Standing) -> Assessment {
    Assessment {
        standing,
        subject: String::new(),
        until: None,
    }
}

fn working(reason: &str, message: String) -> Standing {
    Standing::Working {
        reason: reason.to_owned(),
        message,
    }
}

pub(super) fn stalled(reason: &str, message: String) -> Standing {
    Standing::Stalled {
        reason: reason.to_owned(),
        message,
    }
}

fn stopped(seen: &Seen, stop: &Stop) -> Option<Assessment> {
    match stop {
        Stop::NameConflict { key } => Some(taken(key, Whose::Foreign)),
        Stop::Forbidden { key, verb, message } => {
            let kind = key.kind.plural();
            let namespace = seen.namespace();
            let text = format!(
                "Slipway may not {verb} {kind} in namespace {namespace}: {}. Next: give the operator's ServiceAccount that right again, as config/rbac has it",
                foreign(message)
            );
            Some(about(key, stalled("Forbidden", text)))
        }
        Stop::QuotaExceeded { key, message } => {
            let text = format!(
                "{} is refused: {}. Next: kubectl describe quota",
                named(key),
                foreign(message)
            );
            Some(about(key, working("QuotaExceeded", text)))
        }
        Stop::Refused { key, message } => {
            let text = format!(
                "the API server refuses {}: {}. Next: change the field of the Backend that it names",
                named(key),
                foreign(message)
            );
            Some(about(key, stalled("InvalidSpec", text)))
        }
        Stop::ReadAgain { .. }
        | Stop::NamespaceTerminating { .. }
        | Stop::Unavailable { .. }
        | Stop::NotLeader => None,
    }
}

fn about(key: &ObjectKey, standing: Standing) -> Assessment {
    Assessment {
        standing,
        subject: key.name.clone(),
        until: None,
    }
}

fn named(key: &ObjectKey) -> String {
    format!("{} {}", key.kind.kind().to_lowercase(), key.name)
}

fn taken(key: &ObjectKey, whose: Whose) -> Assessment {
    let object = named(key);
    if whose == Whose::Leftover {
        let text = format!(
            "{object} of a deleted Backend of this name is still there; waits until it is gone"
        );
        return about(key, working("Pending", text));
    }
    let text = format!(
        "{object} is not Slipway's and stays untouched. Next: rename the Backend; or, if nobody needs it: kubectl delete {object}"
    );
    about(key, stalled("NameConflict", text))
}

fn held(seen: &Seen, considered: &Considered, hold: &Hold, now: Timestamp) -> Assessment {
    match hold {
        Hold::Missing(missing) => waiting(seen, considered, missing, now),
        Hold::Paused => {
            let name = seen.name();
            let text = format!(
                "image {} waits: spec.rollout.paused is true; {}. Next: kubectl patch slb/{name} --type=merge -p '{{\"spec\":{{\"rollout\":{{\"paused\":false}}}}}}'",
                wanted_image(seen),
                serving(seen)
            );
            plain(working("Paused", text))
        }
        Hold::Migration(migration) => migrating(seen, migration),
        Hold::Conflict { migration } => conflict(migration),
        Hold::Unsafe(found) => migrated::held_below(seen, wanted_image(seen), found),
        Hold::Contract {
            migration,
            database,
        } => {
            let text = format!(
                "migration {migration} (AfterRollout) of an earlier release is at work on database {database} and ends before image {} goes on; {}",
                wanted_image(seen),
                serving(seen)
            );
            Assessment {
                standing: working("Migrating", text),
                subject: migration.clone(),
                until: None,
            }
        }
    }
}

pub(super) fn conflict(migration: &str) -> Assessment {
    let text = format!(
        "migration {migration} is not this Backend's and stays untouched. Next, if nobody needs it: kubectl delete slm {migration}"
    );
    Assessment {
        standing: stalled("NameConflict", text),
        subject: migration.to_owned(),
        until: None,
    }
}

fn withheld(seen: &Seen) -> Assessment {
    let name = seen.name();
    let text = format!(
        "the annotation slipway.dev/paused keeps every write to children back; {}. Next: kubectl annotate slb/{name} slipway.dev/paused-",
        serving(seen)
    );
    plain(working("Paused", text))
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
    Assessment {
        standing,
        subject: held.migration.clone(),
        until: None,
    }
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

/// A missing object is waited for; past the deadline the same reason needs a person.
fn waiting(seen: &Seen, considered: &Considered, missing: &Missing, now: Timestamp) -> Assessment {
    let subject = match missing {
        Missing::Database { name }
        | Missing::DatabaseTerminating { name }
        | Missing::ConfigMap { name, .. } => name.clone(),
    };
    let reason = missing.reason();
    let until = deadline(seen, considered, Since::Reason(reason), now);
    let message = format!("{}; {}", missing.message(), serving(seen));
    let message = match messages_before_next(&missing.message(), &serving(seen)) {
        Some(joined) => joined,
        None => message,
    };
    if until <= now {
        return Assessment {
            standing: stalled(reason, message),
            subject,
            until: None,
        };
    }
    Assessment {
        standing: working(reason, message),
        subject,
        until: Some(until),
    }
}

fn messages_before_next(message: &str, serving: &str) -> Option<String> {
    let (cause, next) = message.split_once(". Next:")?;
    Some(format!("{cause}; {serving}. Next:{next}"))
}

fn rolling(
    seen: &Seen,
    decision: &Decision,
    considered: &Considered,
    now: Timestamp,
) -> Assessment {
    let wanted = considered.backend.replicas;
    let Some(release) = &considered.release else {
        return plain(working(
            "RollingOut",
            "the first release is being made".to_owned(),
        ));
    };
    if !writes_deployment(decision) && is_rolled_out(seen, considered) {
        return migrated::trouble(seen, considered)
            .unwrap_or_else(|| plain(ready(release, wanted)));
    }
    let progress = progress(seen, release, wanted);
    if writes_deployment(decision) {
        let until = from_now(considered, now);
        let text = format!("{progress}, deadline {}", clock(until));
        return Assessment {
            standing: working("RollingOut", text),
            subject: String::new(),
            until: Some(until),
        };
    }
    let trouble = pods::trouble(seen, &considered.backend, release.revision);
    let since = if trouble.is_some() {
        Since::Release
    } else {
        Since::Progress
    };
    let until = deadline(seen, considered, since, now);
    let past = until <= now;
    let trouble = trouble.or_else(|| {
        past.then(|| pods::not_ready(seen, &considered.backend, release.revision))
            .flatten()
    });
    let limit = if past {
        format!("deadline {} passed", clock(until))
    } else {
        format!("deadline {}", clock(until))
    };
    match trouble {
        Some(trouble) => {
            let text = match trouble.message.split_once(". Next:") {
                Some((cause, next)) => format!("{cause}; {progress}, {limit}. Next:{next}"),
                None => format!("{}; {progress}, {limit}", trouble.message),
            };
            let reason = trouble.kind.reason();
            let standing = if past {
                stalled(reason, text)
            } else {
                working(reason, text)
            };
            Assessment {
                standing,
                subject: trouble.subject,
                until: (!past).then_some(until),
            }
        }
        None if past => {
            let name = seen.name();
            let text = format!("{progress}, {limit}. Next: kubectl describe deployment {name}");
            plain(stalled("NotReady", text))
        }
        None => Assessment {
            standing: working("RollingOut", format!("{progress}, {limit}")),
            subject: String::new(),
            until: Some(until),
        },
    }
}

fn ready(release: &Release, wanted: i32) -> Standing {
    let image = short_image(&release.image);
    let revision = release.revision;
    let (reason, message) = if wanted == 0 {
        (
            "ScaledToZero",
            format!("release {revision} ({image}) is out with no pods: spec.replicas is 0"),
        )
    } else {
        (
            "Ready",
            format!("release {revision} ({image}) serves {wanted}/{wanted}"),
        )
    };
    Standing::Ready {
        reason: reason.to_owned(),
        message,
    }
}

fn wanted_image(seen: &Seen) -> &str {
    short_image(&seen.backend.spec.image)
}
