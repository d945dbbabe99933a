//! What Flyway's history table says, and what `migrate` would make of it: decided here from rows and files, so that no JVM is started to
//! find out. Where only Flyway can know (a repeatable file with placeholders), the file counts as pending and Flyway has the word.

use super::files::{File, Files, shortened};
use super::version::Version;
use crate::api::migration::OutOfOrder;

/// The reason that a failed row gives.
pub const FAILED_ROW: &str = "FailedMigrationRow";

/// A row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// `None`: of a repeatable file.
    pub version: Option<Version>,
    pub description: String,
    /// `SQL`, `JDBC`, `BASELINE`, `SCHEMA`, `DELETE`...
    pub kind: String,
    pub script: String,
    pub checksum: Option<i32>,
    pub success: bool,
}

impl Row {
    /// Whether Flyway wrote it for itself rather than for a file.
    fn is_synthetic(&self) -> bool {
        matches!(self.kind.as_str(), "SCHEMA" | "BASELINE" | "DELETE")
    }

    /// Whether it speaks of the same migration.
    fn is_of(&self, other: &Self) -> bool {
        self.version == other.version
            && (self.version.is_some() || self.description == other.description)
    }
}

/// The table, by rising rank. `None`: no table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History {
    rows: Option<Vec<Row>>,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Preflight<'a> {
    /// These files, in this order.
    Pending(Vec<&'a File>),
    Nothing,
    /// Nothing to do, as the database is past the target or the files.
    Ahead,
    /// This row says that its file failed; only `repair` takes it away.
    Failed(&'a Row),
    /// The file is not the one that ran.
    Changed(&'a File),
    /// The number of this file is below what the database has.
    OutOfOrder(&'a File),
    /// This row has no file, though there are higher ones, or it is of a repeatable file.
    Unknown(&'a Row),
}

impl History {
    /// No table.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// By rising rank. A row that marks another as deleted (`repair` of a file that is gone) takes it away, and itself.
    #[must_use]
    pub fn from_rows(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut live: Vec<Row> = Vec::new();
        for row in rows {
            if row.kind == "DELETE" {
                let deleted = live
                    .iter()
                    .rposition(|other| !other.is_synthetic() && other.is_of(&row));
                if let Some(at) = deleted.filter(|_| row.success) {
                    live.remove(at);
                }
            } else {
                live.push(row);
            }
        }
        Self { rows: Some(live) }
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    /// The version the database is at, as it stands in the table: the highest that succeeded, `0` where none did. `None`: no table.
    #[must_use]
    pub fn current(&self) -> Option<String> {
        self.rows.as_ref()?;
        Some(
            self.highest()
                .map_or_else(|| "0".to_owned(), ToString::to_string),
        )
    }

    fn highest(&self) -> Option<&Version> {
        self.rows()
            .filter(|row| row.success && row.kind != "SCHEMA")
            .filter_map(|row| row.version.as_ref())
            .max()
    }

    fn baseline(&self) -> Option<&Version> {
        self.rows()
            .filter(|row| row.kind == "BASELINE")
            .filter_map(|row| row.version.as_ref())
            .max()
    }

    /// A row that says that its file failed.
    #[must_use]
    pub fn failed(&self) -> Option<&Row> {
        self.rows().find(|row| !row.success)
    }

    /// How many rows of files that succeeded are here and were not there.
    #[must_use]
    pub fn applied_since(&self, before: &Self) -> i64 {
        let succeeded = |history: &Self| {
            let rows = history
                .rows()
                .filter(|row| row.success && !row.is_synthetic());
            i64::try_from(rows.count()).unwrap_or(i64::MAX)
        };
        succeeded(self).saturating_sub(succeeded(before)).max(0)
    }

    fn of_version(&self, version: &Version) -> Option<&Row> {
        self.rows()
            .filter(|row| !row.is_synthetic())
            .find(|row| row.version.as_ref() == Some(version))
    }

    /// The last run of a repeatable file.
    fn of_repeatable(&self, file: &File) -> Option<&Row> {
        let description = shortened(&file.description);
        self.rows()
            .filter(|row| row.version.is_none() && row.description == description)
            .last()
    }

    /// Whether a repeatable file is as it was run last, as far as can be known without Flyway.
    fn has_run(&self, file: &File) -> bool {
        self.of_repeatable(file)
            .is_some_and(|row| row.checksum == Some(file.checksum()))
    }
}

/// What `flyway -target=.. migrate` would meet. The order of the guards is that of `migrations.md` section 2, step 7.
#[must_use]
pub fn preflight<'a>(
    files: &'a Files,
    history: &'a History,
    target: Option<&Version>,
    out_of_order: OutOfOrder,
) -> Preflight<'a> {
    if let Some(row) = history.failed() {
        return Preflight::Failed(row);
    }
    if let Some(file) = changed(files, history) {
        return Preflight::Changed(file);
    }
    let pending = pending_versioned(files, history, target);
    let highest = history.highest();
    let lower = |file: &&&File| file.version.as_ref() < highest;
    if let Some(file) = pending
        .iter()
        .find(lower)
        .filter(|_| out_of_order == OutOfOrder::Refuse)
    {
        return Preflight::OutOfOrder(file);
    }
    if let Some(row) = missing(files, history) {
        return Preflight::Unknown(row);
    }
    let end = [target, files.top()].into_iter().flatten().min();
    if pending.is_empty() && highest.is_some() && highest > end {
        return Preflight::Ahead;
    }
    let repeatable: Vec<&File> = files
        .repeatable()
        .filter(|file| !history.has_run(file))
        .collect();
    let unknown_repeatable = history.rows().find(|row| {
        row.version.is_none() && !row.is_synthetic() && files.described(&row.description).is_none()
    });
    match (
        unknown_repeatable,
        pending.is_empty() && repeatable.is_empty(),
    ) {
        (None, true) => Preflight::Nothing,
        // An older image, of a time when that file was not there yet.
        (Some(_), true) => Preflight::Ahead,
        (Some(row), false) => Preflight::Unknown(row),
        (None, false) => Preflight::Pending(pending.into_iter().chain(repeatable).collect()),
    }
}

/// A versioned file whose checksum or description is not that of its row. What is covered by a baseline is not looked at.
fn changed<'a>(files: &'a Files, history: &History) -> Option<&'a File> {
    files.versioned().find(|file| {
        let row = file
            .version
            .as_ref()
            .and_then(|version| history.of_version(version));
        row.filter(|_| file.version.as_ref() > history.baseline())
            .is_some_and(|row| is_another(file, row))
    })
}

fn is_another(file: &File, row: &Row) -> bool {
    let name = shortened(&file.description);
    row.checksum
        .is_some_and(|checksum| checksum != file.checksum())
        || row.description != name && row.description != "<< no description >>"
}

fn pending_versioned<'a>(
    files: &'a Files,
    history: &History,
    target: Option<&Version>,
) -> Vec<&'a File> {
    files
        .versioned()
        .filter(|file| {
            let Some(version) = &file.version else {
                return false;
            };
            history.baseline().is_none_or(|baseline| version > baseline)
                && target.is_none_or(|target| version <= target)
                && history.of_version(version).is_none()
        })
        .collect()
}

/// A row whose file is not there, though there are higher ones.
fn missing<'a>(files: &Files, history: &'a History) -> Option<&'a Row> {
    history
        .rows()
        .filter(|row| !row.is_synthetic())
        .find(|row| {
            let version = row.version.as_ref();
            version.is_some_and(|version| files.get(version).is_none()) && version < files.top()
        })
}

#[cfg(test)]
mod tests {
    use super::{History, Preflight, Row, preflight};
    use crate::api::migration::OutOfOrder;
    use crate::core::migration::flyway::files::{File, Files};
    use crate::core::migration::flyway::version::Version;

    fn files(names: &[&str]) -> Files {
        Files::new(
            names
                .iter()
                .map(|name| ((*name).to_owned(), "SELECT 1;".to_owned())),
        )
        .expect("good names")
    }

    /// Rows as words: `1` ran, `1!` failed, `1~` ran with another content, `1<` is a baseline, `1x` was deleted; `v` is repeatable.
    fn rows(words: &str) -> History {
        History::from_rows(words.split_whitespace().flat_map(|word| {
            let end = word.trim_start_matches(|character: char| {
                character.is_ascii_digit() || character == '.' || character == 'v'
            });
            let name = word.strip_suffix(end).unwrap_or(word);
            let row = Row {
                version: Version::parse(name),
                description: if name == "v" { "v" } else { "x" }.to_owned(),
                kind: if end == "<" { "BASELINE" } else { "SQL" }.to_owned(),
                script: format!("V{name}__x.sql"),
                checksum: Some(if end == "~" {
                    7
                } else {
                    files(&["V1__x.sql"]).iter().map(File::checksum).sum()
                }),
                success: end != "!",
            };
            let deleted = Row {
                kind: "DELETE".to_owned(),
                ..row.clone()
            };
            std::iter::once(row).chain((end == "x").then_some(deleted))
        }))
    }

    fn words(files: &Files, history: &History, target: Option<&str>, lower: OutOfOrder) -> String {
        let target = target.and_then(Version::parse);
        match preflight(files, history, target.as_ref(), lower) {
            Preflight::Pending(pending) => {
                let names: Vec<String> = pending.iter().map(|file| file.label()).collect();
                format!("pending {}", names.join(" "))
            }
            Preflight::Nothing => "nothing".to_owned(),
            Preflight::Ahead => "ahead".to_owned(),
            Preflight::Failed(row) => format!("failed {}", row.script),
            Preflight::Changed(file) => format!("changed {}", file.script),
            Preflight::OutOfOrder(file) => format!("out of order {}", file.script),
            Preflight::Unknown(row) => format!("unknown {}", row.script),
        }
    }

    /// migrations.md cases 1, 2, 3, 4, 5, 6, 11, 12, 16.
    #[test]
    fn the_preflight_foresees_what_flyway_would_do() {
        let three = files(&["V1__x.sql", "V1.2__x.sql", "V1.10__x.sql", "R__v.sql"]);
        let of = |history: &str| words(&three, &rows(history), None, OutOfOrder::Refuse);
        assert_eq!(
            words(&three, &History::none(), None, OutOfOrder::Refuse),
            "pending 1 1.2 1.10 R__v.sql"
        );
        let cases = [
            ("1", "pending 1.2 1.10 R__v.sql"),
            ("1 1.2 1.10 v", "nothing"),
            ("1 1.2 1.10", "pending R__v.sql"),
            ("1 1.2 1.10 v~", "pending R__v.sql"),
            ("1 1.2 1.10 v~ v", "nothing"),
            ("1 1.2 1.10 v v~", "pending R__v.sql"),
            ("1 1.2 1.10 2 v~", "ahead"),
            ("1 1.2! ", "failed V1.2__x.sql"),
            ("1 1.2 1.10 2!", "failed V2__x.sql"),
            ("1~ 1.2", "changed V1__x.sql"),
            ("1 1.10", "out of order V1.2__x.sql"),
            ("1 1.1 1.2", "unknown V1.1__x.sql"),
            ("1.1<", "pending 1.2 1.10 R__v.sql"),
            ("1~ 1.1<", "pending 1.2 1.10 R__v.sql"),
            ("1 1.2 1.10x", "pending 1.10 R__v.sql"),
        ];
        for (history, expected) in cases {
            assert_eq!(of(history), expected, "{history}");
        }
    }

    /// migrations.md cases 3, 5, 6.
    #[test]
    fn a_target_and_lower_files_change_what_is_pending() {
        let files = files(&["V1__x.sql", "V2__x.sql", "V3__x.sql"]);
        let of = |history: &str, target, lower| words(&files, &rows(history), target, lower);
        assert_eq!(of("1", Some("2"), OutOfOrder::Refuse), "pending 2");
        assert_eq!(of("1 2", Some("2"), OutOfOrder::Refuse), "nothing");
        assert_eq!(of("1 2", Some("1"), OutOfOrder::Refuse), "ahead");
        assert_eq!(of("1 3", None, OutOfOrder::Allow), "pending 2");
        assert_eq!(of("1 3", Some("1"), OutOfOrder::Refuse), "ahead");
    }

    #[test]
    fn a_repeatable_file_that_an_older_image_does_not_have_is_the_database_being_ahead_unless_there_is_work()
     {
        let files = files(&["V1__x.sql", "V2__x.sql"]);
        let of = |history: &str| words(&files, &rows(history), None, OutOfOrder::Refuse);
        assert_eq!(
            (of("1 2 v"), of("1 v")),
            ("ahead".to_owned(), "unknown Vv__x.sql".to_owned())
        );
    }

    #[test]
    fn the_version_is_the_highest_that_succeeded_and_progress_is_counted_in_files() {
        let (before, after) = (rows("1"), rows("1 1.9 1.10 2! v"));
        assert_eq!(
            (
                History::none().current(),
                before.current(),
                after.current(),
                rows("v").current()
            ),
            (
                None,
                Some("1".to_owned()),
                Some("1.10".to_owned()),
                Some("0".to_owned())
            )
        );
        assert_eq!(
            (
                after.applied_since(&before),
                after.applied_since(&History::none())
            ),
            (3, 4)
        );
    }
}
