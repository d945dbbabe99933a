//! After the tool, and in a run that only looks: what its table says now, at which file it stopped, and what follows from that. May touch the
//! database through the lock's session.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::core::migration::judge::{
    End, Evidence, Judgement, Left, Lock as LockEvidence, ReadBack,
};
use crate::core::migration::message::{Message, MessageError, Outcome, TEXT_LIMIT, clean};

use super::attempt::{Attempt, Before, seconds};
use super::ending::Ending;
use super::engines::Engine;
use super::lock::PING;
use super::supervise::{Finished, end_of};
use super::tools::{StoppedAt, Tool};

/// Of the grace period, kept for writing the message. 5 s.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// How often the database is read back, when it answers with errors: 3 times, some seconds apart.
const LOOKS: usize = 3;

impl Attempt {
    /// Step 11: waits for the tool's sessions, reads the version table, judges.
    pub(super) async fn read_back<E: Engine, T: Tool>(
        &self,
        mut before: Before<E, T>,
        finished: &Finished,
        message: &mut Message,
    ) -> Judgement {
        let grace = seconds(self.parameters.grace_seconds);
        let until = self.stop.at().unwrap_or_else(Instant::now) + grace.saturating_sub(LAST_MOMENT);
        let mut orphan = false;
        let mut after = None;
        for _ in 0..LOOKS {
            if !before.lock.retake_within(until).await {
                break;
            }
            if let Some((sessions_left, versions, indexes)) = self.look(&before, until).await {
                orphan = sessions_left;
                note(message, &before.tool, &versions);
                message.applied = before.tool.applied(&before.versions, &versions);
                message.invalid_indexes = indexes
                    .into_iter()
                    .filter(|index| !before.invalid_indexes.contains(index))
                    .collect();
                after = Some(versions);
                break;
            }
            sleep(PING).await;
        }
        if after.is_none() {
            message.after = None;
            message.taken_for_applied = None;
        }
        if !message.invalid_indexes.is_empty() {
            message.warnings.push(format!(
                "a concurrent index build failed and left INVALID: {}; drop it before the next try",
                message.invalid_indexes.join(", ")
            ));
        }
        let words = before.tool.understand(&finished.last, after.as_ref());
        let (end, error) = end_of(finished, words.map(|words| (words.end, words.error)));
        let file = error.as_ref().and_then(|error| error.file.as_deref());
        let mut stopped = stopped_at::<E, T>(&before.tool, file, after.as_ref());
        if has_ended_a_stage(&before.tool, finished, after.as_ref()) {
            stopped = stopped.map(StoppedAt::not_begun);
        }
        let evidence = Evidence {
            lock: if finished.lock_lost {
                LockEvidence::Lost
            } else {
                LockEvidence::Held
            },
            orphan,
            read_back: read_back(&before.tool, after.as_ref(), finished.last_of_all()),
            transactional: stopped
                .as_ref()
                .is_some_and(|stopped| stopped.left.is_nothing()),
            end,
        };
        let judgement = before.tool.judge(&evidence, message.tool_exit);
        let unseen = before.tool.unseen();
        let unseen = unseen.filter(|_| is_in_doubt(&judgement) && evidence.end != End::Zero);
        message.error = if judgement.outcome == Outcome::Succeeded {
            None
        } else {
            error.map(|error| and(at_file(error, stopped), unseen))
        };
        judgement
    }

    /// One look: whether sessions of the tool are left, the versions, the invalid indexes.
    async fn look<E: Engine, T: Tool>(
        &self,
        before: &Before<E, T>,
        until: Instant,
    ) -> Option<(bool, T::Versions, Vec<String>)> {
        let gone = before.lock.no_tool_within(until).await.ok()?;
        let versions = before.tool.read(before.lock.session()).await.ok()?;
        let indexes = before.lock.session().invalid_indexes().await.ok()?;
        Some((!gone, versions, indexes))
    }
}

fn read_back<T: Tool>(tool: &T, after: Option<&T::Versions>, last: &str) -> ReadBack {
    let Some(versions) = after else {
        return ReadBack::Missing;
    };
    match tool.mark(versions) {
        Some(reason) => ReadBack::Marked(reason),
        None if tool.at_target(versions, last) => ReadBack::AtTarget,
        None => ReadBack::Below,
    }
}

/// Whether an early stage applied all its files, so that the next file was not begun.
fn has_ended_a_stage<T: Tool>(tool: &T, finished: &Finished, after: Option<&T::Versions>) -> bool {
    let Some((until, versions)) = finished.until.as_ref().zip(after) else {
        return false;
    };
    tool.preflight(versions)
        .is_ok_and(|pending| !pending.versions.contains(until))
}

/// The file at which the tool stopped. It is transactional only on an engine on which a change of the schema can be.
fn stopped_at<E: Engine, T: Tool>(
    tool: &T,
    file: Option<&str>,
    after: Option<&T::Versions>,
) -> Option<StoppedAt> {
    let stopped = tool.stopped_at(file, after)?;
    Some(StoppedAt {
        left: stopped.left.on(E::KIND),
        ..stopped
    })
}

/// What the table says now, for the message.
pub(super) fn note<T: Tool>(message: &mut Message, tool: &T, versions: &T::Versions) {
    message.after = tool.current(versions);
    message.dirty = tool.mark(versions).is_some();
    message.last_good = tool.last_good(versions);
    message.taken_for_applied = tool.taken_for_applied(versions);
}

/// A Check run found files pending. Whoever ran before is dead and holds nothing, so the first of them is the one it stopped in: if that
/// file is transactional, nothing of it is there and another attempt is safe; if not, a person must look.
pub(super) fn checked<E: Engine, T: Tool>(tool: &T, versions: &T::Versions) -> Ending {
    let stopped = stopped_at::<E, T>(tool, None, Some(versions));
    let left = stopped.as_ref().map(|stopped| stopped.left);
    let error = at_file(
        MessageError::plain("Tool", "the last attempt did not get to its end"),
        stopped,
    );
    Ending {
        judgement: tool.still_pending(left),
        error: Some(Box::new(and(error, tool.unseen()))),
    }
}

/// Whether nobody knows how it ended, and a person is asked.
fn is_in_doubt(judgement: &Judgement) -> bool {
    judgement.outcome == Outcome::Blocked && judgement.reason == "OutcomeUnknown"
}

/// The same error, and what is to be known besides.
fn and(error: MessageError, besides: Option<&str>) -> MessageError {
    let Some(besides) = besides else {
        return error;
    };
    MessageError {
        text: clean(&format!("{}; {besides}", error.text), TEXT_LIMIT),
        ..error
    }
}

/// The same error with the file at which the tool stopped, and what may have become of it, unless the tool itself has named one.
fn at_file(error: MessageError, stopped: Option<StoppedAt>) -> MessageError {
    let Some(stopped) = stopped.filter(|_| error.file.is_none() && error.code.is_none()) else {
        return error;
    };
    if error.class == "Files" {
        // Nothing of it ran.
        return MessageError {
            file: Some(stopped.file),
            ..error
        };
    }
    let state = match stopped.left {
        Left::RolledBack | Left::NotBegun => "was not applied",
        Left::Half => "may be half applied, as it does not run in one transaction",
        Left::Dirty => "was begun and not ended, so it may be applied, in part or not at all",
    };
    let text = format!("{state}: {}", error.text);
    MessageError {
        file: Some(stopped.file),
        ..MessageError::plain(&error.class, &text)
    }
}
