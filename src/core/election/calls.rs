//! What a candidate asks for next.

use super::{
    Basis, Call, Claim, Election, Ended, Monotonic, Outstanding, Purpose, Record, Request, Role,
    Stop,
};

impl Election {
    /// What to send now, if anything.
    pub(super) fn next_call(&mut self, now: Monotonic) -> Option<(Purpose, Call)> {
        let claiming = self
            .outstanding
            .is_some_and(|outstanding| outstanding.purpose != Purpose::Read);
        match self.role {
            Role::Ended(_) => None,
            // A claim under way may still succeed, and would then have to be released.
            Role::Follower if self.stop != Stop::No && !claiming => {
                self.end(Ended::Released);
                None
            }
            _ if self.outstanding.is_some() || now < self.due => None,
            Role::Follower => self.next_call_of_follower(now),
            Role::Leader { transitions, .. } => Some(self.next_call_of_leader(transitions)),
        }
    }

    fn next_call_of_follower(&mut self, now: Monotonic) -> Option<(Purpose, Call)> {
        let seen = match &self.seen {
            Some(seen) if !self.reread => seen,
            _ => return Some((Purpose::Read, Call::Read)),
        };
        if now < seen.free_at {
            return self.must_read().then_some((Purpose::Read, Call::Read));
        }
        let transitions = seen
            .lease
            .as_ref()
            .map_or(0, Record::transitions_of_successor);
        let call = self.hold(seen.lease.as_ref(), transitions);
        self.claim = Some(match &call {
            Call::Replace(version, _) => Basis::At(version.clone()),
            Call::Read | Call::Create(_) => Basis::Absent,
        });
        Some((Purpose::Hold(transitions), call))
    }

    fn next_call_of_leader(&self, transitions: i32) -> (Purpose, Call) {
        let lease = self.seen.as_ref().and_then(|seen| seen.lease.as_ref());
        match (self.reread, self.stop, lease) {
            (true, _, _) => (Purpose::Read, Call::Read),
            (false, Stop::Drained, Some(record)) => (
                Purpose::Release,
                Call::Replace(record.version.clone(), Claim::release(transitions)),
            ),
            (false, _, lease) => (Purpose::Hold(transitions), self.hold(lease, transitions)),
        }
    }

    /// The write that puts our name into the Lease, or keeps it there.
    fn hold(&self, lease: Option<&Record>, transitions: i32) -> Call {
        let seconds = i32::try_from(self.timings.lease.as_secs()).unwrap_or(i32::MAX);
        let claim = Claim::hold(&self.identity, seconds, transitions, lease);
        match lease {
            Some(record) => Call::Replace(record.version.clone(), claim),
            None => Call::Create(claim),
        }
    }

    pub(super) fn send(&mut self, now: Monotonic, (purpose, call): (Purpose, Call)) -> Request {
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        let until = match self.role {
            Role::Leader { renewed, .. } => now
                .plus(self.timings.request)
                .min(renewed.plus(self.timings.renew_deadline)),
            _ => now.plus(self.timings.request),
        };
        self.outstanding = Some(Outstanding {
            number,
            sent: now,
            until,
            purpose,
        });
        Request { number, call }
    }
}
