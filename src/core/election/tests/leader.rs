//! A leader: how it renews, what counts as a renewal, and when it has lost.

use similar_asserts::assert_eq;

use super::super::{Answer, Call, Ended, Holder, Input, Loss, Record, Role};
use super::{NO_JITTER, answer, at, claim, leader, other, record, replace, request, tick};

#[test]
fn a_leader_renews_thirty_times_a_minute_and_asks_nothing_else() {
    let mut election = leader();
    for beat in 1..=30_u32 {
        let now = f64::from(beat) * 2.0;
        assert_eq!(election.wake(), Some(at(now)));
        assert_eq!(
            tick(&mut election, now),
            replace(u64::from(beat) + 1, 9 + beat, 4)
        );
        let stored = record(10 + beat, Holder::Us);
        assert_eq!(
            answer(
                &mut election,
                now + 0.2,
                u64::from(beat) + 1,
                Answer::Stored(stored.clone())
            ),
            None
        );
        assert_eq!(
            election.step(at(now + 0.3), NO_JITTER, Input::Seen(Some(stored))),
            None
        );
    }
    assert_eq!(election.term(), Some("me/4".to_owned()));
}

#[test]
fn the_deadline_counts_from_the_send_of_the_last_good_renewal() {
    let mut election = leader();
    assert_eq!(tick(&mut election, 2.0), replace(2, 10, 4));
    assert_eq!(
        answer(
            &mut election,
            6.5,
            2,
            Answer::Stored(record(11, Holder::Us))
        ),
        replace(3, 11, 4),
        "the next beat is overdue"
    );
    assert_eq!(election.writes_until(), Some(at(12.0)));
    assert_eq!(
        (election.may_write(at(11.9)), election.may_write(at(12.0))),
        (true, false)
    );
}

/// F-13: 429 with any Retry-After, or 5xx.
#[test]
fn a_leader_whose_renewals_fail_tries_every_two_seconds_and_ends_at_the_deadline() {
    let mut election = leader();
    for (number, now) in [(2, 2.0), (3, 4.0), (4, 6.0), (5, 8.0)] {
        assert_eq!(tick(&mut election, now), replace(number, 10, 4));
        assert_eq!(
            answer(&mut election, now + 0.5, number, Answer::Failed),
            None
        );
        assert_eq!(election.wake(), Some(at(now + 2.0)));
    }
    assert_eq!(tick(&mut election, 10.0), None);
    assert_eq!(election.ended(), Some(&Ended::Lost(Loss::DeadlinePassed)));
    assert_eq!(election.wake(), None);
}

#[test]
fn a_renewal_without_an_answer_is_given_up_in_time_for_another() {
    let mut election = leader();
    assert_eq!(tick(&mut election, 2.0), replace(2, 10, 4));
    assert_eq!(election.wake(), Some(at(7.0)));
    assert_eq!(tick(&mut election, 7.0), replace(3, 10, 4));
    assert_eq!(
        election.wake(),
        Some(at(10.0)),
        "no request outlives the deadline"
    );
    assert_eq!(
        answer(
            &mut election,
            7.1,
            2,
            Answer::Stored(record(11, Holder::Us))
        ),
        None,
        "an answer to what was given up"
    );
    assert_eq!(election.writes_until(), Some(at(10.0)));
}

/// F-7: a process that was stopped for a minute finds its good answer waiting.
#[test]
fn an_answer_found_after_the_deadline_does_not_bring_the_leadership_back() {
    let mut election = leader();
    assert_eq!(tick(&mut election, 2.0), replace(2, 10, 4));
    assert_eq!(election.may_write(at(62.0)), false);
    assert_eq!(
        answer(
            &mut election,
            62.0,
            2,
            Answer::Stored(record(11, Holder::Us))
        ),
        None
    );
    assert_eq!(
        election.role,
        Role::Ended(Ended::Lost(Loss::DeadlinePassed))
    );
}

#[test]
fn a_renewal_that_was_stored_unanswered_is_found_and_renewed_again() {
    let mut election = leader();
    assert_eq!(tick(&mut election, 2.0), replace(2, 10, 4));
    assert_eq!(tick(&mut election, 7.0), replace(3, 10, 4));
    assert_eq!(
        answer(&mut election, 7.1, 3, Answer::Refused),
        request(4, Call::Read)
    );
    assert_eq!(
        answer(
            &mut election,
            7.2,
            4,
            Answer::Found(Some(record(11, Holder::Us)))
        ),
        replace(5, 11, 4)
    );
    assert_eq!(
        election.writes_until(),
        Some(at(10.0)),
        "finding it is no renewal"
    );
    assert_eq!(
        answer(
            &mut election,
            7.3,
            5,
            Answer::Stored(record(12, Holder::Us))
        ),
        None
    );
    assert_eq!(election.writes_until(), Some(at(17.2)));
}

#[test]
fn a_write_that_changed_nothing_is_no_renewal() {
    let mut election = leader();
    assert_eq!(tick(&mut election, 2.0), replace(2, 10, 4));
    assert_eq!(
        answer(
            &mut election,
            2.1,
            2,
            Answer::Stored(record(10, Holder::Us))
        ),
        None
    );
    assert_eq!(election.writes_until(), Some(at(10.0)));
}

#[test]
fn a_leader_that_reads_another_name_has_lost() {
    let mut election = leader();
    assert_eq!(tick(&mut election, 2.0), replace(2, 10, 4));
    assert_eq!(
        answer(&mut election, 2.1, 2, Answer::Refused),
        request(3, Call::Read)
    );
    assert_eq!(
        answer(
            &mut election,
            2.2,
            3,
            Answer::Found(Some(record(11, other())))
        ),
        None
    );
    assert_eq!(
        election.ended(),
        Some(&Ended::Lost(Loss::TakenBy("other".to_owned())))
    );
    assert_eq!(election.may_write(at(2.2)), false);
}

/// F-12, at a leader: it asks the API server at once, and goes on in the same term.
#[test]
fn a_leader_whose_lease_was_deleted_creates_it_again_in_the_same_term() {
    let mut election = leader();
    assert_eq!(
        election.step(at(1.0), NO_JITTER, Input::Seen(None)),
        replace(2, 10, 4)
    );
    assert_eq!(
        answer(&mut election, 1.1, 2, Answer::Refused),
        request(3, Call::Read)
    );
    assert_eq!(
        answer(&mut election, 1.2, 3, Answer::Found(None)),
        request(4, Call::Create(claim(4)))
    );
    assert_eq!(
        answer(
            &mut election,
            1.3,
            4,
            Answer::Stored(record(12, Holder::Us))
        ),
        None
    );
    assert_eq!(election.term(), Some("me/4".to_owned()));
    assert_eq!(election.writes_until(), Some(at(11.2)));
}

#[test]
fn a_leader_whose_name_was_wiped_out_writes_it_again() {
    let mut election = leader();
    let wiped = Record {
        transitions: -7,
        ..record(11, Holder::Nobody)
    };
    assert_eq!(
        election.step(at(1.0), NO_JITTER, Input::Seen(Some(wiped.clone()))),
        replace(2, 10, 4)
    );
    assert_eq!(
        answer(&mut election, 1.1, 2, Answer::Refused),
        request(3, Call::Read)
    );
    assert_eq!(
        answer(&mut election, 1.2, 3, Answer::Found(Some(wiped))),
        replace(4, 11, 4)
    );
}
