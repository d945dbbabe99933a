//! When two states are the same: if they differ only by the hour, by the numbers that a server or a process happened to give, or by the names
//! of processes that are gone. So the walk is finite, and still covers elections of any length.

#![allow(
    clippy::option_option,
    reason = "the outer says whether there is a thing to tell, the inner what the server has"
)]

use std::hash::{Hash, Hasher};

use slipway::core::election::{
    Answer, Basis, Call, Claim, Election, Holder, Monotonic, Outstanding, Purpose, Record, Role,
    Seen, Stop, Version, Watch,
};

use crate::world::{Body, Budget, Candidate, Message, Server, Stored, TIMINGS, World};

/// A state without what does not matter.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    server: (Option<LeaseKey>, Option<Option<LeaseKey>>),
    candidates: Vec<Option<CandidateKey>>,
    network: Vec<MessageKey>,
    left: Budget,
}

/// Somebody's name.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Who {
    Nobody,
    Alive(usize),
    Gone,
}

/// One state of the Lease, known by whether it is the present one or turns up twice; versions are only ever compared for equality, so one that
/// nobody else remembers is like any other.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum VersionKey {
    Present,
    Remembered(usize),
    Nowhere,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LeaseKey {
    version: VersionKey,
    holder: Who,
    duration_seconds: Option<i32>,
}

#[derive(PartialEq, Eq, Hash)]
struct CandidateKey {
    /// A leader's: how long ago the last good renewal was sent.
    renewed: Option<u64>,
    /// Which state, whether it was released, and for how long it is not free.
    seen: Option<(Option<(VersionKey, bool)>, u64)>,
    reread: bool,
    refused: bool,
    watch: Watch,
    stop: Stop,
    claim: Option<Option<VersionKey>>,
    due: u64,
    /// Age, time left, purpose.
    outstanding: Option<(u64, u64, u8)>,
    writers: bool,
    proof: Option<u64>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct MessageKey {
    from: Option<usize>,
    awaited: bool,
    sent: u64,
    body: BodyKey,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum BodyKey {
    Read,
    Create(bool),
    Replace(VersionKey, bool),
    Found(Option<LeaseKey>),
    Stored(LeaseKey),
    Refused,
    Failed,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key().hash(hasher);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl World {
    fn key(&self) -> Key {
        let versions = self.versions();
        let fold = Fold {
            world: self,
            versions,
        };
        let Server {
            lease,
            before,
            next_version: _,
        } = &self.server;
        let mut network: Vec<MessageKey> = self
            .network
            .iter()
            .map(|message| fold.message(message))
            .collect();
        network.sort();
        Key {
            server: (
                lease.as_ref().map(|stored| fold.stored(stored)),
                before
                    .as_ref()
                    .map(|before| before.as_ref().map(|stored| fold.stored(stored))),
            ),
            candidates: (0..self.candidates.len())
                .map(|place| fold.candidate(place))
                .collect(),
            network,
            left: self.left,
        }
    }

    /// All versions that are remembered in more than one place, in order.
    fn versions(&self) -> Vec<u32> {
        let stored = self
            .server
            .lease
            .iter()
            .chain(self.server.before.iter().flatten());
        let mut versions: Vec<u32> = stored.map(|stored| stored.version).collect();
        for Candidate { election, .. } in &self.candidates {
            versions.extend(
                election
                    .seen
                    .iter()
                    .filter_map(|seen| seen.lease.as_ref())
                    .map(|record| number(&record.version)),
            );
            if let Some(Basis::At(version)) = &election.claim {
                versions.push(number(version));
            }
        }
        for message in &self.network {
            match &message.body {
                Body::Request(Call::Replace(version, _)) => versions.push(number(version)),
                Body::Answer(Answer::Stored(record) | Answer::Found(Some(record))) => {
                    versions.push(number(&record.version));
                }
                Body::Request(Call::Read | Call::Create(_))
                | Body::Answer(Answer::Found(None) | Answer::Refused | Answer::Failed) => {}
            }
        }
        versions.sort_unstable();
        let mut twice: Vec<u32> = versions
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        twice.dedup();
        twice
    }
}

struct Fold<'a> {
    world: &'a World,
    versions: Vec<u32>,
}

impl Fold<'_> {
    fn version(&self, version: u32) -> VersionKey {
        if self
            .world
            .server
            .lease
            .as_ref()
            .is_some_and(|stored| stored.version == version)
        {
            return VersionKey::Present;
        }
        self.versions
            .binary_search(&version)
            .map_or(VersionKey::Nowhere, VersionKey::Remembered)
    }

    fn who(&self, name: &str) -> Who {
        let alive =
            |candidate: &Candidate| candidate.election.identity == name && !candidate.ended();
        self.world
            .candidates
            .iter()
            .position(alive)
            .map_or(Who::Gone, Who::Alive)
    }

    fn stored(&self, stored: &Stored) -> LeaseKey {
        let Stored {
            version,
            holder,
            duration_seconds,
            transitions: _,
        } = stored;
        LeaseKey {
            version: self.version(*version),
            holder: holder.as_deref().map_or(Who::Nobody, |name| self.who(name)),
            duration_seconds: Some(*duration_seconds),
        }
    }

    fn record(&self, place: usize, record: &Record) -> LeaseKey {
        let Record {
            version,
            holder,
            duration_seconds,
            transitions: _,
            acquired: _,
            renewed: _,
        } = record;
        LeaseKey {
            version: self.version(number(version)),
            holder: match holder {
                Holder::Nobody => Who::Nobody,
                Holder::Us => Who::Alive(place),
                Holder::Another(_) => Who::Gone,
            },
            duration_seconds: *duration_seconds,
        }
    }

    fn candidate(&self, place: usize) -> Option<CandidateKey> {
        let Candidate {
            election,
            incarnation: _,
            rate: _,
            writers,
            proof,
        } = &self.world.candidates[place];
        let Election {
            identity: _,
            timings: _,
            role,
            seen,
            reread,
            refused,
            watch,
            stop,
            claim,
            due,
            outstanding,
            next_number: _,
        } = election;
        let now = self.world.now(place);
        let renewed = match role {
            Role::Ended(_) => return None,
            Role::Follower => None,
            Role::Leader {
                renewed,
                transitions: _,
            } => Some(now.since(*renewed).min(TIMINGS.renew_deadline).as_secs()),
        };
        let left = |until: Monotonic| until.since(now).as_secs();
        let seen = seen.as_ref().map(|Seen { lease, free_at }| {
            let free_in = if renewed.is_some() { 0 } else { left(*free_at) };
            (
                lease
                    .as_ref()
                    .map(|record| (self.version(number(&record.version)), record.is_released())),
                free_in,
            )
        });
        let claims = renewed.is_some()
            || outstanding.is_some_and(|request| request.purpose != Purpose::Read);
        let outstanding = outstanding.map(
            |Outstanding {
                 number: _,
                 sent,
                 until,
                 purpose,
             }| {
                let purpose = match purpose {
                    Purpose::Read => 0,
                    Purpose::Hold(_) => 1,
                    Purpose::Release => 2,
                };
                (
                    now.since(sent).min(TIMINGS.request).as_secs(),
                    left(until),
                    purpose,
                )
            },
        );
        Some(CandidateKey {
            renewed,
            seen,
            reread: *reread,
            refused: *refused,
            watch: *watch,
            stop: *stop,
            claim: claim.as_ref().map(|basis| match basis {
                Basis::Absent => None,
                Basis::At(version) => Some(self.version(number(version))),
            }),
            due: left(*due),
            outstanding,
            writers: *writers,
            // Whoever does not hold the Lease, nor has asked for it, will need a newer one anyhow.
            proof: proof.filter(|_| claims).map(|sent| self.age(place, sent)),
        })
    }

    fn message(&self, message: &Message) -> MessageKey {
        let Message {
            from,
            incarnation: _,
            number: _,
            sent,
            body,
        } = message;
        let alive = self.world.is_alive(message);
        let holds = |claim: &Claim| claim.holder.is_some();
        let proves = matches!(body, Body::Request(Call::Create(_) | Call::Replace(..)));
        MessageKey {
            from: alive.then_some(*from),
            awaited: self.world.is_awaited(message),
            sent: if alive && proves {
                self.age(*from, *sent)
            } else {
                0
            },
            body: match body {
                Body::Request(Call::Read) => BodyKey::Read,
                Body::Request(Call::Create(claim)) => BodyKey::Create(holds(claim)),
                Body::Request(Call::Replace(version, claim)) => {
                    BodyKey::Replace(self.version(number(version)), holds(claim))
                }
                Body::Answer(Answer::Found(lease)) => {
                    BodyKey::Found(lease.as_ref().map(|record| self.record(*from, record)))
                }
                Body::Answer(Answer::Stored(record)) => BodyKey::Stored(self.record(*from, record)),
                Body::Answer(Answer::Refused) => BodyKey::Refused,
                Body::Answer(Answer::Failed) => BodyKey::Failed,
            },
        }
    }

    /// Passes since then; beyond the renew deadline all are alike.
    fn age(&self, place: usize, time: u32) -> u64 {
        let deadline = TIMINGS
            .renew_deadline
            .as_secs()
            .div_ceil(u64::from(self.world.candidates[place].rate));
        u64::from(self.world.time.saturating_sub(time)).min(deadline)
    }
}

fn number(version: &Version) -> u32 {
    version
        .resource_version
        .parse()
        .expect("the walk's server counts versions from 1")
}
