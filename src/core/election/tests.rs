//! Single rules of the election, one sentence each. That they hold together is shown by `tests/election_model`.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use similar_asserts::assert_eq;

use super::{
    Answer, Call, Claim, Election, Ended, Holder, Input, Loss, Monotonic, Record, Request, Role,
    Timings, Version, Watch,
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

#[test]
fn a_lease_is_read_as_it_is_whatever_stands_in_it() {
    let time: Timestamp = "2026-01-02T03:04:05.000006Z"
        .parse()
        .expect("an RFC 3339 time");
    let lease = Lease {
        metadata: ObjectMeta {
            uid: Some("uid".to_owned()),
            resource_version: Some("7".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some("ü".repeat(1_000_000)),
            lease_duration_seconds: Some(-5),
            lease_transitions: Some(-1),
            acquire_time: Some(MicroTime(time)),
            renew_time: Some(MicroTime(time)),
            ..LeaseSpec::default()
        }),
    };
    let expected = Record {
        version: version(7),
        holder: Holder::Another("ü".repeat(128)),
        duration_seconds: Some(-5),
        transitions: -1,
        acquired: Some(time),
        renewed: Some(time),
    };
    assert_eq!(Record::read(&lease, "me"), expected);

    let nothing = Record {
        version: Version::default(),
        holder: Holder::Nobody,
        duration_seconds: None,
        transitions: 0,
        acquired: None,
        renewed: None,
    };
    assert_eq!(Record::read(&Lease::default(), "me"), nothing);
}

#[test]
fn a_renewal_keeps_the_time_of_acquisition_and_never_repeats_the_last_renew_time() {
    let time: Timestamp = "2026-01-02T03:04:05.000006Z"
        .parse()
        .expect("an RFC 3339 time");
    let before = Record {
        acquired: Some(Timestamp::UNIX_EPOCH),
        renewed: Some(time),
        ..record(7, Holder::Us)
    };
    let call = Call::Replace(version(7), Claim::hold("me", 15, 4, Some(&before)));
    let expected = Lease {
        metadata: ObjectMeta {
            namespace: Some("slipway".to_owned()),
            name: Some("slipway".to_owned()),
            uid: Some("uid".to_owned()),
            resource_version: Some("7".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some("me".to_owned()),
            lease_duration_seconds: Some(15),
            lease_transitions: Some(4),
            acquire_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
            renew_time: Some(MicroTime(
                "2026-01-02T03:04:05.000007Z"
                    .parse()
                    .expect("an RFC 3339 time"),
            )),
            ..LeaseSpec::default()
        }),
    };
    assert_eq!(call.lease("slipway", "slipway", time), Some(expected));
}
