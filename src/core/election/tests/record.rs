//! The Lease as it is read and written.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use similar_asserts::assert_eq;

use super::super::{Call, Claim, Holder, Record, Version};
use super::{record, version};

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
