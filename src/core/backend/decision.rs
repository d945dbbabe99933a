//! What one look at a Backend leads to, as a value: the plan, why each step of it is done, and how the Backend stands.

use super::children::{Cause, Whose};
use super::gate::Hold;
use super::release::Release;
use super::resolve::{Invalid, Missing};
use super::resolved::ResolvedBackend;
use crate::core::plan::{ObjectKey, Plan};

/// What one look at a Backend leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub plan: Plan,
    /// Why each step is done, in the order of the plan's steps.
    pub(super) purposes: Vec<Purpose>,
    pub(super) outlook: Outlook,
}

/// Why a step is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    /// A child comes into place: made, changed as wished, or put back after somebody changed it.
    Child { key: ObjectKey, cause: Cause },
    /// The Deployment gets the template of a release that it did not have.
    Release,
    /// The Deployment had been taken back to an older release by hand.
    UndoRollback { to: i64 },
    /// What goes with another step: confirming, keeping the release, making a Migration, clearing away.
    Other,
}

/// How the Backend stands, apart from what the pods do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outlook {
    /// It is being deleted: the garbage collector takes the children.
    Deleting,
    Invalid(Invalid),
    /// A child's name is taken.
    Taken {
        key: ObjectKey,
        whose: Whose,
    },
    Considered(Box<Considered>),
}

/// A Backend that can be worked on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Considered {
    pub backend: ResolvedBackend,
    /// Input hash of what the spec asks for; absent while something is missing.
    pub wanted: Option<String>,
    /// The release whose template is in force when the plan is done.
    pub release: Option<Release>,
    pub hold: Option<Hold>,
    /// Paths that a newer Slipway would build otherwise.
    pub update: Vec<String>,
    /// The annotation `slipway.dev/paused` keeps writes back.
    pub withheld: bool,
}

impl Considered {
    /// What is missing, if that holds the release.
    pub(super) fn missing(&self) -> Option<&Missing> {
        match &self.hold {
            Some(Hold::Missing(missing)) => Some(missing),
            _ => None,
        }
    }
}
