//! How a release comes out: what its pods say, and until when that is waited for.

use jiff::Timestamp;

use super::super::decision::{Considered, Decision};
use super::super::deployed::is_rolled_out;
use super::super::release::Release;
use super::super::resolved::short_image;
use super::super::seen::Seen;
use super::assessment::{Assessment, stalled, working};
use super::deadline::Deadline;
use super::messages::{self, clock};
use super::migrated;
use super::pods;
use super::probes;
use super::progress::progress;
use super::trouble::Trouble;
use super::writes_deployment;
use crate::core::conditions::Standing;

/// By the release in force and its pods.
pub(super) fn rolling(
    seen: &Seen,
    decision: &Decision,
    considered: &Considered,
    now: Timestamp,
) -> Assessment {
    let wanted = considered.backend.replicas;
    let Some(release) = &considered.release else {
        let text = "the first release is being made".to_owned();
        return Assessment::plain(working("RollingOut", text));
    };
    let deadline = Deadline::of_release(seen, considered, release, now);
    // What is known of the pods is then out of date.
    if writes_deployment(decision) && !deadline.has_passed(now) {
        return rolling_out(&progress(seen, release, wanted), deadline);
    }
    if is_rolled_out(seen, considered) {
        return migrated::trouble(seen)
            .unwrap_or_else(|| Assessment::plain(ready(release, wanted)));
    }
    under_way(seen, considered, release, deadline, now)
}

fn rolling_out(progress: &str, deadline: Deadline) -> Assessment {
    let text = format!("{progress}, deadline {}", clock(deadline.until));
    Assessment::plain(working("RollingOut", text))
        .until(deadline.until)
        .waiting_for(deadline.waiting)
}

/// Not all pods are there. The status says at once what is wrong, and past the deadline a person is needed. A failing probe keeps the reason
/// RollingOut until then, as many programs take their time to start.
fn under_way(
    seen: &Seen,
    considered: &Considered,
    release: &Release,
    deadline: Deadline,
    now: Timestamp,
) -> Assessment {
    let progress = progress(seen, release, considered.backend.replicas);
    let trouble = pods::trouble(seen, &considered.backend, release.revision);
    let failing = probes::failing(seen, release.revision, now);
    if deadline.has_passed(now) {
        let trouble = trouble
            .or_else(|| failing.map(|failing| failing.trouble))
            .or_else(|| pods::not_ready(seen, &considered.backend, release.revision));
        let progress = format!("{progress}, deadline {} passed", clock(deadline.until));
        return overdue(seen, trouble.as_ref(), &progress).waiting_for(deadline.waiting);
    }
    let (reason, trouble) = match (trouble, failing) {
        (Some(trouble), _) => (trouble.kind.reason(), trouble),
        (None, Some(failing)) if failing.told_from <= now => ("RollingOut", failing.trouble),
        (None, failing) => {
            let until = failing.map_or(deadline.until, |failing| failing.told_from);
            let until = until.min(deadline.until);
            return rolling_out(&progress, deadline).until(until);
        }
    };
    let progress = format!("{progress}, deadline {}", clock(deadline.until));
    Assessment::about(&trouble.subject, working(reason, told(&trouble, &progress)))
        .until(deadline.until)
        .waiting_for(deadline.waiting)
}

fn overdue(seen: &Seen, trouble: Option<&Trouble>, progress: &str) -> Assessment {
    if let Some(trouble) = trouble {
        let standing = stalled(trouble.kind.reason(), told(trouble, progress));
        return Assessment::about(&trouble.subject, standing);
    }
    let (name, namespace) = (seen.name(), seen.namespace());
    let text = format!("{progress}. Next: kubectl describe deployment {name} -n {namespace}");
    Assessment::plain(stalled("NotReady", text))
}

fn told(trouble: &Trouble, progress: &str) -> String {
    messages::before_next(&trouble.message, progress)
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
