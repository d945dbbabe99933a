//! The witness: what each write changes is held against the rules.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use slipway::api::common::Phase;
use slipway::api::database::{Answered, EntryOutcome, Holder, Ledger, RunMode};
use slipway::core::database::ledger;
use slipway::core::meta;
use slipway::core::run::evidence::is_suspended;
use slipway::core::run::ticket::{Ticket, ticket};

use crate::looks::wanted;
use crate::rules::Rule;
use crate::server::{Arrival, Sent, number};
use crate::world::{SOAK_SECONDS, Truth, World};

impl World {
    pub fn note_entries(&mut self, old: &Ledger, new: &Ledger) {
        let is_success = |outcome| {
            matches!(
                outcome,
                Some(EntryOutcome::Succeeded | EntryOutcome::Skipped)
            )
        };
        let outcome =
            |ledger: &Ledger, plan: &str| ledger::entry(ledger, plan).map(|entry| entry.outcome);
        for entry in &old.entries {
            let now = outcome(new, &entry.plan_key);
            // What nobody asks for may be forgotten.
            let forgotten = now.is_none() && !wanted(&self.server).contains(&entry.plan_key);
            if is_success(Some(entry.outcome)) && now != Some(entry.outcome) && !forgotten {
                self.breaks(Rule::SuccessStays);
            }
        }
        for entry in &new.entries {
            let is_news = outcome(old, &entry.plan_key) != Some(entry.outcome);
            let truth = self.truth.get(entry.plan_key.as_str());
            if is_news && is_success(Some(entry.outcome)) && truth != Some(&Truth::Done) {
                self.breaks(Rule::SuccessIsTrue);
            }
        }
    }

    /// Who held the database has ended and is recorded, or can never be armed any more.
    pub fn note_holder(&mut self, old: &Ledger, new: &Ledger) {
        let Some(holder) = &old.holder else { return };
        if new
            .holder
            .as_ref()
            .is_some_and(|next| next.job_uid == holder.job_uid)
        {
            return;
        }
        let jobs = self.server.jobs.values();
        let job = jobs
            .map(|job| &job.kept.object)
            .find(|job| job.uid().as_ref() == Some(&holder.job_uid));
        let Some(job) = job.map(Arc::clone) else {
            return;
        };
        if is_suspended(&job) && job.metadata.deletion_timestamp.is_none() {
            self.breaks(Rule::ArmedByTheLedger);
        } else if self.is_at_work(&job) {
            self.breaks(Rule::RecordedWhenItEnded);
        }
        let mut entries = new.entries.iter();
        if entries.any(|entry| entry.job_uid == holder.job_uid) {
            self.recorded |= 1 << number(&job);
        }
    }

    /// A Database goes, and its ledger with it.
    pub fn note_loss(&mut self) {
        let jobs = self.server.jobs.values();
        let mut jobs = jobs.map(|job| &job.kept.object);
        let unrecorded =
            |job: &Arc<Job>| !is_suspended(job) && self.recorded & (1 << number(job)) == 0;
        if jobs.any(unrecorded) {
            self.breaks(Rule::OutlivesItsRun);
        }
    }

    pub fn note_suspension(&mut self, before: &Job, after: &Job) {
        if !is_suspended(before) && is_suspended(after) {
            self.breaks(Rule::NeverSuspendedAgain);
        }
    }

    pub fn note_arm(&mut self, job: &Job, sent: Sent) {
        let ticket = ticket(job).expect("every Job of the walk is ours");
        let ledger = ledger::of(&self.server.database.kept.object).into_owned();
        let others = self.server.jobs.values();
        let mut others = others.filter(|other| other.kept.object.uid() != job.uid());
        if others.any(|other| self.is_at_work(&other.kept.object)) {
            self.breaks(Rule::OneJob);
        }
        let holder = ledger
            .holder
            .as_ref()
            .filter(|holder| Some(&holder.job_uid) == job.uid().as_ref());
        if holder.is_none() && !self.lost {
            self.breaks(Rule::ArmedByTheLedger);
        }
        let held = self.server.database.kept.object.finalizers();
        if !held.iter().any(|one| one == meta::HELD_FINALIZER) && !self.lost {
            self.breaks(Rule::OutlivesItsRun);
        }
        let touched = job.annotations().get(meta::LEADER_ANNOTATION);
        if touched.is_none_or(|term| term.parse() != Ok(sent.term)) {
            self.breaks(Rule::NoOlderArm);
        }
        self.note_history(&ledger, &ticket, holder);
        self.note_approval(&ledger, &ticket, sent);
        if sent.arrival == Arrival::Late {
            return;
        }
        // How an attempt ended is read even if nobody asks for it any more.
        let reads = ticket.mode == RunMode::Check && !ticket.lists;
        let key = &ticket.plan_key;
        let meant = wanted(&self.with_shown_files());
        if !(reads || meant.contains(key) && self.has_its_files(key)) {
            self.breaks(Rule::Wanted);
        }
        if !reads && self.is_paused(&ticket.backend) {
            self.breaks(Rule::NothingNewWhilePaused);
        }
        let since = self.undisturbed_since(&ticket.backend);
        let soaked = since.is_some_and(|since| self.now().as_second() - since >= SOAK_SECONDS);
        if self.kind.phase == Phase::AfterRollout && ticket.mode == RunMode::Run && !soaked {
            self.breaks(Rule::SoakedFirst);
        }
    }

    /// Exactly what the ledger lists, by the word of a person that still stands; or did, when the arm was sent.
    fn note_approval(&mut self, ledger: &Ledger, ticket: &Ticket, sent: Sent) {
        let demanded = match sent.arrival {
            Arrival::Prompt => {
                self.demands_approval(&ticket.backend)
                    || self.waited.contains(ticket.plan_key.as_str()) && !self.lost
            }
            Arrival::Late => ticket.approved.is_some(),
        };
        if !demanded || ticket.mode == RunMode::Check {
            return;
        }
        let entry = ledger::entry(ledger, &ticket.plan_key);
        let listed = entry.and_then(|entry| entry.listed.as_ref());
        let listed = listed.map(|list| &list.digest);
        let agreed = listed.is_some_and(|listed| match sent.arrival {
            Arrival::Prompt => self.approval(&ticket.migration) == Some(listed),
            Arrival::Late => self.has_agreed(ticket, listed),
        });
        if !agreed || ticket.approved.as_ref() != listed {
            self.breaks(Rule::ApprovedFirst);
        }
    }

    /// A program that is bound to a list changes the database by this one.
    pub fn note_run(&mut self, ticket: &Ticket, list: &str) {
        let bound = ticket.approved.is_some() && ticket.mode == RunMode::Run;
        if bound && !self.has_agreed(ticket, list) {
            self.breaks(Rule::ApprovedFirst);
        }
    }

    fn has_agreed(&self, ticket: &Ticket, list: &str) -> bool {
        let agreed = (Arc::from(ticket.migration.as_str()), list.to_owned());
        self.agreed.contains(&agreed)
    }

    /// What the ledger says of the runs before.
    pub fn note_history(&mut self, ledger: &Ledger, ticket: &Ticket, holder: Option<&Holder>) {
        let entry = ledger::entry(ledger, &ticket.plan_key);
        // Each wish of a person is fulfilled once.
        let answered = entry
            .map(|entry| entry.answered.as_slice())
            .unwrap_or_default();
        let is_new = |holder: &Holder| {
            let is_it = |done: &Answered| {
                done.migration_uid == holder.migration_uid
                    && holder.retry_token.as_ref() == Some(&done.token)
            };
            holder.retry_token.is_some() && !answered.iter().any(is_it)
        };
        let asked = holder.is_some_and(is_new);
        let half = self.truth.get(ticket.plan_key.as_str()) == Some(&Truth::Half);
        let Some(entry) = entry else {
            if ticket.mode == RunMode::Run && half && !asked && !self.lost {
                self.breaks(Rule::SafeRetry);
            }
            return;
        };
        match entry.outcome {
            EntryOutcome::Succeeded | EntryOutcome::Skipped => self.breaks(Rule::NoneAfterSuccess),
            EntryOutcome::Failed | EntryOutcome::Blocked if !asked => {
                self.breaks(Rule::SafeRetry);
            }
            EntryOutcome::Unknown if ticket.mode == RunMode::Run => self.breaks(Rule::SafeRetry),
            // A person who has looked lets it run on what there is, until a program has begun.
            EntryOutcome::RetryWait if half && !asked && answered.is_empty() && !self.lost => {
                self.breaks(Rule::SafeRetry);
            }
            _ => {}
        }
        let until = entry
            .next_attempt_after
            .as_ref()
            .and_then(|text| text.parse::<Timestamp>().ok());
        if !asked && until.is_some_and(|until| self.now() < until) {
            self.breaks(Rule::AfterTheBackOff);
        }
    }
}
