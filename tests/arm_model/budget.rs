//! How often what may happen in a walk.

/// What may still happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Budget {
    /// Leaders that die or are deposed, between any two writes.
    pub crashes: u8,
    /// Plans that are held on their way and land, step by step, at any time later.
    pub late: u8,
    /// Requests that arrive twice.
    pub repeats: u8,
    /// Times that a cache of one kind stays behind.
    pub lags: u8,
    /// Programs that end otherwise than they should.
    pub failures: u8,
    /// Pods that cannot start.
    pub stuck: u8,
    /// Jobs whose run deadline passes.
    pub deadlines: u8,
    /// Jobs that a user deletes.
    pub deletions: u8,
    /// Pods of lost nodes that a user deletes by force, while their programs run on.
    pub nodes: u8,
    /// Programs of another Database that names the same server.
    pub strangers: u8,
    /// Edits of a Backend.
    pub edits: u8,
    /// Backends deleted and made again under the same name.
    pub remakes: u8,
    /// Requests of a person to try again.
    pub retries: u8,
    /// Approvals of a list by a person, be it the present one or one of before; and approvals taken back.
    pub approvals: u8,
    pub withdrawals: u8,
    /// Times that a Backend begins or ceases to demand an approval.
    pub demands: u8,
    /// Times that what is pending becomes another list, by somebody else's hand.
    pub changes: u8,
    /// Restores that lose the ledger.
    pub losses: u8,
    /// Databases that a user deletes, and makes again once they are gone.
    pub databases: u8,
    /// Releases that are disturbed, or undisturbed again.
    pub turns: u8,
    /// Migrations that a person writes, and takes away.
    pub writings: u8,
    pub erasures: u8,
    /// Times that a ConfigMap goes, comes or is another, and that a Backend is paused or goes on.
    pub files: u8,
    pub pauses: u8,
    /// Passes of time, long and short.
    pub passes: u8,
    pub moments: u8,
}

impl Budget {
    /// What may happen at all. Example: `crashes: 2, late: 1`.
    pub fn text(self) -> String {
        let all = format!("{self:?}");
        let all = all.trim_start_matches("Budget { ").trim_end_matches(" }");
        let some: Vec<&str> = all
            .split(", ")
            .filter(|one| !one.ends_with(": 0"))
            .collect();
        some.join(", ")
    }
}

/// Nothing goes wrong.
pub const CALM: Budget = Budget {
    crashes: 0,
    late: 0,
    repeats: 0,
    lags: 0,
    failures: 0,
    stuck: 0,
    deadlines: 0,
    deletions: 0,
    nodes: 0,
    strangers: 0,
    edits: 0,
    remakes: 0,
    retries: 0,
    approvals: 0,
    withdrawals: 0,
    demands: 0,
    changes: 0,
    losses: 0,
    databases: 0,
    turns: 0,
    writings: 0,
    erasures: 0,
    files: 0,
    pauses: 0,
    passes: 0,
    moments: 0,
};
