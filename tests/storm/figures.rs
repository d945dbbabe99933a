//! What a storm has done and seen.

use std::fmt;
use std::iter::Sum;

/// Counted of one database, or of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub plans: u32,
    pub runs: u32,
    pub checks: u32,
    /// Runs after the first of a plan, also those that a person asked for.
    pub retries: u32,
    /// Repairs by hand, each of a run that left something half done or in doubt.
    pub repairs: u32,
    pub runners_killed: u32,
    pub tools_killed: u32,
    pub sessions_killed: u32,
    pub pods_killed: u32,
    pub operators_killed: u32,
    pub messages_lost: u32,
    pub second_runners: u32,
    pub restarts: u32,
    /// Back to an image that was out before.
    pub ways_back: u32,
    pub overlaps: i64,
    pub ran_after_success: i64,
    pub denied_successes: i64,
    pub wrong_retries: i64,
}

impl Figures {
    /// All of them must be 0.
    pub fn broken(&self) -> [i64; 4] {
        [
            self.overlaps,
            self.ran_after_success,
            self.denied_successes,
            self.wrong_retries,
        ]
    }
}

impl Sum for Figures {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            plans: sum.plans + one.plans,
            runs: sum.runs + one.runs,
            checks: sum.checks + one.checks,
            retries: sum.retries + one.retries,
            repairs: sum.repairs + one.repairs,
            runners_killed: sum.runners_killed + one.runners_killed,
            tools_killed: sum.tools_killed + one.tools_killed,
            sessions_killed: sum.sessions_killed + one.sessions_killed,
            pods_killed: sum.pods_killed + one.pods_killed,
            operators_killed: sum.operators_killed + one.operators_killed,
            messages_lost: sum.messages_lost + one.messages_lost,
            second_runners: sum.second_runners + one.second_runners,
            restarts: sum.restarts + one.restarts,
            ways_back: sum.ways_back + one.ways_back,
            overlaps: sum.overlaps + one.overlaps,
            ran_after_success: sum.ran_after_success + one.ran_after_success,
            denied_successes: sum.denied_successes + one.denied_successes,
            wrong_retries: sum.wrong_retries + one.wrong_retries,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plans,
            runs,
            checks,
            retries,
            repairs,
            runners_killed,
            tools_killed,
            sessions_killed,
            pods_killed,
            operators_killed,
            messages_lost,
            second_runners,
            restarts,
            ways_back,
            overlaps,
            ran_after_success,
            denied_successes,
            wrong_retries,
        } = self;
        write!(
            formatter,
            "{plans} plans, {runs} runs, {checks} checks, {retries} retries, {repairs} repairs; killed: {runners_killed} runners, \
             {tools_killed} tools, {sessions_killed} sessions, {pods_killed} pods, {operators_killed} operators; {messages_lost} messages lost, \
             {second_runners} second runners, {restarts} restarts of the database, {ways_back} ways back; {overlaps} overlaps, {ran_after_success} bodies run after \
             their success, {denied_successes} successes denied, {wrong_retries} wrong retries"
        )
    }
}
