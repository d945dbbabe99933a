//! The world of the walk: candidates that are the real `core::election`, an API server with one Lease, and what is on its way between them.

use std::time::Duration;

use slipway::core::election::{
    Answer, Call, Claim, Election, Holder, Input, Monotonic, Record, Request, Role, Timings,
    Version, Watch,
};

use crate::mistakes::Mistake;

/// The times of the real election in the same proportions (15 : 10 : 5 s), in clock units; a clock of rate 4 shows 4 units a pass of time.
pub const TIMINGS: Timings = Timings {
    lease: Duration::from_secs(24),
    renew_deadline: Duration::from_secs(16),
    retry: Duration::from_secs(4),
    request: Duration::from_secs(8),
};

/// What may happen, and how often.
#[derive(Clone, Debug)]
pub struct Scope {
    /// One candidate for each: how many units its clock shows for one pass of time.
    pub rates: Vec<u32>,
    /// Whether followers hear of changes by the watch, or read every retry period.
    pub watch: Watch,
    /// Processes that die at any moment, their requests still on the way. A new one takes their place.
    pub crashes: u8,
    /// Messages that are delivered twice.
    pub repeats: u8,
    /// Requests answered with 429 or 5xx, done or not done.
    pub failures: u8,
    /// SIGTERMs.
    pub stops: u8,
    /// Edits of the Lease by hand, made after a first leader was settled.
    pub edits: u8,
    /// Whether the watch may also deliver the Lease as it was before.
    pub late_news: bool,
    /// Whether from each state it is tried that somebody can come to lead.
    pub liveness: bool,
    /// What is done wrong on purpose.
    pub mistake: Mistake,
}

#[derive(Clone, Debug)]
pub struct World {
    /// Passes of time since the beginning.
    pub time: u32,
    pub server: Server,
    pub candidates: Vec<Candidate>,
    pub network: Vec<Message>,
    pub left: Budget,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    pub crashes: u8,
    pub repeats: u8,
    pub failures: u8,
    pub stops: u8,
    pub edits: u8,
}

#[derive(Clone, Debug)]
pub struct Server {
    pub lease: Option<Stored>,
    /// The Lease before the last change: what a late watch event shows.
    #[allow(
        clippy::option_option,
        reason = "no change yet, and a change from no Lease, are two things"
    )]
    pub before: Option<Option<Stored>>,
    pub next_version: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub version: u32,
    pub holder: Option<String>,
    pub duration_seconds: i32,
    pub transitions: i32,
}

#[derive(Clone, Debug)]
pub struct Candidate {
    pub election: Election,
    /// Counts the processes that took this place.
    pub incarnation: u32,
    pub rate: u32,
    /// Its writers are at work.
    pub writers: bool,
    /// When the last renewal that the server really stored for this process was sent. The candidate does not know this; the walk does.
    pub proof: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub from: usize,
    pub incarnation: u32,
    pub number: u64,
    /// When the request was sent.
    pub sent: u32,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Request(Call),
    Answer(Answer),
}

/// Messages of one candidate that are on the way at once: the present request, and a late one. An older one is lost.
const IN_FLIGHT: usize = 2;

impl Candidate {
    fn new(place: usize, incarnation: u32, rate: u32, watch: Watch) -> Self {
        let mut election = Election::new(format!("{place}.{incarnation}"), TIMINGS);
        election.watch = watch;
        Self {
            election,
            incarnation,
            rate,
            writers: false,
            proof: None,
        }
    }

    pub fn ended(&self) -> bool {
        self.election.ended().is_some()
    }
}

impl World {
    pub fn new(scope: &Scope) -> Self {
        let born = |(place, rate): (usize, &u32)| Candidate::new(place, 0, *rate, scope.watch);
        Self {
            time: 0,
            server: Server {
                lease: None,
                before: None,
                next_version: 1,
            },
            candidates: scope.rates.iter().enumerate().map(born).collect(),
            network: Vec::new(),
            left: Budget {
                crashes: scope.crashes,
                repeats: scope.repeats,
                failures: scope.failures,
                stops: scope.stops,
                edits: scope.edits,
            },
        }
    }

    pub fn now(&self, place: usize) -> Monotonic {
        Monotonic(Duration::from_secs(u64::from(
            self.time * self.candidates[place].rate,
        )))
    }

    pub fn may_write(&self, place: usize, mistake: Mistake) -> bool {
        let election = &self.candidates[place].election;
        match mistake {
            Mistake::NeverLooksAtTheClock => matches!(election.role, Role::Leader { .. }),
            _ => election.may_write(self.now(place)),
        }
    }

    /// Gives one input to the real election, and sends what it asks for.
    pub fn feed(&mut self, place: usize, input: Input, mistake: Mistake) {
        let now = self.now(place);
        let time = self.time;
        let candidate = &mut self.candidates[place];
        let input = mistake.before(&mut candidate.election, now, input);
        let seen = candidate.election.seen.clone();
        let request = candidate.election.step(now, Duration::ZERO, input);
        mistake.after(&mut candidate.election, now, seen.as_ref());
        candidate.writers |= candidate.election.may_write(now);
        if candidate.ended() {
            self.forget_answers(place);
        }
        if let Some(Request { number, call }) = request {
            let incarnation = self.candidates[place].incarnation;
            let sent =
                |message: &Message| message.from == place && message.incarnation == incarnation;
            if self.network.iter().filter(|message| sent(message)).count() >= IN_FLIGHT {
                let oldest = self
                    .network
                    .iter()
                    .filter(|message| sent(message))
                    .map(|message| message.number)
                    .min();
                self.network
                    .retain(|message| !sent(message) || Some(message.number) != oldest);
            }
            self.network.push(Message {
                from: place,
                incarnation,
                number,
                sent: time,
                body: Body::Request(call),
            });
        }
    }

    /// The process at this place is gone, and another begins.
    pub fn replace(&mut self, place: usize, watch: Watch) {
        self.forget_answers(place);
        let Candidate {
            incarnation, rate, ..
        } = self.candidates[place];
        self.candidates[place] = Candidate::new(place, incarnation + 1, rate, watch);
    }

    /// Whether its sender still waits for the answer.
    pub fn is_awaited(&self, message: &Message) -> bool {
        let outstanding = self.candidates[message.from].election.outstanding;
        self.is_alive(message)
            && outstanding.is_some_and(|request| request.number == message.number)
    }

    /// Nobody is there to hear them.
    pub fn forget_answers(&mut self, place: usize) {
        self.network
            .retain(|message| message.from != place || matches!(message.body, Body::Request(_)));
    }

    pub fn is_alive(&self, message: &Message) -> bool {
        let candidate = &self.candidates[message.from];
        candidate.incarnation == message.incarnation && !candidate.ended()
    }

    /// The server does what the message asks, and its answer is on the way, if there is still somebody to hear it.
    pub fn serve(&mut self, message: &Message, mistake: Mistake) -> Option<Message> {
        let Body::Request(call) = &message.body else {
            return None;
        };
        let answer = match call {
            Call::Read => Answer::Found(
                self.server
                    .lease
                    .as_ref()
                    .map(|stored| self.record(message.from, stored)),
            ),
            Call::Create(claim) if self.server.lease.is_none() => self.store(message, claim),
            Call::Replace(version, claim) if self.accepts(version, mistake) => {
                self.store(message, claim)
            }
            Call::Create(_) | Call::Replace(..) => Answer::Refused,
        };
        self.is_alive(message).then(|| Message {
            body: Body::Answer(answer),
            ..message.clone()
        })
    }

    pub fn accepts(&self, version: &Version, mistake: Mistake) -> bool {
        let matches = |stored: &Stored| stored.version.to_string() == version.resource_version;
        self.server
            .lease
            .as_ref()
            .is_some_and(|stored| matches(stored) || mistake == Mistake::WritesWithoutVersion)
    }

    fn store(&mut self, message: &Message, claim: &Claim) -> Answer {
        let stored = Stored {
            version: self.server.next_version,
            holder: claim.holder.clone(),
            duration_seconds: claim.duration_seconds,
            transitions: claim.transitions,
        };
        if claim.holder.is_some() && self.is_alive(message) {
            let proof = &mut self.candidates[message.from].proof;
            *proof = (*proof).max(Some(message.sent));
        }
        let record = self.record(message.from, &stored);
        self.change(Some(stored));
        Answer::Stored(record)
    }

    pub fn change(&mut self, lease: Option<Stored>) {
        self.server.before = Some(self.server.lease.take());
        self.server.lease = lease;
        self.server.next_version += 1;
    }

    /// The Lease as the process at this place reads it.
    pub fn record(&self, place: usize, stored: &Stored) -> Record {
        Record {
            version: Version {
                uid: String::new(),
                resource_version: stored.version.to_string(),
            },
            holder: match &stored.holder {
                None => Holder::Nobody,
                Some(name) if *name == self.candidates[place].election.identity => Holder::Us,
                Some(name) => Holder::Another(name.clone()),
            },
            duration_seconds: Some(stored.duration_seconds),
            transitions: stored.transitions,
            acquired: None,
            renewed: None,
        }
    }
}
