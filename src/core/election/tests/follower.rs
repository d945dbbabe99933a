//! A follower: when it asks, when it waits, and when it claims the Lease.

use std::time::Duration;

use similar_asserts::assert_eq;

use super::super::{Answer, Call, Holder, Input, Record, Watch};
use super::{NO_JITTER, answer, at, claim, follower, other, record, replace, request, tick};

#[test]
fn the_first_of_a_new_cluster_creates_the_lease_at_once() {
    let (mut election, first) = follower(None);
    assert_eq!(first, request(1, Call::Create(claim(0))));
    assert_eq!(
        answer(&mut election, 0.1, 1, Answer::Stored(record(1, Holder::Us))),
        None
    );
    assert_eq!(election.term(), Some("me/0".to_owned()));
    assert_eq!(election.may_write(at(0.1)), true);
}

/// The watch may be faster than the answer; the claim must not be made again for it.
#[test]
fn a_claim_that_the_watch_shows_before_it_is_answered_is_a_good_one() {
    let (mut election, first) = follower(None);
    assert_eq!(first, request(1, Call::Create(claim(0))));
    let stored = record(1, Holder::Us);
    let seen = Input::Seen(Some(stored.clone()));
    assert_eq!(election.step(at(0.05), NO_JITTER, seen), None);
    assert_eq!(answer(&mut election, 0.1, 1, Answer::Stored(stored)), None);
    assert_eq!(election.term(), Some("me/0".to_owned()));
}

#[test]
fn a_follower_with_a_watch_sends_nothing_while_the_leader_renews() {
    let (mut election, first) = follower(Some(record(1, other())));
    assert_eq!(first, None);
    for beat in 1..1_000_u32 {
        let now = f64::from(beat) * 2.0;
        assert_eq!(
            election.step(
                at(now),
                NO_JITTER,
                Input::Seen(Some(record(1 + beat, other())))
            ),
            None
        );
        assert_eq!(election.wake(), Some(at(now + 15.0)));
        assert_eq!(tick(&mut election, now), None);
    }
}

#[test]
fn a_follower_takes_a_lease_that_stayed_unchanged_for_its_whole_duration() {
    let (mut election, _) = follower(Some(record(1, other())));
    assert_eq!(
        election.step(at(3.0), NO_JITTER, Input::Seen(Some(record(2, other())))),
        None
    );
    assert_eq!(
        election.step(at(9.0), NO_JITTER, Input::Seen(Some(record(2, other())))),
        None,
        "seeing it again is no change"
    );
    assert_eq!(tick(&mut election, 17.9), None);
    assert_eq!(tick(&mut election, 18.0), replace(1, 2, 4));
}

/// F-11: what others wrote as time never starts or ends anything.
#[test]
fn the_times_written_by_others_are_only_signs_of_change() {
    let renewed = |number, text: &str| Record {
        renewed: Some(text.parse().expect("an RFC 3339 time")),
        ..record(number, other())
    };
    let (mut election, first) = follower(Some(renewed(1, "1970-01-01T00:00:00Z")));
    assert_eq!(first, None);
    assert_eq!(election.wake(), Some(at(15.0)));
    assert_eq!(
        election.step(
            at(5.0),
            NO_JITTER,
            Input::Seen(Some(renewed(2, "9999-12-30T00:00:00Z")))
        ),
        None
    );
    assert_eq!(election.wake(), Some(at(20.0)));
}

#[test]
fn a_released_lease_is_taken_as_soon_as_it_is_seen() {
    let (mut election, _) = follower(Some(record(1, other())));
    let released = Record {
        duration_seconds: Some(1),
        ..record(2, Holder::Nobody)
    };
    assert_eq!(
        election.step(at(5.0), NO_JITTER, Input::Seen(Some(released))),
        replace(1, 2, 4)
    );
}

#[test]
fn of_two_claims_the_refused_one_reads_again_and_waits() {
    let (mut election, _) = follower(Some(record(1, other())));
    assert_eq!(tick(&mut election, 15.0), replace(1, 1, 4));
    assert_eq!(
        answer(&mut election, 15.1, 1, Answer::Refused),
        request(2, Call::Read)
    );
    assert_eq!(
        answer(
            &mut election,
            15.2,
            2,
            Answer::Found(Some(record(2, other())))
        ),
        None
    );
    assert_eq!(election.wake(), Some(at(30.2)));
    assert_eq!(election.may_write(at(15.2)), false);
}

#[test]
fn without_a_watch_a_follower_reads_every_retry_period_and_its_jitter() {
    let (mut election, _) = follower(Some(record(1, other())));
    let jitter = Duration::from_millis(300);
    assert_eq!(
        election.step(at(4.0), jitter, Input::Watch(Watch::Broken)),
        None
    );
    assert_eq!(tick(&mut election, 6.0), request(1, Call::Read));
    let same = Answer::Found(Some(record(1, other())));
    assert_eq!(
        election.step(
            at(6.1),
            jitter,
            Input::Answered {
                number: 1,
                answer: same
            }
        ),
        None
    );
    assert_eq!(election.wake(), Some(at(6.1 + 2.3)));
    assert_eq!(tick(&mut election, 8.5), request(2, Call::Read));
}

#[test]
fn a_new_watch_is_followed_by_one_read() {
    let (mut election, _) = follower(Some(record(1, other())));
    assert_eq!(
        election.step(at(4.0), NO_JITTER, Input::Watch(Watch::Broken)),
        None
    );
    assert_eq!(
        election.step(at(4.8), NO_JITTER, Input::Watch(Watch::Open)),
        request(1, Call::Read)
    );
    assert_eq!(
        answer(
            &mut election,
            4.9,
            1,
            Answer::Found(Some(record(1, other())))
        ),
        None
    );
    assert_eq!(election.wake(), Some(at(15.0)));
}

#[test]
fn a_claim_that_was_stored_unanswered_is_ours_at_once() {
    let (mut election, _) = follower(Some(record(1, other())));
    assert_eq!(tick(&mut election, 15.0), replace(1, 1, 4));
    assert_eq!(answer(&mut election, 15.5, 1, Answer::Failed), None);
    assert_eq!(
        election.step(
            at(15.6),
            NO_JITTER,
            Input::Seen(Some(record(2, Holder::Us)))
        ),
        None
    );
    assert_eq!(tick(&mut election, 17.0), replace(2, 2, 4));
}

/// F-12, at a follower: none of these is a release, so each is waited out from the moment it is seen.
#[test]
fn no_edit_but_a_release_shortens_the_wait_and_none_makes_it_endless() {
    let wait_after = |edited: Option<Record>| {
        let (mut election, _) = follower(Some(record(1, other())));
        assert_eq!(election.step(at(5.0), NO_JITTER, Input::Seen(edited)), None);
        election.wake().map(|wake| wake.since(at(5.0)).as_secs())
    };
    let lasting = |duration_seconds| {
        Some(Record {
            duration_seconds,
            ..record(2, other())
        })
    };
    let cases = [
        wait_after(None),
        wait_after(Some(record(2, Holder::Nobody))),
        wait_after(Some(record(2, Holder::Us))),
        wait_after(lasting(None)),
        wait_after(lasting(Some(0))),
        wait_after(lasting(Some(-1))),
        wait_after(lasting(Some(1))),
        wait_after(lasting(Some(30))),
        wait_after(lasting(Some(i32::MAX))),
    ];
    assert_eq!(cases, [15, 15, 15, 15, 15, 15, 15, 30, 60].map(Some));
}

#[test]
fn odd_transitions_stay_in_the_range_that_the_api_server_stores() {
    let next = |transitions| {
        let (_, first) = follower(Some(Record {
            transitions,
            duration_seconds: Some(1),
            ..record(1, Holder::Nobody)
        }));
        match first.map(|request| request.call) {
            Some(Call::Replace(_, claim)) => claim.transitions,
            other => panic!("a released Lease must be taken, not {other:?}"),
        }
    };
    assert_eq!(
        [i32::MIN, -1, 0, 7, i32::MAX].map(next),
        [1, 1, 1, 8, i32::MAX]
    );
}
