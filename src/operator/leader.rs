//! Runs the leader election: gives `core::election` its inputs, sends what it asks for, and tells everybody else whether this process may
//! write. Touches one Lease through a client of its own. All rules are in core; here are only the clock, the connection and the log.
//!
//! Requests: a follower watches the Lease and sends nothing else; a leader adds one PUT every two seconds. Rights: create, get, update and watch
//! on `leases` of `coordination.k8s.io`, all but create bound to the Lease's name.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{BoxFuture, Fuse, FutureExt};
use tokio::sync::watch;
use tokio::time;
use tracing::{info, warn};

use crate::core::election::{Election, Ended, Input, Loss, Monotonic, Role, Timings, Watch};

mod lease;
#[cfg(test)]
mod tests;

use lease::LeaderLease;

/// What an election needs to know.
#[derive(Clone)]
pub struct LeaderConfig {
    /// A client for this alone, without kube's hidden retry (`Config::default_retry` off): a renewal that is repeated for minutes inside
    /// one call would hide that the leadership is gone.
    pub client: kube::Client,
    /// The Lease's namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// This process's name in the Lease. Must differ from that of every other process, also of this pod's former ones.
    pub identity: String,
    /// `Timings::default()`, that is client-go's, but in tests.
    pub timings: Timings,
}

/// Whether this process leads. Cheap to clone; every clone tells the same.
#[derive(Clone)]
pub struct Leadership {
    shared: Arc<Shared>,
}

struct Shared {
    /// Zero of the election's monotonic clock.
    start: Instant,
    /// Until when writing is allowed, in nanoseconds since `start`; 0 when it is not.
    writes_until: AtomicU64,
    /// Whether changes of the Lease reach this process unasked.
    watched: AtomicBool,
    phase: watch::Sender<Phase>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Follower,
    Leader { term: String },
    Ended,
}

impl Default for Leadership {
    fn default() -> Self {
        Self::new()
    }
}

impl Leadership {
    /// A handle that says no until `run` is given it and wins.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                start: Instant::now(),
                writes_until: AtomicU64::new(0),
                watched: AtomicBool::new(false),
                phase: watch::Sender::new(Phase::Follower),
            }),
        }
    }

    /// Whether this process may send a write now. Costs one look at the clock; ask before every write. A write that was let through must end
    /// within five seconds (lease less renew deadline), so that none is under way when another process takes over.
    #[must_use]
    pub fn may_write(&self) -> bool {
        nanoseconds(self.now()) < self.shared.writes_until.load(Ordering::Acquire)
    }

    /// Whether the Lease can be reached: a leader by its renewals, a standby by its watch.
    #[must_use]
    pub fn is_lease_reachable(&self) -> bool {
        self.may_write() || self.shared.watched.load(Ordering::Relaxed)
    }

    /// The name of this leadership, `identity/leaseTransitions`: the same throughout it, and no other's. `None` when not leading.
    #[must_use]
    pub fn term(&self) -> Option<String> {
        match &*self.shared.phase.borrow() {
            Phase::Leader { term } => Some(term.clone()),
            Phase::Follower | Phase::Ended => None,
        }
    }

    /// Waits until this process leads. Never returns if it ends before.
    pub async fn acquired(&self) {
        self.reached(|phase| matches!(phase, Phase::Leader { .. }))
            .await;
    }

    /// Waits until this process has led, or has given up to lead, for good: it may never write again.
    pub async fn lost(&self) {
        self.reached(|phase| *phase == Phase::Ended).await;
    }

    async fn reached(&self, condition: impl FnMut(&Phase) -> bool) {
        let mut phase = self.shared.phase.subscribe();
        // Cannot fail: `self` holds the sender for as long as this future borrows it.
        let _ = phase.wait_for(condition).await;
    }

    fn now(&self) -> Monotonic {
        Monotonic(self.shared.start.elapsed())
    }

    /// Tells everybody how the election stands. The right to write is taken away before anybody is told that it is gone.
    fn publish(&self, election: &Election) {
        let until = election.writes_until().map_or(0, nanoseconds);
        self.shared.writes_until.store(until, Ordering::Release);
        self.shared
            .watched
            .store(election.watch == Watch::Open, Ordering::Relaxed);
        let phase = match (&election.role, election.term()) {
            (Role::Ended(_), _) => Phase::Ended,
            (Role::Leader { .. }, Some(term)) if until > 0 => Phase::Leader { term },
            _ => Phase::Follower,
        };
        self.shared.phase.send_if_modified(|current| {
            // A leader that is giving its Lease back has stopped already; nobody waits for it to be a follower.
            let changed = *current != phase && phase != Phase::Follower;
            if changed {
                *current = phase;
            }
            changed
        });
    }
}

fn nanoseconds(time: Monotonic) -> u64 {
    u64::try_from(time.0.as_nanos()).unwrap_or(u64::MAX)
}

/// Takes part in the election until it is over for this process. `stop` resolves when the process is asked to end; `drained`, looked at only
/// then, when the last writer has stopped, and only after that the Lease is released. After `Ended::Lost` the process must exit at once.
pub async fn run(
    config: LeaderConfig,
    leadership: Leadership,
    stop: impl Future<Output = ()>,
    drained: impl Future<Output = ()>,
) -> Ended {
    let longest_jitter = config.timings.retry / 2;
    let mut election = Election::new(config.identity.clone(), config.timings);
    let lease = LeaderLease::new(config);
    let mut watch = pin!(lease.watch());
    let mut stop = pin!(stop.fuse());
    let mut drained = pin!(drained.fuse());
    let mut stopping = false;
    let mut flight: Fuse<BoxFuture<'_, Input>> = Fuse::terminated();
    let mut input = Input::Tick;
    loop {
        let led = election.term();
        if let Some(request) = election.step(leadership.now(), jitter(longest_jitter), input) {
            flight = lease.send(request).boxed().fuse();
        } else if election.outstanding.is_none() {
            flight = Fuse::terminated();
        }
        leadership.publish(&election);
        report(&lease, led, &election);
        if let Some(ended) = election.ended() {
            return ended.clone();
        }
        let sleep = election.wake().map(|wake| wake.since(leadership.now()));
        input = tokio::select! {
            answer = &mut flight => answer,
            Some(seen) = watch.next() => seen,
            () = &mut stop, if !stopping => {
                stopping = true;
                Input::Stop
            }
            () = &mut drained, if stopping => Input::Drained,
            () = time::sleep(sleep.unwrap_or_default()), if sleep.is_some() => Input::Tick,
        };
    }
}

/// One line when this process begins or ends to lead.
fn report(lease: &LeaderLease, led: Option<String>, election: &Election) {
    let lease = lease.to_string();
    match (led, election.term(), election.ended()) {
        (None, Some(term), _) => info!(lease, term, "leading"),
        (Some(term), _, Some(Ended::Lost(Loss::DeadlinePassed))) => {
            warn!(
                lease,
                term, "leadership lost: no renewal of the Lease succeeded in time"
            );
        }
        (Some(term), _, Some(Ended::Lost(Loss::TakenBy(holder)))) => {
            warn!(
                lease,
                term, holder, "leadership lost: the Lease names another process"
            );
        }
        (Some(term), _, Some(Ended::Released)) => info!(lease, term, "leadership released"),
        _ => {}
    }
}

/// A time of zero to `longest`, different in each replica. The standard library's hash keys are its only source of randomness; it is good enough
/// for not asking in step.
fn jitter(longest: Duration) -> Duration {
    longest * u32::from(random_byte()) / u32::from(u8::MAX)
}

fn random_byte() -> u8 {
    RandomState::new().build_hasher().finish().to_le_bytes()[0]
}
