//! What the scenarios of a run measured, told together at its end.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde_json::Value;

use crate::cluster::read::{self, text};
use crate::cluster::session::Cluster;

/// The figures by what they are of.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, String>>);

/// A text that somebody has to read, or the kubelet to carry.
struct Told {
    bytes: usize,
    of: String,
}

impl Tally {
    /// Of two figures of one name the later counts.
    pub fn note(&self, what: impl Into<String>, figure: impl Display) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.insert(what.into(), figure.to_string());
    }

    /// A line for each, by name.
    pub fn table(&self) -> String {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let width = figures.keys().map(|what| what.chars().count()).max();
        let width = width.unwrap_or_default();
        let line = |(what, figure): (&String, &String)| format!("  {what:<width$}  {figure}\n");
        figures.iter().map(line).collect()
    }
}

/// The longest texts that any scenario has seen.
#[derive(Default)]
pub struct Longest(Mutex<BTreeMap<&'static str, Told>>);

impl Longest {
    /// Looks at all that is told in a namespace now.
    pub async fn look(&self, cluster: &Cluster, namespace: &str) -> Result<()> {
        for kind in ["slb", "sldb", "slm"] {
            for object in read::list(cluster, namespace, kind).await? {
                for condition in members(&object["status"]["conditions"]) {
                    let of = format!("{} of {kind}", text(&condition["reason"]));
                    self.note("message of a condition", &condition["message"], of);
                }
            }
        }
        for pod in read::list(cluster, namespace, "pods").await? {
            let status = &pod["status"];
            let containers = members(&status["initContainerStatuses"])
                .iter()
                .chain(members(&status["containerStatuses"]));
            for container in containers {
                let of = format!("container {}", text(&container["name"]));
                let message = &container["state"]["terminated"]["message"];
                self.note("message of a runner, bytes of 4096", message, of);
            }
        }
        Ok(())
    }

    fn note(&self, what: &'static str, message: &Value, of: String) {
        let bytes = message.as_str().map_or(0, str::len);
        let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if longest.get(what).is_none_or(|told| told.bytes < bytes) {
            longest.insert(what, Told { bytes, of });
        }
    }

    pub fn tell(&self, tally: &Tally) {
        let longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, told) in longest.iter() {
            tally.note(
                format!("longest {what}"),
                format!("{} ({})", told.bytes, told.of),
            );
        }
    }
}

fn members(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}
