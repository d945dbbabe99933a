//! What goose's table says, and what `up` would make of it.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{File, Files};
use crate::api::migration::OutOfOrder;

/// The table: every version of which there is a row. `None`: no table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Versions {
    table: Option<BTreeMap<i64, bool>>,
}

impl Versions {
    /// No table.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// From rows `(version_id, is_applied)`, the newest first: the newest row decides.
    #[must_use]
    pub fn from_rows(rows: impl IntoIterator<Item = (i64, bool)>) -> Self {
        let mut table = BTreeMap::new();
        for (version, applied) in rows {
            table.entry(version).or_insert(applied);
        }
        Self { table: Some(table) }
    }

    /// The version the database is at: the highest applied one. `None`: no table.
    #[must_use]
    pub fn current(&self) -> Option<i64> {
        let table = self.table.as_ref()?;
        Some(
            table
                .iter()
                .rev()
                .find(|(_, applied)| **applied)
                .map_or(0, |(version, _)| *version),
        )
    }

    /// The highest version of any row, with which `up` compares.
    fn highest(&self) -> i64 {
        self.table
            .as_ref()
            .and_then(|table| table.keys().next_back())
            .copied()
            .unwrap_or(0)
    }

    fn has_row(&self, version: i64) -> bool {
        self.table
            .as_ref()
            .is_some_and(|table| table.contains_key(&version))
    }

    fn is_applied(&self, version: i64) -> bool {
        self.table
            .as_ref()
            .is_some_and(|table| table.get(&version) == Some(&true))
    }

    fn applied(&self) -> BTreeSet<i64> {
        let table = self.table.iter().flatten();
        table
            .filter(|(version, applied)| **applied && **version > 0)
            .map(|(version, _)| *version)
            .collect()
    }

    /// How many versions are applied here that were not there.
    #[must_use]
    pub fn applied_since(&self, before: &Self) -> i64 {
        i64::try_from(self.applied().difference(&before.applied()).count()).unwrap_or(i64::MAX)
    }

    /// Whether every file up to the target is applied.
    #[must_use]
    pub fn are_at(&self, files: &Files, target: i64) -> bool {
        files
            .iter()
            .filter(|file| file.version <= target)
            .all(|file| self.is_applied(file.version))
    }
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Preflight<'a> {
    /// These files, in this order.
    Pending(Vec<&'a File>),
    Nothing,
    /// Nothing to do, as the database is past the target or the files.
    Ahead,
    /// The number of this file is below what the database has; `up` would refuse.
    OutOfOrder(&'a File),
    /// The table says that this file was rolled back; `up` would pass over it.
    RolledBack(&'a File),
    /// The database's version has no file, though there are higher ones: another line of development was here.
    UnknownVersion(i64),
}

/// What `goose up-to target` would meet.
#[must_use]
pub fn preflight<'a>(
    files: &'a Files,
    versions: &Versions,
    target: i64,
    out_of_order: OutOfOrder,
) -> Preflight<'a> {
    let highest = versions.highest();
    if highest > 0 && highest < files.top() && files.get(highest).is_none() {
        return Preflight::UnknownVersion(highest);
    }
    let wanted = || files.iter().filter(|file| file.version <= target);
    let lower = |file: &&File| !versions.has_row(file.version) && file.version < highest;
    let allowed = out_of_order == OutOfOrder::Allow;
    if let Some(file) = wanted().find(lower).filter(|_| !allowed) {
        return Preflight::OutOfOrder(file);
    }
    if let Some(file) =
        wanted().find(|file| versions.has_row(file.version) && !versions.is_applied(file.version))
    {
        return Preflight::RolledBack(file);
    }
    let pending: Vec<&File> = wanted()
        .filter(|file| file.version > highest || lower(file))
        .collect();
    if !pending.is_empty() {
        Preflight::Pending(pending)
    } else if highest > target {
        Preflight::Ahead
    } else {
        Preflight::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::{Preflight, Versions, preflight};
    use crate::api::migration::OutOfOrder;
    use crate::core::migration::goose::files::Files;

    fn files(versions: &[i64]) -> Files {
        Files::new(
            versions
                .iter()
                .map(|version| (format!("{version}_x.sql"), String::new())),
        )
        .expect("good names")
    }

    fn rows(versions: &[i64]) -> Versions {
        Versions::from_rows(versions.iter().rev().map(|version| (*version, true)))
    }

    fn words(files: &Files, versions: &Versions, target: i64) -> String {
        words_of(preflight(files, versions, target, OutOfOrder::Refuse))
    }

    fn words_of(preflight: Preflight) -> String {
        match preflight {
            Preflight::Pending(pending) => format!(
                "pending {:?}",
                pending
                    .iter()
                    .map(|file| file.version)
                    .collect::<Vec<i64>>()
            ),
            Preflight::Nothing => "nothing".to_owned(),
            Preflight::Ahead => "ahead".to_owned(),
            Preflight::OutOfOrder(file) => format!("out of order {}", file.version),
            Preflight::RolledBack(file) => format!("rolled back {}", file.version),
            Preflight::UnknownVersion(version) => format!("unknown {version}"),
        }
    }

    /// migrations.md cases 1, 2, 3, 4, 5, 6, 16.
    #[test]
    fn the_preflight_foresees_what_goose_would_do() {
        let three = files(&[1, 2, 3]);
        let cases = [
            (words(&three, &Versions::none(), 3), "pending [1, 2, 3]"),
            (words(&three, &rows(&[0, 1]), 3), "pending [2, 3]"),
            (words(&three, &rows(&[0, 1]), 2), "pending [2]"),
            (words(&three, &rows(&[0, 1, 2, 3]), 3), "nothing"),
            (words(&three, &rows(&[0, 1, 2, 3, 4]), 3), "ahead"),
            (words(&three, &rows(&[0, 1, 2, 3]), 1), "ahead"),
            (words(&three, &rows(&[0, 1, 3]), 3), "out of order 2"),
            (words(&files(&[1, 3]), &rows(&[0, 1, 2]), 3), "unknown 2"),
            (
                words(
                    &three,
                    &Versions::from_rows([(2, false), (2, true), (1, true), (0, true)]),
                    3,
                ),
                "rolled back 2",
            ),
        ];
        for (got, wanted) in cases {
            assert_eq!(got, wanted);
        }
    }

    /// migrations.md case 6.
    #[test]
    fn a_lower_file_is_pending_where_that_is_allowed() {
        let of = |versions: &[i64], target| {
            words_of(preflight(
                &files(&[1, 2, 3, 4]),
                &rows(versions),
                target,
                OutOfOrder::Allow,
            ))
        };
        assert_eq!(
            [
                of(&[0, 1, 3], 4),
                of(&[0, 1, 3], 2),
                of(&[0, 1, 2, 3, 4], 3)
            ],
            ["pending [2, 4]", "pending [2]", "ahead"]
        );
    }

    #[test]
    fn the_version_is_the_highest_applied_one_and_progress_is_counted_in_files() {
        let (before, after) = (rows(&[0, 1]), rows(&[0, 1, 2, 3]));
        assert_eq!(
            (
                Versions::none().current(),
                before.current(),
                after.current()
            ),
            (None, Some(1), Some(3))
        );
        assert_eq!(
            (
                after.applied_since(&before),
                after.applied_since(&Versions::none())
            ),
            (2, 3)
        );
        assert_eq!(
            [1, 3].map(|target| before.are_at(&files(&[1, 2, 3]), target)),
            [true, false]
        );
    }
}
