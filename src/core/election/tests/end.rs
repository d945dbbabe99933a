//! The end of a process: the Lease is given back when all writers have stopped.

use similar_asserts::assert_eq;

use super::super::{Answer, Call, Claim, Ended, Holder, Input, Loss, Record};
use super::{
    NO_JITTER, answer, at, follower, leader, other, record, replace, request, tick, version,
};

/// I-35.
#[test]
fn the_lease_is_given_up_only_after_the_last_writer_stopped() {
    let mut election = leader();
    assert_eq!(election.step(at(1.0), NO_JITTER, Input::Stop), None);
    assert_eq!(
        tick(&mut election, 2.0),
        replace(2, 10, 4),
        "it goes on renewing while writers are at work"
    );
    assert_eq!(election.may_write(at(2.0)), true);
    assert_eq!(
        election.step(at(2.1), NO_JITTER, Input::Drained),
        None,
        "the renewal under way comes first"
    );
    assert_eq!(election.may_write(at(2.1)), false);
    let release = Claim {
        holder: None,
        duration_seconds: 1,
        transitions: 4,
        acquired: None,
        renewed_before: None,
    };
    let stored = answer(
        &mut election,
        2.2,
        2,
        Answer::Stored(record(11, Holder::Us)),
    );
    assert_eq!(stored, request(3, Call::Replace(version(11), release)));
    assert_eq!(
        answer(
            &mut election,
            2.3,
            3,
            Answer::Stored(Record {
                duration_seconds: Some(1),
                ..record(12, Holder::Nobody)
            })
        ),
        None
    );
    assert_eq!(election.ended(), Some(&Ended::Released));
}

#[test]
fn a_release_that_cannot_be_written_ends_at_the_deadline() {
    let mut election = leader();
    let release = election.step(at(1.0), NO_JITTER, Input::Drained);
    assert_eq!(release.map(|request| request.number), Some(2));
    assert_eq!(answer(&mut election, 1.5, 2, Answer::Failed), None);
    assert_eq!(
        tick(&mut election, 3.0).map(|request| request.number),
        Some(3)
    );
    assert_eq!(tick(&mut election, 10.0), None);
    assert_eq!(election.ended(), Some(&Ended::Lost(Loss::DeadlinePassed)));
}

#[test]
fn a_follower_asked_to_end_ends_at_once() {
    let (mut election, _) = follower(Some(record(1, other())));
    assert_eq!(election.step(at(1.0), NO_JITTER, Input::Stop), None);
    assert_eq!(election.ended(), Some(&Ended::Released));
}

#[test]
fn a_claim_under_way_when_the_end_is_asked_for_is_awaited_and_given_back() {
    let (mut election, _) = follower(Some(record(1, other())));
    assert_eq!(tick(&mut election, 15.0), replace(1, 1, 4));
    assert_eq!(election.step(at(15.1), NO_JITTER, Input::Stop), None);
    assert_eq!(election.ended(), None);
    let release = answer(
        &mut election,
        15.2,
        1,
        Answer::Stored(record(2, Holder::Us)),
    );
    let given_up = Claim {
        holder: None,
        duration_seconds: 1,
        transitions: 4,
        acquired: None,
        renewed_before: None,
    };
    assert_eq!(release, request(2, Call::Replace(version(2), given_up)));
    assert_eq!(election.may_write(at(15.2)), false, "nobody was told of it");
}
