//! What an error of the API server means for a plan. Pure: from an error to a [`Stop`].

use std::time::Duration;

use kube::core::response::Status;

use crate::core::plan::{ObjectKey, Stop};
use crate::core::size;

/// Longest part of a server's message that goes on.
const LONGEST: usize = 1000;

/// The stop that follows from an error of a request on `key`.
pub(super) fn stop(key: &ObjectKey, verb: &'static str, error: &kube::Error) -> Stop {
    match error {
        kube::Error::Api(status) => stop_of_status(key, verb, status),
        // What could not be sent or decoded can never be: everything else is the connection.
        kube::Error::BuildRequest(_) | kube::Error::SerdeError(_) => Stop::Refused {
            key: key.clone(),
            message: cut(&error.to_string()),
        },
        other => Stop::Unavailable {
            key: key.clone(),
            retry_after: None,
            message: cut(&other.to_string()),
        },
    }
}

fn stop_of_status(key: &ObjectKey, verb: &'static str, status: &Status) -> Stop {
    let key = key.clone();
    let message = cut(&status.message);
    match status.code {
        404 if verb == "create" => Stop::NamespaceTerminating { key },
        404 | 409 => Stop::ReadAgain { key },
        422 if is_about_uid(status) => Stop::ReadAgain { key },
        403 if has_cause(status, "NamespaceTerminating") => Stop::NamespaceTerminating { key },
        403 if is_about_quota(&message) => Stop::QuotaExceeded { key, message },
        403 if is_about_rights(&message) => Stop::Forbidden { key, verb, message },
        401 | 408 | 429 | 500..=599 => Stop::Unavailable {
            key,
            retry_after: retry_after(status),
            message,
        },
        _ => Stop::Refused { key, message },
    }
}

/// The uid of the body is a precondition: another one is told as an invalid value of an immutable field.
fn is_about_uid(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.field == "metadata.uid")
}

fn has_cause(status: &Status, reason: &str) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == reason)
}

/// Words of the admission plugins ResourceQuota and LimitRanger; their answers have no reason of their own.
fn is_about_quota(message: &str) -> bool {
    ["exceeded quota", "failed quota", "maximum ", "minimum "]
        .iter()
        .any(|word| message.contains(word))
        && !is_about_rights(message)
}

/// RBAC's sentence: `User "..." cannot create resource "..."`. Without it, a 403 is an admission plugin's.
fn is_about_rights(message: &str) -> bool {
    message.contains("User \"") && message.contains("cannot ")
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

fn cut(message: &str) -> String {
    size::cut_at(message, LONGEST).to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::core::response::Status;
    use serde_json::{Value, json};
    use similar_asserts::assert_eq;

    use super::stop_of_status;
    use crate::core::plan::{ObjectKey, ObjectKind, Stop};

    fn key() -> ObjectKey {
        ObjectKey {
            kind: ObjectKind::Job,
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
        }
    }

    fn stop_after(verb: &'static str, code: u16, message: &str, details: &Value) -> Stop {
        let status = json!({"code": code, "message": message, "reason": "", "details": details});
        let status: Status = serde_json::from_value(status).expect("a Status");
        stop_of_status(&key(), verb, &status)
    }

    /// F-18, F-28: a precondition that does not hold is no error.
    #[test]
    fn a_precondition_that_does_not_hold_means_read_again() {
        let uid = json!({"causes": [{"field": "metadata.uid", "reason": "FieldValueInvalid"}]});
        let again = Stop::ReadAgain { key: key() };
        assert_eq!(stop_after("patch", 409, "changed", &json!({})), again);
        assert_eq!(stop_after("patch", 422, "immutable", &uid), again);
        assert_eq!(stop_after("patch", 404, "not found", &json!({})), again);
    }

    /// F-21, F-22, F-23: what a person must do differs.
    #[test]
    fn a_refusal_is_told_by_who_refuses() {
        let rights = r#"jobs.batch is forbidden: User "s" cannot create resource "jobs" in API group "batch""#;
        assert_eq!(
            stop_after("create", 403, rights, &json!({})),
            Stop::Forbidden {
                key: key(),
                verb: "create",
                message: rights.to_owned()
            }
        );
        let quota = r#"jobs.batch "orders" is forbidden: exceeded quota: small, requested: count/jobs.batch=1"#;
        assert_eq!(
            stop_after("create", 403, quota, &json!({})),
            Stop::QuotaExceeded {
                key: key(),
                message: quota.to_owned()
            }
        );
        let policy = r#"admission webhook "p" denied the request: no"#;
        assert_eq!(
            stop_after("create", 403, policy, &json!({})),
            Stop::Refused {
                key: key(),
                message: policy.to_owned()
            }
        );
        let terminating =
            json!({"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]});
        assert_eq!(
            stop_after("create", 403, "being terminated", &terminating),
            Stop::NamespaceTerminating { key: key() }
        );
    }

    /// F-20: the server's hint is kept.
    #[test]
    fn an_overloaded_server_says_when_to_come_back() {
        assert_eq!(
            stop_after("create", 429, "too many", &json!({"retryAfterSeconds": 7})),
            Stop::Unavailable {
                key: key(),
                retry_after: Some(Duration::from_secs(7)),
                message: "too many".to_owned()
            }
        );
    }
}
