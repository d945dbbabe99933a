//! The rules that no write may break; `promises.md` section 3 has their numbers.

/// What must always hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rule {
    KeptFirst,
    MigratedFirst,
    InOrder,
    ReadyAfterMigrations,
    ReadyIsTrue,
    LastRelease,
    OpenedByTheGate,
    NoLateTemplate,
    GenerationNeverFalls,
}

impl Rule {
    /// The sentence that is broken.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::KeptFirst => {
                "I-4: a template becomes a release's only when its ControllerRevision is there"
            }
            Self::MigratedFirst => {
                "I-4: a template becomes a release's only when the ledger calls its migrations before the rollout done"
            }
            Self::InOrder => "I-5: migrations end well in their declared order only",
            Self::ReadyAfterMigrations => {
                "I-5: Ready at a generation means that the ledger calls its migrations before the rollout done"
            }
            Self::ReadyIsTrue => {
                "I-29: Ready at a generation means that what it asks for was seen, all of it available"
            }
            Self::LastRelease => {
                "I-12: the template changes to the last release's only, byte for byte, and the selector never"
            }
            Self::OpenedByTheGate => {
                "I-12: a release is opened only while the gate is open for what the spec asks for at that moment"
            }
            Self::NoLateTemplate => {
                "I-9: a template is changed only on the version that the change was computed from"
            }
            Self::GenerationNeverFalls => {
                "I-15: the generation that is stamped on a workload never falls"
            }
        }
    }
}
