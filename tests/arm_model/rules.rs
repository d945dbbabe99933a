//! The rules that no step may break; `promises.md` section 3 has their numbers.

/// What must always hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rule {
    OneJob,
    OnePod,
    OneBody,
    ArmedByTheLedger,
    NoneAfterSuccess,
    RecordedBeforeItGoes,
    RecordedWhenItEnded,
    SuccessIsTrue,
    SuccessStays,
    NoOlderArm,
    BornInert,
    NeverSuspendedAgain,
    SafeRetry,
    AfterTheBackOff,
    NeverKilled,
    Wanted,
    OneJobAnAttempt,
    SoakedFirst,
    ApprovedFirst,
    OutlivesItsRun,
    ItsOwnFiles,
    NothingNewWhilePaused,
}

impl Rule {
    /// The sentence that is broken.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OneJob => "I-1: at most one migration Job of a Database is armed and unfinished",
            Self::OnePod => {
                "I-2: at most one migration pod of a Database is started and unfinished, but for one that nobody can see"
            }
            Self::OneBody => {
                "I-3: inside a database one program at a time is at work, whatever pods and Databases there are"
            }
            Self::ArmedByTheLedger => "I-1: a Job is armed only while the ledger names it",
            Self::NoneAfterSuccess => "I-6: nothing of a plan is armed after its success",
            Self::RecordedBeforeItGoes => {
                "I-7: no armed Job goes before its outcome is in the ledger"
            }
            Self::RecordedWhenItEnded => {
                "I-8: an outcome is recorded only of a Job whose program has ended"
            }
            Self::SuccessIsTrue => "I-8: what the ledger calls Succeeded is so in the database",
            Self::SuccessStays => "I-8: a recorded success never changes",
            Self::NoOlderArm => "I-9: once a new leader has touched a Job, no older write arms it",
            Self::BornInert => {
                "I-10: a migration Job is born by POST, suspended, with a finalizer, without an owner, to run once"
            }
            Self::NeverSuspendedAgain => "I-10: an armed Job is never suspended",
            Self::SafeRetry => {
                "I-11: a run follows another only where the ledger calls that safe, or a person asks"
            }
            Self::AfterTheBackOff => "I-11: no run before the ledger's back-off is over",
            Self::NeverKilled => "I-13: nothing of ours ends a migration that may run",
            Self::Wanted => "I-23: what is armed is asked for at that moment, by quorum",
            Self::OneJobAnAttempt => "an attempt has one Job, whatever is sent twice",
            Self::SoakedFirst => {
                "migrations.md 4.6: what runs after the rollout is armed only at the end of an undisturbed soak"
            }
            Self::ApprovedFirst => {
                "migrations.md 4.1, I-46: what a person must approve, or what waited for that, is armed and runs only as exactly the list that a person approved"
            }
            Self::OutlivesItsRun => {
                "migrations.md 4.2: a Database does not go before the outcome of what runs on it is in its ledger"
            }
            Self::ItsOwnFiles => {
                "migrations.md case 43: only the files that were planned are run, and only by them an attempt is judged"
            }
            Self::NothingNewWhilePaused => {
                "B-62: nothing new is armed while its Backend is paused, but to read how an attempt ended"
            }
        }
    }
}
