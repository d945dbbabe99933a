//! Objects as the walk keeps them: shared, with a print that tells two apart and a list of the Jobs whose uid they mention. So a state of
//! the walk is small, and what was decided once of the same objects is not decided again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// In front of a Job's number in its uid.
const JOB_UID: &str = "job-uid-";

/// An object without its resourceVersion, which is kept beside it.
#[derive(Debug)]
pub struct Kept<T> {
    pub object: Arc<T>,
    pub print: u64,
    /// Bit n: the uid of Job n stands in it.
    pub uids: u64,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self {
            object: Arc::clone(&self.object),
            ..*self
        }
    }
}

impl<T: Serialize> Kept<T> {
    pub fn new(object: T) -> Self {
        let text = serde_json::to_string(&object).expect("an object is JSON");
        Self {
            object: Arc::new(object),
            print: print_of(&text),
            uids: job_uids(&text),
        }
    }
}

/// An object and the version at which it was stored last.
#[derive(Debug)]
pub struct Stored<T> {
    pub kept: Kept<T>,
    pub version: u32,
}

impl<T> Clone for Stored<T> {
    fn clone(&self) -> Self {
        Self {
            kept: self.kept.clone(),
            ..*self
        }
    }
}

/// What a change makes of an object, worked out once for the same change of the same object.
pub struct Changes<T> {
    known: Mutex<HashMap<u64, Kept<T>>>,
}

impl<T: Serialize> Changes<T> {
    pub const fn new() -> LazyLock<Self> {
        LazyLock::new(|| Self {
            known: Mutex::default(),
        })
    }

    pub fn of(&self, change: impl Hash, make: impl FnOnce() -> T) -> Kept<T> {
        let print = print_of(change);
        let known = self.known.lock().expect("no change panics with it");
        if let Some(kept) = known.get(&print) {
            return kept.clone();
        }
        drop(known);
        let kept = Kept::new(make());
        let mut known = self.known.lock().expect("no change panics with it");
        known.insert(print, kept.clone());
        kept
    }
}

pub fn print_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The numbers of the Jobs whose uid a text mentions.
pub fn job_uids(text: &str) -> u64 {
    text.match_indices(JOB_UID)
        .map(|(at, _)| job_number(&text[at..at + JOB_UID.len() + 2]))
        .fold(0, |mask, number| mask | 1 << number)
}

pub fn job_uid(number: u32) -> String {
    assert!(
        number < 64,
        "the walk made more Jobs than it can tell apart"
    );
    format!("{JOB_UID}{number:02}")
}

pub fn job_number(uid: &str) -> u32 {
    uid[JOB_UID.len()..].parse().expect("a uid of the walk")
}

/// An object from its JSON.
pub fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}
