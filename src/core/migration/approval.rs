//! Approval: may what is pending run? A Check run lists it, and whoever agrees names the digest of that very list; the runner refuses to
//! start on another one. As long as a person is waited for, nothing holds the database.

use k8s_openapi::api::batch::v1::Job;

use super::demand::{By, Demanded, demanded};
use super::doubt;
use super::seen::Seen;
use crate::api::common::Tool;
use crate::api::database::{Entry, EntryOutcome, PendingList, RunMode};
use crate::api::migration::Approval;
use crate::core::hash;
use crate::core::meta;
use crate::core::plan::Confirm;
use crate::core::run::ticket;

/// What must come before the tool may run.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    Nothing,
    /// Nobody knows yet what is pending.
    List,
    Person(Awaiting),
}

/// What a person is asked to agree to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Awaiting {
    /// The value of the annotation that agrees.
    pub digest: String,
    /// What would run; absent for a program, which has no list.
    pub list: Option<PendingList>,
    /// What demands the approval.
    pub by: By,
}

/// What the next attempt of the tool needs first.
#[must_use]
pub fn need(seen: &Seen, entry: Option<&Entry>) -> Need {
    let Demanded { approval, by } = demanded(seen, entry);
    let unknown = entry.is_some_and(|entry| entry.outcome == EntryOutcome::Unknown);
    if approval == Approval::None || unknown {
        return Need::Nothing;
    }
    if seen.migration.spec.tool == Tool::Exec {
        let digest = digest_of_program(seen);
        return person(seen, digest, None, by);
    }
    match entry.and_then(|entry| entry.listed.clone()) {
        None => Need::List,
        Some(list) if approval == Approval::Always || list.findings_total > 0 => {
            person(seen, list.digest.clone(), Some(list), by)
        }
        Some(_) => Need::Nothing,
    }
}

/// The digest to which an attempt of the tool is bound; `None`: it may run what it finds.
#[must_use]
pub fn bound(seen: &Seen, entry: Option<&Entry>) -> Option<String> {
    if demanded(seen, entry).approval == Approval::None {
        return None;
    }
    if seen.migration.spec.tool == Tool::Exec {
        return Some(digest_of_program(seen));
    }
    entry.and_then(|entry| Some(entry.listed.as_ref()?.digest.clone()))
}

/// Whether a Check run only lists what is pending. After an attempt whose end is not known it reads back.
#[must_use]
pub fn lists(seen: &Seen, mode: RunMode, entry: Option<&Entry>) -> bool {
    mode == RunMode::Check && !doubt::must_read(seen, entry)
}

/// Whether the Job is bound to what may run now.
#[must_use]
pub fn covers(seen: &Seen, entry: Option<&Entry>, job: &Job) -> bool {
    let approved = ticket::ticket(job).and_then(|ticket| ticket.approved);
    need(seen, entry) == Need::Nothing && approved == bound(seen, entry)
}

/// The quorum read that proves a person's approval before the arm; `None`: no person was needed.
#[must_use]
pub fn confirm(seen: &Seen, entry: Option<&Entry>) -> Option<Confirm> {
    let digest = bound(seen, entry).filter(|digest| seen.approval() == Some(digest))?;
    Some(seen.confirm(Some((meta::APPROVE_ANNOTATION, digest))))
}

fn digest_of_program(seen: &Seen) -> String {
    hash::of_parts(["program", seen.migration.plan_key()])
}

fn person(seen: &Seen, digest: String, list: Option<PendingList>, by: By) -> Need {
    if seen.approval() == Some(&digest) {
        Need::Nothing
    } else {
        Need::Person(Awaiting { digest, list, by })
    }
}

#[cfg(test)]
mod tests;
