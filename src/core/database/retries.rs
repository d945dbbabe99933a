//! Which wishes of people for one more attempt were fulfilled. Each Migration has its own: two with the same plan, or one that was applied
//! anew, answer for themselves alone; else each would take the other's token for a new wish, and a plan that fails would run for ever. Pure.

use crate::api::database::{Answered, Entry, Holder, MOST_ANSWERED};

/// Whether an attempt has answered this token of this Migration.
#[must_use]
pub fn has_answered(entry: &Entry, migration_uid: &str, token: &str) -> bool {
    let mut answered = entry.answered.iter();
    answered.any(|answered| answered.migration_uid == migration_uid && answered.token == token)
}

/// Whether the attempt that holds the database answers a wish that none before it has answered.
#[must_use]
pub(super) fn answers(old: &Entry, holder: Option<&Holder>) -> bool {
    let asked = holder.and_then(|holder| Some((holder, holder.retry_token.as_ref()?)));
    asked.is_some_and(|(holder, token)| !has_answered(old, &holder.migration_uid, token))
}

/// The answers once this attempt has ended.
#[must_use]
pub(super) fn answered_by(old: &Entry, holder: Option<&Holder>) -> Vec<Answered> {
    let token = holder.and_then(|holder| holder.retry_token.as_ref());
    let uid = holder.map(|holder| holder.migration_uid.as_str());
    with(old, uid.unwrap_or_default(), token)
}

/// The answers with one more.
#[must_use]
pub(super) fn with(old: &Entry, migration_uid: &str, token: Option<&String>) -> Vec<Answered> {
    let mut answered = old.answered.clone();
    if let Some(token) = token {
        answered.retain(|answered| answered.migration_uid != migration_uid);
        answered.push(Answered {
            migration_uid: migration_uid.to_owned(),
            token: token.clone(),
        });
    }
    let first = answered.len().saturating_sub(MOST_ANSWERED);
    answered.split_off(first)
}

#[cfg(test)]
mod tests {
    use super::{MOST_ANSWERED, answers, has_answered, with};
    use crate::api::database::{Entry, Holder};

    /// I-6: two Migrations of one plan, each with a token of its own, ask once each.
    #[test]
    fn each_migration_is_answered_for_itself() {
        let mut entry = Entry::default();
        let asks = |uid: &str, token: &str| Holder {
            migration_uid: uid.to_owned(),
            retry_token: Some(token.to_owned()),
            ..Holder::default()
        };
        let mut runs = Vec::new();
        for (uid, token) in [("a", "1"), ("b", "x"), ("a", "1"), ("b", "x"), ("a", "2")] {
            runs.push(answers(&entry, Some(&asks(uid, token))));
            entry.answered = with(&entry, uid, Some(&token.to_owned()));
        }
        assert_eq!(runs, [true, true, false, false, true]);
        assert!(!has_answered(&entry, "a", "1") && has_answered(&entry, "a", "2"));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut entry = Entry::default();
        for uid in 0..100 {
            entry.answered = with(&entry, &uid.to_string(), Some(&"1".to_owned()));
        }
        assert_eq!(entry.answered.len(), MOST_ANSWERED);
        assert!(has_answered(&entry, "99", "1"));
    }
}
