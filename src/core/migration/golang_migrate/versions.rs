//! What golang-migrate's one row says, and what `up` would make of it.

use super::files::{Files, Migration};
use crate::api::database::TakenForApplied;

/// The table's one row. `None`: no table, or no row in it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Versions {
    pub row: Option<Row>,
}

/// Version and mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Row {
    pub version: i64,
    /// Set before a file is run, and taken away after it: the file of this version was begun and not ended.
    pub dirty: bool,
}

impl Versions {
    /// The version of the row, dirty or not.
    #[must_use]
    pub fn current(&self) -> Option<i64> {
        self.row.map(|row| row.version)
    }

    /// The version whose file was begun and not ended.
    #[must_use]
    pub fn dirty(&self) -> Option<i64> {
        self.row.filter(|row| row.dirty).map(|row| row.version)
    }

    /// Whether the row is clean, and at this version or past it.
    #[must_use]
    pub fn are_at(&self, target: i64) -> bool {
        self.row
            .is_some_and(|row| !row.dirty && row.version >= target)
    }

    /// How many files were applied between this and what was there before.
    #[must_use]
    pub fn applied_since(&self, before: &Self, files: &Files) -> i64 {
        let from = before.current().unwrap_or(-1);
        let count = files
            .iter()
            .filter(|one| one.version > from && self.is_past(one.version))
            .count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn is_past(&self, version: i64) -> bool {
        self.row
            .is_some_and(|row| version < row.version || version == row.version && !row.dirty)
    }
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Preflight<'a> {
    /// These versions, in this order.
    Pending(Vec<&'a Migration>),
    Nothing,
    /// Nothing to do, as the database is past the target or the files.
    Ahead,
    /// The file of this version was begun and not ended.
    Dirty(i64),
    /// A file came below what the database has; `up` would pass over it in silence. The one file, if it is one.
    OutOfOrder(Option<&'a Migration>),
    /// The database's version has no file, though there are higher ones: another line of development was here.
    UnknownVersion(i64),
    /// It has a down file only: `up` would count it as applied without doing anything.
    NoUpFile(&'a Migration),
}

/// What `migrate up` would meet. `known`: what the ledger says of the last good run.
#[must_use]
pub fn preflight<'a>(
    files: &'a Files,
    versions: &Versions,
    target: i64,
    known: Option<&TakenForApplied>,
) -> Preflight<'a> {
    if let Some(version) = versions.dirty() {
        return Preflight::Dirty(version);
    }
    let current = versions.current();
    if let Some(version) = current.filter(|version| files.get(*version).is_none()) {
        return if version > files.top() {
            Preflight::Ahead
        } else {
            Preflight::UnknownVersion(version)
        };
    }
    if let Some(known) = known.filter(|known| is_out_of_order(files, current, known)) {
        return Preflight::OutOfOrder(late_file(files, known));
    }
    let above = |version: i64| current.is_none_or(|current| version > current);
    let pending: Vec<&Migration> = files
        .iter()
        .filter(|one| above(one.version) && one.version <= target)
        .collect();
    if let Some(one) = pending.iter().find(|one| one.up.is_none()) {
        return Preflight::NoUpFile(one);
    }
    if !pending.is_empty() {
        Preflight::Pending(pending)
    } else if above(target) || current == Some(target) {
        Preflight::Nothing
    } else {
        Preflight::Ahead
    }
}

/// Whether a file came below the version that the ledger knows of. That files are gone there harms nobody: a squashed history has fewer.
fn is_out_of_order(files: &Files, current: Option<i64>, known: &TakenForApplied) -> bool {
    let (count, digest) = files.versions_to(known.version, None);
    current.is_some_and(|current| current >= known.version)
        && (count > known.files || count == known.files && digest != known.digest)
}

/// The file that came, if it is one: the one without which the versions are those that the ledger knows.
fn late_file<'a>(files: &'a Files, known: &TakenForApplied) -> Option<&'a Migration> {
    let (wanted_count, wanted_digest) = (known.files, known.digest.as_str());
    files
        .iter()
        .take_while(|one| one.version <= known.version)
        .find(|one| {
            let (count, digest) = files.versions_to(known.version, Some(one.version));
            (count, digest.as_str()) == (wanted_count, wanted_digest)
        })
}

#[cfg(test)]
mod tests {
    use super::{Preflight, Row, Versions, preflight};
    use crate::api::database::TakenForApplied;
    use crate::core::migration::golang_migrate::files::Files;

    fn files(versions: &[i64]) -> Files {
        let up = |version: &i64| (format!("{version}_x.up.sql"), String::new());
        Files::new(versions.iter().map(up)).expect("good names")
    }

    fn at(version: i64, dirty: bool) -> Versions {
        Versions {
            row: Some(Row { version, dirty }),
        }
    }

    fn known(version: i64, then: &[i64]) -> TakenForApplied {
        let (count, digest) = files(then).versions_to(version, None);
        TakenForApplied {
            version,
            files: count,
            digest,
        }
    }

    fn words(
        files: &Files,
        versions: &Versions,
        target: i64,
        known: Option<&TakenForApplied>,
    ) -> String {
        match preflight(files, versions, target, known) {
            Preflight::Pending(pending) => {
                let versions: Vec<i64> = pending.iter().map(|one| one.version).collect();
                format!("pending {versions:?}")
            }
            Preflight::Nothing => "nothing".to_owned(),
            Preflight::Ahead => "ahead".to_owned(),
            Preflight::Dirty(version) => format!("dirty {version}"),
            Preflight::OutOfOrder(late) => {
                format!("out of order {:?}", late.map(|one| one.version))
            }
            Preflight::UnknownVersion(version) => format!("unknown {version}"),
            Preflight::NoUpFile(one) => format!("no up file {}", one.version),
        }
    }

    /// migrations.md cases 1, 2, 3, 4, 5, 10, 15, 16.
    #[test]
    fn the_preflight_foresees_what_golang_migrate_would_do() {
        let three = files(&[1, 2, 3]);
        let lone =
            Files::new(["1_x.up.sql", "2_x.down.sql"].map(|name| (name.to_owned(), String::new())))
                .expect("good names");
        let cases = [
            (
                words(&three, &Versions::default(), 3, None),
                "pending [1, 2, 3]",
            ),
            (
                words(&files(&[0, 1]), &Versions::default(), 1, None),
                "pending [0, 1]",
            ),
            (words(&three, &at(1, false), 3, None), "pending [2, 3]"),
            (words(&three, &at(1, false), 2, None), "pending [2]"),
            (words(&three, &at(3, false), 3, None), "nothing"),
            (words(&three, &at(3, false), 1, None), "ahead"),
            (words(&three, &at(4, false), 3, None), "ahead"),
            (words(&three, &at(4, true), 3, None), "dirty 4"),
            (words(&files(&[1, 3]), &at(2, false), 3, None), "unknown 2"),
            (words(&lone, &at(1, false), 2, None), "no up file 2"),
            (words(&lone, &at(2, false), 2, None), "nothing"),
        ];
        for (got, wanted) in cases {
            assert_eq!(got, wanted);
        }
    }

    /// migrations.md case 6: golang-migrate itself would never tell.
    #[test]
    fn a_file_that_came_below_what_ran_is_found_by_what_the_ledger_knows() {
        let late = files(&[1, 2, 3, 4]);
        let of = |current: i64, known: &TakenForApplied| {
            words(&late, &at(current, false), 4, Some(known))
        };
        assert_eq!(of(3, &known(3, &[1, 2, 3])), "pending [4]");
        assert_eq!(of(3, &known(3, &[1, 3])), "out of order Some(2)");
        assert_eq!(of(4, &known(3, &[1, 3])), "out of order Some(2)");
        assert_eq!(of(3, &known(3, &[3])), "out of order None");
        assert_eq!(of(3, &known(3, &[0, 1, 3])), "out of order None");
        assert_eq!(of(3, &known(3, &[0, 1, 2, 3])), "pending [4]");
        assert_eq!(of(1, &known(3, &[1, 3])), "pending [2, 3, 4]");
    }

    #[test]
    fn progress_is_counted_in_files_and_one_that_was_only_begun_does_not_count() {
        let three = files(&[1, 2, 3]);
        let since = |before: Versions, after: Versions| after.applied_since(&before, &three);
        assert_eq!(
            [
                since(Versions::default(), at(3, false)),
                since(at(1, false), at(3, true)),
                since(at(1, false), at(1, false)),
                since(at(1, false), Versions::default()),
            ],
            [3, 1, 0, 0]
        );
        assert_eq!(
            [at(3, true), at(2, false), at(3, false), at(4, false)].map(|row| row.are_at(3)),
            [false, false, true, true]
        );
    }
}
