//! Single rules of the election, one sentence each. That they hold together is shown by `tests/election_model`.

mod end;
mod follower;
mod leader;
mod record;

use std::time::Duration;

use similar_asserts::assert_eq;

use super::{
    Answer, Call, Claim, Election, Holder, Input, Monotonic, Record, Request, Timings, Version,
    Watch,
};

const NO_JITTER: Duration = Duration::ZERO;

fn at(seconds: f64) -> Monotonic {
    Monotonic(Duration::from_secs_f64(seconds))
}

fn version(number: u32) -> Version {
    Version {
        uid: "uid".to_owned(),
        resource_version: number.to_string(),
    }
}

fn record(number: u32, holder: Holder) -> Record {
    Record {
        version: version(number),
        holder,
        duration_seconds: Some(15),
        transitions: 3,
        acquired: None,
        renewed: None,
    }
}

fn other() -> Holder {
    Holder::Another("other".to_owned())
}

fn claim(transitions: i32) -> Claim {
    Claim {
        holder: Some("me".to_owned()),
        duration_seconds: 15,
        transitions,
        acquired: None,
        renewed_before: None,
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with what `step` returns"
)]
fn request(number: u64, call: Call) -> Option<Request> {
    Some(Request { number, call })
}

fn replace(number: u64, basis: u32, transitions: i32) -> Option<Request> {
    request(number, Call::Replace(version(basis), claim(transitions)))
}

fn tick(election: &mut Election, seconds: f64) -> Option<Request> {
    election.step(at(seconds), NO_JITTER, Input::Tick)
}

fn answer(election: &mut Election, seconds: f64, number: u64, answer: Answer) -> Option<Request> {
    election.step(at(seconds), NO_JITTER, Input::Answered { number, answer })
}

/// A follower with a working watch that has read the Lease at second 0, and whose next request has number 1.
fn follower(lease: Option<Record>) -> (Election, Option<Request>) {
    let mut election = Election::new("me".to_owned(), Timings::default());
    assert_eq!(tick(&mut election, 0.0), request(0, Call::Read));
    assert_eq!(
        election.step(at(0.0), NO_JITTER, Input::Watch(Watch::Open)),
        None
    );
    let next = answer(&mut election, 0.0, 0, Answer::Found(lease));
    (election, next)
}

/// A leader of term 4 since second 0: request 1 made version 10, the renewal is due at second 2 and will have number 2.
fn leader() -> Election {
    let (mut election, first) = follower(Some(Record {
        duration_seconds: Some(1),
        ..record(9, Holder::Nobody)
    }));
    assert_eq!(first, replace(1, 9, 4));
    assert_eq!(
        answer(
            &mut election,
            0.1,
            1,
            Answer::Stored(record(10, Holder::Us))
        ),
        None
    );
    election
}
