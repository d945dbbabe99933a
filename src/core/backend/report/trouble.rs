//! What may be wrong with a rollout: kinds with their reasons, the worst first.

/// Trouble of a rollout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Trouble {
    pub kind: TroubleKind,
    /// Name of the pod or Deployment, or the probe with its answer: what the message is about.
    pub subject: String,
    pub message: String,
}

/// Kinds of trouble, the worst first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum TroubleKind {
    ImagePullFailed,
    SecretMissing,
    ConfigMapMissing,
    OutOfMemory,
    CrashLooping,
    QuotaExceeded,
    Forbidden,
    Unschedulable,
    NotReady,
}

impl TroubleKind {
    const ALL: [Self; 9] = [
        Self::ImagePullFailed,
        Self::SecretMissing,
        Self::ConfigMapMissing,
        Self::OutOfMemory,
        Self::CrashLooping,
        Self::QuotaExceeded,
        Self::Forbidden,
        Self::Unschedulable,
        Self::NotReady,
    ];

    /// Whether this is the reason of a rollout that does not get on.
    pub(super) fn has(reason: &str) -> bool {
        Self::ALL.iter().any(|kind| kind.reason() == reason)
    }

    /// The reason in conditions.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::ImagePullFailed => "ImagePullFailed",
            Self::SecretMissing => "SecretMissing",
            Self::ConfigMapMissing => "ConfigMapMissing",
            Self::OutOfMemory => "OutOfMemory",
            Self::CrashLooping => "CrashLooping",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::Forbidden => "Forbidden",
            Self::Unschedulable => "Unschedulable",
            Self::NotReady => "NotReady",
        }
    }
}
