//! Which files Flyway takes for migrations, which it passes over, and the checksum by which it knows them again.

use std::collections::BTreeMap;

use super::callbacks::{is_callback, runs_after_migrate};
use super::name::{self, Misnamed, Name};
use super::statements::{self, Script};
use super::version::Version;
use crate::core::hash;

/// What begins a placeholder where nothing says otherwise.
pub const PLACEHOLDER_PREFIX: &str = "${";

/// A migration file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// `None`: a repeatable one.
    pub version: Option<Version>,
    pub description: String,
    /// Path below the folder, as Flyway writes it into its table. Example: `V2__unique_email.sql`.
    pub script: String,
    pub content: String,
    /// What the file beside it (`NAME.conf`) says of `executeInTransaction`.
    in_transaction: Option<bool>,
}

impl File {
    /// Its statements.
    #[must_use]
    pub fn statements(&self) -> Script {
        statements::parse(&self.content)
    }

    /// Whether it runs in one transaction: its own settings decide, else each statement of it must be able to.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        let script = self.statements();
        !script.ends_transactions && self.in_transaction.unwrap_or(!script.needs_no_transaction)
    }

    /// Whether a statement of it may give up waiting for a lock. A concurrent index must not: it would stay behind, invalid.
    #[must_use]
    pub fn may_give_up(&self) -> bool {
        self.in_transaction.unwrap_or(true) && !self.statements().needs_no_transaction
    }

    /// Flyway's checksum: CRC-32 over the lines without their ends, whatever these are. Placeholders stay as they stand.
    #[must_use]
    pub fn checksum(&self) -> i32 {
        let text = self
            .content
            .strip_prefix('\u{feff}')
            .unwrap_or(&self.content);
        let mut hasher = crc32fast::Hasher::new();
        for line in text.split(['\n', '\r']) {
            hasher.update(line.as_bytes());
        }
        hasher.finalize().cast_signed()
    }

    /// Whether Flyway's own checksum of it may be another: that of a repeatable one is taken after placeholders were filled in. `prefix`: what
    /// begins one.
    #[must_use]
    pub fn has_placeholders(&self, prefix: &str) -> bool {
        self.version.is_none() && self.content.contains(prefix)
    }

    /// Whether it is a callback that Flyway runs once, after the last file.
    #[must_use]
    pub fn runs_after_migrate(&self) -> bool {
        runs_after_migrate(&self.script)
    }

    /// As it is named among what is pending: its version, or its file name.
    #[must_use]
    pub fn label(&self) -> String {
        self.version
            .as_ref()
            .map_or_else(|| self.script.clone(), ToString::to_string)
    }
}

/// The files of a folder.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Files {
    /// By rising version.
    versioned: Vec<File>,
    /// By description, in which order they run.
    repeatable: Vec<File>,
    /// What Flyway runs beside them, by name.
    callbacks: Vec<File>,
}

/// Why Flyway could not work with the folder, or would silently leave something out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FilesError {
    #[error("no migration file: Flyway takes V1__name.sql and R__name.sql")]
    Empty,
    #[error(
        "{0}: not a name that Flyway takes, so it would be passed over; rename it to V1__name.sql, with two underscores"
    )]
    Name(String),
    #[error("{0} and {1} have one version; renumber one of them")]
    Version(String, String),
    #[error("{0} and {1} have one description; rename one of them")]
    Description(String, String),
}

impl Files {
    /// Sorts out a folder: pairs of path below it and content.
    ///
    /// # Errors
    /// What would make Flyway fail, a folder without a migration, and names that are meant as a migration and are none.
    pub fn new(folder: impl IntoIterator<Item = (String, String)>) -> Result<Self, FilesError> {
        let entries: BTreeMap<String, String> = folder.into_iter().collect();
        let mut files = Self::default();
        for (script, content) in &entries {
            let name = name::read(script).map_err(|Misnamed| FilesError::Name(script.clone()))?;
            let list = match &name {
                None if is_callback(script) => &mut files.callbacks,
                None => continue,
                Some(name) if name.version.is_some() => &mut files.versioned,
                Some(_) => &mut files.repeatable,
            };
            let settings = entries.get(&format!("{script}.conf"));
            let Name {
                version,
                description,
            } = name.unwrap_or_default();
            list.push(File {
                in_transaction: settings.and_then(|settings| in_transaction(settings)),
                version,
                description,
                script: script.clone(),
                content: content.clone(),
            });
        }
        files
            .versioned
            .sort_by(|left, right| left.version.cmp(&right.version));
        files
            .repeatable
            .sort_by(|left, right| left.description.cmp(&right.description));
        files.refuse_duplicates()?;
        if files.versioned.is_empty() && files.repeatable.is_empty() {
            return Err(FilesError::Empty);
        }
        Ok(files)
    }

    fn refuse_duplicates(&self) -> Result<(), FilesError> {
        let twice = |files: &[File], same: fn(&File, &File) -> bool| {
            files
                .windows(2)
                .filter_map(|pair| <&[File; 2]>::try_from(pair).ok())
                .find(|[one, other]| same(one, other))
                .map(|[one, other]| (one.script.clone(), other.script.clone()))
        };
        if let Some((one, other)) =
            twice(&self.versioned, |one, other| one.version == other.version)
        {
            return Err(FilesError::Version(one, other));
        }
        if let Some((one, other)) = twice(&self.repeatable, |one, other| {
            one.description == other.description
        }) {
            return Err(FilesError::Description(one, other));
        }
        Ok(())
    }

    /// The highest version; `None` where all files are repeatable.
    #[must_use]
    pub fn top(&self) -> Option<&Version> {
        self.versioned.last().and_then(|file| file.version.as_ref())
    }

    /// The file of this version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&File> {
        self.versioned
            .iter()
            .find(|file| file.version.as_ref() == Some(version))
    }

    /// The repeatable file of this description.
    #[must_use]
    pub fn described(&self, description: &str) -> Option<&File> {
        self.repeatable
            .iter()
            .find(|file| shortened(&file.description) == description)
    }

    /// The file of this path below the folder.
    #[must_use]
    pub fn named(&self, script: &str) -> Option<&File> {
        self.iter().find(|file| file.script == script)
    }

    /// By rising version.
    pub fn versioned(&self) -> impl Iterator<Item = &File> {
        self.versioned.iter()
    }

    /// In the order in which they run.
    pub fn repeatable(&self) -> impl Iterator<Item = &File> {
        self.repeatable.iter()
    }

    /// What Flyway runs beside the migrations, whichever these are.
    pub fn callbacks(&self) -> impl Iterator<Item = &File> {
        self.callbacks.iter()
    }

    /// All migrations in the order in which they run.
    pub fn iter(&self) -> impl Iterator<Item = &File> {
        self.versioned.iter().chain(&self.repeatable)
    }

    /// Whether all that Flyway runs with this file is in one transaction.
    #[must_use]
    pub fn run_in_one_transaction(&self, file: &File) -> bool {
        file.is_transactional() && self.callbacks().all(File::is_transactional)
    }

    /// Whether all that Flyway runs with this file may give up waiting for a lock.
    #[must_use]
    pub fn may_give_up(&self, file: &File) -> bool {
        file.may_give_up() && self.callbacks().all(File::may_give_up)
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> i64 {
        i64::try_from(self.versioned.len() + self.repeatable.len()).unwrap_or(i64::MAX)
    }

    /// Hash over names and contents of all files.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(self.iter())
    }
}

/// Hash over names, contents and transactions.
#[must_use]
pub fn digest<'a>(files: impl Iterator<Item = &'a File>) -> String {
    hash::of_parts(files.flat_map(|file| {
        let transaction = match file.in_transaction {
            None => "",
            Some(true) => "in a transaction",
            Some(false) => "without a transaction",
        };
        [file.script.as_str(), file.content.as_str(), transaction]
    }))
}

/// A description as the table holds it: 200 characters.
#[must_use]
pub fn shortened(description: &str) -> String {
    if description.chars().count() <= 200 {
        return description.to_owned();
    }
    let start: String = description.chars().take(197).collect();
    format!("{start}...")
}

/// The line `executeInTransaction=false` of a script's settings.
fn in_transaction(settings: &str) -> Option<bool> {
    settings.lines().find_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        let value = value.trim();
        (key.trim() == "executeInTransaction").then(|| value.eq_ignore_ascii_case("true"))
    })
}

#[cfg(test)]
mod tests {
    use super::{File, Files, FilesError};

    fn files(entries: &[(&str, &str)]) -> Result<Files, FilesError> {
        Files::new(
            entries
                .iter()
                .map(|(name, content)| ((*name).to_owned(), (*content).to_owned())),
        )
    }

    fn labels(names: &[&str]) -> Result<Vec<String>, FilesError> {
        let entries: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
        files(&entries).map(|files| files.iter().map(File::label).collect())
    }

    /// migrations.md cases 13, 14.
    #[test]
    fn names_are_taken_passed_over_and_refused_as_flyway_does() {
        let taken = labels(&[
            "V1_10__b.sql",
            "V1.9__a.sql",
            "V2.SQL",
            "tables/V3__c.sql",
            "R__views.sql",
            "beforeMigrate.sql",
            "U1__undo.sql",
            "v4__x.sql",
            "README.md",
            "V5__x.sql.bak",
            "Views.sql",
            "R1__x.sql",
            "V1_10__b.sql.conf",
        ]);
        let expected = ["1.9", "1.10", "2", "3", "R__views.sql"];
        assert_eq!(taken, Ok(expected.map(str::to_owned).to_vec()));
        assert_eq!(labels(&[]), Err(FilesError::Empty));
        assert_eq!(
            labels(&["notes.txt", "beforeMigrate.sql"]),
            Err(FilesError::Empty)
        );
        assert_eq!(
            labels(&["V1_a.sql"]),
            Err(FilesError::Name("V1_a.sql".to_owned()))
        );
        assert_eq!(
            labels(&["V1__a.sql", "x/V1.0__b.sql"]),
            Err(FilesError::Version(
                "V1__a.sql".to_owned(),
                "x/V1.0__b.sql".to_owned()
            ))
        );
        assert_eq!(
            labels(&["R__a.sql", "x/R__a.sql"]),
            Err(FilesError::Description(
                "R__a.sql".to_owned(),
                "x/R__a.sql".to_owned()
            ))
        );
    }

    /// The numbers are those that Flyway 12 wrote into its table.
    #[test]
    fn the_checksum_is_flyways_whatever_ends_the_lines() {
        let of = |content: &str| {
            files(&[("V1__a.sql", content)]).map(|files| files.iter().map(File::checksum).collect())
        };
        assert_eq!(of("CREATE TABLE a (id int);\n"), Ok(vec![-623_083_431]));
        assert_eq!(
            of("\u{feff}CREATE TABLE a (id int);"),
            Ok(vec![-623_083_431])
        );
        let lines = [
            "CREATE TABLE b (id int);",
            "INSERT INTO b VALUES (1),(1);",
            "SELECT pg_sleep(1);",
            "",
        ];
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(of(&lines.join(end)), Ok(vec![-1_339_534_293]));
        }
    }

    #[test]
    fn a_file_runs_in_a_transaction_unless_a_statement_or_its_settings_forbid_it() {
        let transactional = |content: &str, settings: Option<&str>| {
            let mut entries = vec![("V1__a.sql", content)];
            entries.extend(settings.map(|settings| ("V1__a.sql.conf", settings)));
            files(&entries).map(|files| files.iter().all(File::is_transactional))
        };
        assert_eq!(transactional("CREATE TABLE a ();", None), Ok(true));
        assert_eq!(
            transactional("CREATE TABLE a ();", Some("executeInTransaction=false\n")),
            Ok(false)
        );
        assert_eq!(
            transactional("CREATE INDEX CONCURRENTLY a_id ON a (id);", None),
            Ok(false)
        );
        assert_eq!(
            transactional(
                "CREATE TABLE a (); COMMIT;",
                Some("executeInTransaction = true")
            ),
            Ok(false)
        );
    }
}
