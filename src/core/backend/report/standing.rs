//! How a Backend stands: an ordered list of questions, the first that applies decides (`experience.md` section 3).

use jiff::Timestamp;

use super::super::decision::{Decision, Outlook};
use super::super::seen::Seen;
use super::assessment::{Assessment, stalled, working};
use super::held::{held, withheld};
use super::rollout::rolling;
use super::stopped::{stopped, taken};
use crate::core::plan::Executed;

/// Asks the questions in order: what stopped us, what is wrong with the spec, what holds the release, how the pods are.
pub(super) fn assess(
    seen: &Seen,
    decision: &Decision,
    executed: &Executed,
    now: Timestamp,
) -> Assessment {
    if let Some(assessment) = executed.stop.as_ref().and_then(|stop| stopped(seen, stop)) {
        return assessment.waiting_still(seen);
    }
    match &decision.outlook {
        Outlook::Deleting => {
            Assessment::plain(working("Deleting", "it is being deleted".to_owned()))
        }
        Outlook::Invalid(invalid) => Assessment::plain(stalled("InvalidSpec", invalid.to_string())),
        Outlook::Taken { key, whose } => taken(seen, key, *whose).waiting_still(seen),
        Outlook::Considered(considered) => match &considered.hold {
            _ if considered.withheld => withheld(seen).waiting_still(seen),
            Some(hold) => held(seen, considered, hold, now),
            None => rolling(seen, decision, considered, now),
        },
    }
}
