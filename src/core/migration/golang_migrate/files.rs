//! Which files golang-migrate takes for migrations. What does not fit its pattern it passes over in silence.

use std::collections::BTreeMap;

use crate::core::hash;

/// The file that brings a version up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Name without the folder. Example: `8_unique_email.up.sql`.
    pub name: String,
    pub content: String,
}

/// One version of the folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Migration {
    pub version: i64,
    /// Absent where there is only a down file: golang-migrate would count the version as applied without doing anything.
    pub up: Option<File>,
    /// Name of the file that takes it back.
    pub down: Option<String>,
}

impl Migration {
    /// The name to show: that of the up file, else of the down file.
    #[must_use]
    pub fn name(&self) -> &str {
        let up = self.up.as_ref().map(|file| file.name.as_str());
        up.or(self.down.as_deref()).unwrap_or_default()
    }
}

/// The files of a folder, by version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Files {
    by_version: BTreeMap<i64, Migration>,
}

/// Why golang-migrate could not work with the folder.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FilesError {
    #[error("no migration file: golang-migrate takes N_name.up.sql")]
    Empty,
    #[error("{0}: the version is too high for the version table; renumber the file")]
    TooHigh(String),
    #[error("{0} and {1} have one version; renumber one of them, or move it away")]
    Duplicate(String, String),
}

impl Files {
    /// Sorts out a folder: pairs of name and content.
    ///
    /// # Errors
    /// What would make golang-migrate fail, and a folder without a migration.
    pub fn new(folder: impl IntoIterator<Item = (String, String)>) -> Result<Self, FilesError> {
        let mut files = Self::default();
        let mut entries: Vec<(String, String)> = folder.into_iter().collect();
        entries.sort();
        for (name, content) in entries {
            if let Some((version, direction)) = parse(&name) {
                files.add(version, direction, name, content)?;
            }
        }
        if files.by_version.is_empty() {
            return Err(FilesError::Empty);
        }
        Ok(files)
    }

    fn add(
        &mut self,
        version: u64,
        direction: Direction,
        name: String,
        content: String,
    ) -> Result<(), FilesError> {
        let Ok(version) = i64::try_from(version) else {
            return Err(FilesError::TooHigh(name));
        };
        let migration = self.by_version.entry(version).or_insert(Migration {
            version,
            up: None,
            down: None,
        });
        let other = match direction {
            Direction::Up => {
                let file = File {
                    name: name.clone(),
                    content,
                };
                migration.up.replace(file).map(|file| file.name)
            }
            Direction::Down => migration.down.replace(name.clone()),
        };
        other.map_or(Ok(()), |other| Err(FilesError::Duplicate(other, name)))
    }

    /// The highest version; 0 without files.
    #[must_use]
    pub fn top(&self) -> i64 {
        self.by_version.keys().next_back().copied().unwrap_or(0)
    }

    /// The files of this version.
    #[must_use]
    pub fn get(&self, version: i64) -> Option<&Migration> {
        self.by_version.get(&version)
    }

    /// By rising version.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.by_version.values()
    }

    /// The version before this one, among the files.
    #[must_use]
    pub fn before(&self, version: i64) -> Option<i64> {
        let lower = self.by_version.range(..version);
        lower.map(|(version, _)| *version).next_back()
    }

    /// How many versions.
    #[must_use]
    pub fn count(&self) -> i64 {
        i64::try_from(self.by_version.len()).unwrap_or(i64::MAX)
    }

    /// Hash over names and contents of all files.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(self.iter())
    }

    /// Number and hash of the versions up to this one, that file left out.
    #[must_use]
    pub fn versions_to(&self, top: i64, without: Option<i64>) -> (i64, String) {
        let versions: Vec<String> = self
            .by_version
            .range(..=top)
            .map(|(version, _)| *version)
            .filter(|version| Some(*version) != without)
            .map(|version| version.to_string())
            .collect();
        let count = i64::try_from(versions.len()).unwrap_or(i64::MAX);
        (count, hash::of_parts(versions.iter().map(String::as_str)))
    }
}

/// Hash over names and contents.
#[must_use]
pub fn digest<'a>(migrations: impl Iterator<Item = &'a Migration>) -> String {
    hash::of_parts(migrations.flat_map(|migration| {
        let content = migration.up.as_ref().map(|file| file.content.as_str());
        [migration.name(), content.unwrap_or_default()]
    }))
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// golang-migrate's pattern `^([0-9]+)_(.*)\.(down|up)\.(.*)$`: the last `.up.` or `.down.` counts, and anything may follow it, also
/// `sql.bak`. A number beyond 64 bits is passed over like a name that does not fit.
fn parse(name: &str) -> Option<(u64, Direction)> {
    let (number, rest) = name.split_once('_')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let version = digits.then(|| number.parse().ok())??;
    if rest.contains('\n') {
        return None;
    }
    match (rest.rfind(".up."), rest.rfind(".down.")) {
        (None, None) => None,
        (up, down) if up > down => Some((version, Direction::Up)),
        _ => Some((version, Direction::Down)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Files, FilesError};

    fn files(names: &[&str]) -> Result<Files, FilesError> {
        Files::new(names.iter().map(|name| ((*name).to_owned(), String::new())))
    }

    fn seen(names: &[&str]) -> Vec<(i64, bool, bool)> {
        let files = files(names).expect("good names");
        files
            .iter()
            .map(|one| (one.version, one.up.is_some(), one.down.is_some()))
            .collect()
    }

    /// migrations.md cases 13, 14, 15.
    #[test]
    fn names_are_taken_passed_over_and_refused_as_golang_migrate_does() {
        let taken = [
            "10_b.up.sql",
            "00002_a.up.sql",
            "2_a.down.sql",
            "3_only.down.sql",
            "4_x.up.sql.bak",
            "5_x.down.up.sql",
            "0_.up.",
        ];
        let passed_over = [
            "README.md",
            "6_x.sql",
            "x_6.up.sql",
            "-6_x.up.sql",
            "6-x.up.sql",
            "6_x.UP.sql",
            "_x.up.sql",
            "99999999999999999999_x.up.sql",
        ];
        assert_eq!(
            seen(&[&taken[..], &passed_over[..]].concat()),
            [
                (0, true, false),
                (2, true, true),
                (3, false, true),
                (4, true, false),
                (5, true, false),
                (10, true, false)
            ]
        );
        assert_eq!(files(&passed_over), Err(FilesError::Empty));
        let duplicate =
            |one: &str, two: &str| Err(FilesError::Duplicate(one.to_owned(), two.to_owned()));
        assert_eq!(
            files(&["1_a.up.sql", "1_a.up.sql.bak"]),
            duplicate("1_a.up.sql", "1_a.up.sql.bak")
        );
        assert_eq!(
            files(&["1_b.down.sql", "01_a.down.sql"]),
            duplicate("01_a.down.sql", "1_b.down.sql")
        );
        let high = "9999999999999999999_x.up.sql";
        assert_eq!(files(&[high]), Err(FilesError::TooHigh(high.to_owned())));
    }

    #[test]
    fn versions_are_counted_and_hashed_up_to_one_of_them_with_one_left_out() {
        let three = files(&["1_a.up.sql", "2_b.up.sql", "4_c.up.sql"]).expect("good names");
        let two = files(&["1_x.up.sql", "4_y.up.sql"]).expect("good names");
        assert_eq!(three.versions_to(3, None).0, 2);
        assert_eq!(three.versions_to(4, Some(2)), two.versions_to(4, None));
        assert_eq!(
            [5, 4, 1].map(|version| three.before(version)),
            [Some(4), Some(2), None]
        );
    }
}
