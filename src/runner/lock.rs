//! The lock in the database: taken by asking, never by waiting in the server (a waiter blocks CREATE INDEX CONCURRENTLY), kept by pings,
//! taken again once when its session is lost.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::ending::Ending;
use super::engines::{Access, Engine, EngineError};
use super::log::say;
use super::stop::Stop;

/// Between two tries; up to as much again is added, so that waiters do not march in step.
const POLL: Duration = Duration::from_secs(1);

/// Between two looks at whether the lock's session lives.
pub const PING: Duration = Duration::from_secs(2);

/// How long a connection that is refused at the network is tried again: a pod's network may be some seconds younger than the pod.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Longest time for the one try to get the lock back while the tool goes on.
const RETAKE_LIMIT: Duration = Duration::from_secs(3);

/// How long sessions that were terminated may take to go.
const TERMINATED_LIMIT: Duration = Duration::from_secs(10);

/// The lock and its session.
pub struct Lock<E: Engine> {
    session: E,
    access: Access,
    name: String,
}

impl<E: Engine> Lock<E> {
    /// Connects, refuses a pooler, and waits for the lock until `until`.
    pub async fn take(
        access: &Access,
        name: &str,
        until: Instant,
        stop: &mut Stop,
    ) -> Result<Self, Ending> {
        let session = connect::<E>(access, name).await?;
        session.refuse_pooler(access, name).await?;
        let mut told = false;
        while !session.try_lock().await? {
            if !told {
                say("another migration holds the lock in the database; waiting");
                told = true;
            }
            pause(
                until,
                stop,
                "another session holds the lock in the database",
            )
            .await?;
        }
        Ok(Self {
            session,
            access: access.clone(),
            name: name.to_owned(),
        })
    }

    /// The session that holds it.
    pub fn session(&self) -> &E {
        &self.session
    }

    /// Waits until no tool of an earlier attempt is at work. What is left at `until` is terminated where the engine
    /// lets us, and left alone by a Check run.
    pub async fn clear_orphans(
        &self,
        until: Instant,
        terminate: bool,
        stop: &mut Stop,
    ) -> Result<(), Ending> {
        let what = if self.access.own_user && !E::ENDS_SESSIONS {
            "a session of the user of migrations is still at work in the database: a tool of an earlier attempt, or somebody else with that user, which must be no other's"
        } else {
            "a tool of an earlier attempt is still at work in the database"
        };
        let mut told = false;
        loop {
            let orphans = self.session.tool_sessions().await?;
            if orphans.is_empty() {
                return Ok(());
            }
            if !told {
                say(&format!("{what} (sessions {orphans:?}); waiting"));
                told = true;
            }
            if Instant::now() < until || !terminate || !E::ENDS_SESSIONS {
                pause(until, stop, what).await?;
                continue;
            }
            say(&format!("terminating sessions {orphans:?}"));
            self.session.terminate(&orphans).await?;
            if !self
                .no_tool_within(Instant::now() + TERMINATED_LIMIT)
                .await?
            {
                return Err(Ending::later(
                    "LockTimeout",
                    "Connection",
                    "a tool of an earlier attempt cannot be ended in the database",
                ));
            }
        }
    }

    /// Waits for the tool's own sessions to end; whether they did.
    pub async fn no_tool_within(&self, until: Instant) -> Result<bool, EngineError> {
        while !self.session.tool_sessions().await?.is_empty() {
            if Instant::now() >= until {
                return Ok(false);
            }
            sleep(Duration::from_millis(250)).await;
        }
        Ok(true)
    }

    /// Whether the lock's session answers; why not is said in the log.
    pub async fn is_held(&self) -> bool {
        match self.session.ping().await {
            Ok(()) => true,
            Err(error) => {
                say(&format!("the session of the lock does not answer: {error}"));
                false
            }
        }
    }

    /// One try, at once, to have it back.
    pub async fn retake(&mut self) -> bool {
        let why = match timeout(RETAKE_LIMIT, self.retake_once()).await {
            Ok(Ok(true)) => return true,
            Ok(Ok(false)) => "another session holds it".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", RETAKE_LIMIT.as_secs()),
        };
        say(&format!("the lock cannot be had again: {why}"));
        false
    }

    /// Tries until then.
    pub async fn retake_within(&mut self, until: Instant) -> bool {
        loop {
            if self.is_held().await || self.retake().await {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            sleep(POLL / 2).await;
        }
    }

    async fn retake_once(&mut self) -> Result<bool, EngineError> {
        let session = E::connect(&self.access, &self.name).await?;
        let taken = session.try_lock().await?;
        if taken {
            self.session = session;
        }
        Ok(taken)
    }
}

async fn connect<E: Engine>(access: &Access, name: &str) -> Result<E, EngineError> {
    let until = Instant::now() + CONNECT_PATIENCE;
    loop {
        match E::connect(access, name).await {
            Err(EngineError::Unreachable(_)) if Instant::now() < until => sleep(POLL / 2).await,
            answer => return answer,
        }
    }
}

/// Waits a moment; ends the attempt when its time is up or the pod is told to stop. Nothing has been changed yet.
async fn pause(until: Instant, stop: &mut Stop, what: &str) -> Result<(), Ending> {
    let now = Instant::now();
    if now >= until {
        return Err(Ending::later("LockTimeout", "Connection", what));
    }
    let jitter = RandomState::new().hash_one(0) % 1000;
    let moment = now + POLL + Duration::from_millis(jitter);
    tokio::select! {
        () = tokio::time::sleep_until(moment.min(until)) => Ok(()),
        _ = stop.requested() => Err(Ending::later("LockTimeout", "Connection", &format!("the pod was told to stop while {what}"))),
    }
}
