//! What a person sees while programs are built: one line that lives on a terminal, one line a minute elsewhere. It remembers how long each
//! family took in the cache folder, and from the second build on tells the time left.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the line is written anew: on a terminal, and where lines stay.
const REFRESH_TERMINAL: Duration = Duration::from_millis(200);
const REFRESH_LOG: Duration = Duration::from_mins(1);

/// The progress of several families, one after the other.
pub struct Progress {
    memory: PathBuf,
    /// Seconds that each family took last time.
    remembered: BTreeMap<String, u64>,
    waiting: Vec<String>,
    total: usize,
    current: Option<Current>,
    terminal: bool,
}

struct Current {
    title: String,
    family: String,
    start: Instant,
    packages: usize,
    latest: String,
    shown: Instant,
}

impl Progress {
    pub fn new(cache: &Path, families: &[&str]) -> Self {
        let memory = cache.join("durations.json");
        let remembered = fs::read(&memory)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let waiting: Vec<String> = families.iter().map(|family| (*family).to_owned()).collect();
        let total = waiting.len();
        eprintln!(
            "Building the cluster's programs from source, once per version: {}.",
            families.join(", ")
        );
        Self {
            memory,
            remembered,
            waiting,
            total,
            current: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    pub fn begin(&mut self, title: &str, family: &str) {
        self.waiting.retain(|waiting| waiting != family);
        let now = Instant::now();
        self.current = Some(Current {
            title: title.to_owned(),
            family: family.to_owned(),
            start: now,
            packages: 0,
            latest: String::new(),
            shown: now,
        });
        self.show();
    }

    /// One more package.
    pub fn step(&mut self, latest: &str) {
        if let Some(current) = &mut self.current {
            current.packages += 1;
            latest.clone_into(&mut current.latest);
        }
        self.tick();
    }

    /// Time has passed.
    pub fn tick(&mut self) {
        let refresh = if self.terminal {
            REFRESH_TERMINAL
        } else {
            REFRESH_LOG
        };
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.shown.elapsed() >= refresh)
        {
            self.show();
        }
    }

    pub fn end(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let elapsed = current.start.elapsed();
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{clear}  built {} in {}", current.title, minutes(elapsed));
        self.remembered.insert(current.family, elapsed.as_secs());
        // What is lost if this fails is an estimate.
        let _ =
            serde_json::to_vec_pretty(&self.remembered).map(|bytes| fs::write(&self.memory, bytes));
    }

    fn show(&mut self) {
        let number = self.total - self.waiting.len();
        let left = self.left();
        let Some(current) = &mut self.current else {
            return;
        };
        current.shown = Instant::now();
        let left = left.map_or(String::new(), |left| {
            format!(", about {} left for all", minutes(left))
        });
        let line = format!(
            "  {number} of {}: {}, {} so far{left}",
            self.total,
            current.title,
            minutes(current.start.elapsed())
        );
        if self.terminal {
            let latest: String = current.latest.chars().take(60).collect();
            eprint!("\r\x1b[K{line} ({} packages; {latest})", current.packages);
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// What last time tells about the time left; `None` if a family that is still to be built was never built here.
    fn left(&self) -> Option<Duration> {
        let current = self.current.as_ref()?;
        let expected = Duration::from_secs(*self.remembered.get(&current.family)?);
        let others: Option<u64> = self
            .waiting
            .iter()
            .map(|family| self.remembered.get(family).copied())
            .sum();
        Some(expected.saturating_sub(current.start.elapsed()) + Duration::from_secs(others?))
    }
}

fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{}:{:02} min", seconds / 60, seconds % 60)
    }
}
