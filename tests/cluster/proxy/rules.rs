//! The rules of the fault proxy: which calls, which of them in turn, and what befalls them. Added and removed while requests run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;

use super::call::{Call, Verb};

/// Which calls a rule is for. Everything that is not said matches.
#[derive(Clone, Debug, Default)]
pub struct Match {
    verbs: Vec<Verb>,
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    except: Vec<String>,
    turn: Turn,
}

/// Which of the matching calls, counted from when the rule was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Every,
    /// The n-th alone, from 1.
    Only(u64),
    /// The first n.
    First(u64),
    /// The first, the third and so on.
    Odd,
}

impl Match {
    pub fn any() -> Self {
        Self::default()
    }

    /// All calls that change something.
    pub fn writes() -> Self {
        use Verb::{Create, Delete, DeleteCollection, Patch, Update};
        Self {
            verbs: vec![Create, Update, Patch, Delete, DeleteCollection],
            ..Self::default()
        }
    }

    pub fn verb(verb: Verb) -> Self {
        Self {
            verbs: vec![verb],
            ..Self::default()
        }
    }

    /// The plural name, `jobs`.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// `status`, or an empty text for the object itself.
    #[must_use]
    pub fn subresource(mut self, subresource: impl Into<String>) -> Self {
        self.subresource = Some(subresource.into());
        self
    }

    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Not this resource, such as `leases`.
    #[must_use]
    pub fn except(mut self, resource: impl Into<String>) -> Self {
        self.except.push(resource.into());
        self
    }

    /// Only the n-th matching call, from 1.
    #[must_use]
    pub fn only(mut self, number: u64) -> Self {
        self.turn = Turn::Only(number);
        self
    }

    /// Only the first n matching calls.
    #[must_use]
    pub fn first(mut self, number: u64) -> Self {
        self.turn = Turn::First(number);
        self
    }

    /// Every other matching call, beginning with the first: each of them goes through at the second try.
    #[must_use]
    pub fn odd(mut self) -> Self {
        self.turn = Turn::Odd;
        self
    }

    /// Whether the call is meant, whatever its turn.
    pub(super) fn fits(&self, call: &Call) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        (self.verbs.is_empty() || self.verbs.contains(&call.verb))
            && is(&self.resource, &call.resource)
            && is(&self.subresource, &call.subresource)
            && is(&self.namespace, &call.namespace)
            && is(&self.name, &call.name)
            && !self.except.contains(&call.resource)
    }

    fn takes_turn(&self, number: u64) -> bool {
        match self.turn {
            Turn::Every => true,
            Turn::Only(only) => number == only,
            Turn::First(count) => number <= count,
            Turn::Odd => number % 2 == 1,
        }
    }
}

/// What befalls a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is sent later.
    Delay(Duration),
    /// It is sent when the rule is released, even if the caller is dead by then; never, if the rule is removed first.
    Hold,
    /// It is sent; the answer is kept back until the rule is released. If the rule is removed first, the connection breaks.
    HoldAnswer,
    /// It is not sent, and the connection breaks.
    DropBefore,
    /// It is sent, and the connection breaks before the answer.
    DropAfter,
    /// It is not sent; the API server seems to answer so, with `Retry-After` in seconds if given.
    Answer { code: u16, retry_after: Option<u32> },
    /// A watch, new or open, falls silent and stays open, until the rule is removed; then what was kept back comes.
    Hang,
    /// The same for the watches that are open when the rule is added; new ones go on.
    HangOpen,
    /// All that a watch says comes later by this much, in its order.
    Lag(Duration),
}

/// What a held call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Closed,
    Released,
    Removed,
}

pub(super) struct Rule {
    id: u64,
    pub matching: Match,
    pub fault: Fault,
    seen: AtomicU64,
    hits: watch::Sender<u64>,
    gate: watch::Sender<Gate>,
}

impl Rule {
    /// Waits until the rule is released or removed; true if it was released.
    pub async fn wait_for_release(&self) -> bool {
        let mut gate = self.gate.subscribe();
        gate.wait_for(|gate| *gate != Gate::Closed)
            .await
            .is_ok_and(|gate| *gate == Gate::Released)
    }

    /// Waits until the rule is no longer in the way of a watch.
    pub async fn wait_for_end(&self) {
        self.wait_for_release().await;
    }
}

/// All rules of a proxy, the oldest first.
#[derive(Default)]
pub(super) struct Rules {
    list: Mutex<Vec<Arc<Rule>>>,
    next: AtomicU64,
}

impl Rules {
    pub fn add(self: &Arc<Self>, matching: Match, fault: Fault) -> RuleHandle {
        let rule = Arc::new(Rule {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            matching,
            fault,
            seen: AtomicU64::new(0),
            hits: watch::Sender::new(0),
            gate: watch::Sender::new(Gate::Closed),
        });
        self.lock().push(Arc::clone(&rule));
        RuleHandle {
            rule,
            rules: Arc::clone(self),
        }
    }

    /// The first rule that takes the call. Each rule that fits counts it.
    pub fn take(&self, call: &Call) -> Option<Arc<Rule>> {
        let mut taken = None;
        let rules = self.lock();
        let meant = |rule: &&Arc<Rule>| rule.fault != Fault::HangOpen && rule.matching.fits(call);
        for rule in rules.iter().filter(meant) {
            let number = rule.seen.fetch_add(1, Ordering::Relaxed) + 1;
            if taken.is_none() && rule.matching.takes_turn(number) {
                rule.hits.send_modify(|hits| *hits += 1);
                taken = Some(Arc::clone(rule));
            }
        }
        taken
    }

    /// A rule that lets an open watch hang; `opened` is what [`Rules::moment`] was when the watch began.
    pub fn hanging(&self, call: &Call, opened: u64) -> Option<Arc<Rule>> {
        let hangs = |rule: &&Arc<Rule>| match rule.fault {
            Fault::Hang => true,
            Fault::HangOpen => opened <= rule.id,
            _ => false,
        };
        let rules = self.lock();
        let rule = rules
            .iter()
            .filter(hangs)
            .find(|rule| rule.matching.fits(call));
        rule.cloned()
    }

    /// How late a watch is.
    pub fn lag(&self, call: &Call) -> Option<Duration> {
        let rules = self.lock();
        rules.iter().find_map(|rule| match rule.fault {
            Fault::Lag(lag) if rule.matching.fits(call) => Some(lag),
            _ => None,
        })
    }

    /// Rules that are added later have this number or a higher one.
    pub fn moment(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    fn remove(&self, id: u64) {
        self.lock().retain(|rule| rule.id != id);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Rule>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rule in force. It is removed when the handle is dropped.
pub struct RuleHandle {
    rule: Arc<Rule>,
    rules: Arc<Rules>,
}

impl RuleHandle {
    /// How many calls it has taken.
    pub fn hits(&self) -> u64 {
        *self.rule.hits.borrow()
    }

    /// Waits until it has taken this many calls: for [`Fault::Hold`], until the call is here and held.
    pub async fn reached(&self, count: u64, limit: Duration) -> Result<()> {
        let mut hits = self.rule.hits.subscribe();
        tokio::time::timeout(limit, hits.wait_for(|hits| *hits >= count))
            .await
            .with_context(|| {
                format!(
                    "the rule took {} calls of {count} in {limit:?}: {:?} for {:?}",
                    self.hits(),
                    self.rule.fault,
                    self.rule.matching
                )
            })??;
        Ok(())
    }

    /// Lets held calls and answers go, and takes no more.
    pub fn release(self) {
        self.rules.remove(self.rule.id);
        self.rule.gate.send_replace(Gate::Released);
    }

    /// Takes no more; held calls are never sent. Dropping the handle does the same.
    pub fn remove(self) {
        drop(self);
    }
}

impl Drop for RuleHandle {
    fn drop(&mut self) {
        self.rules.remove(self.rule.id);
        self.rule.gate.send_if_modified(|gate| {
            let closed = *gate == Gate::Closed;
            if closed {
                *gate = Gate::Removed;
            }
            closed
        });
    }
}
