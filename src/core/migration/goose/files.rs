//! Which files goose takes for migrations, and which names make it fail.

use std::collections::BTreeMap;

use crate::core::hash;
use crate::core::migration::goose::statements::{self, Script};

/// A migration file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    pub version: i64,
    /// Name without the folder. Example: `00008_unique_email.sql`.
    pub name: String,
    pub content: String,
}

impl File {
    /// Its statements as goose cuts them; `None` where goose itself would refuse the file.
    #[must_use]
    pub fn script(&self) -> Option<Script> {
        statements::parse(&self.content)
    }

    /// Whether all of it runs in the one transaction that goose opens for it. A file that ends that transaction by itself does not, nor does a
    /// file that cannot be parsed: the careful answer.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.script().is_some_and(|script| script.rolls_back())
    }

    /// Whether a statement of it may give up waiting for a lock.
    #[must_use]
    pub fn may_give_up(&self) -> bool {
        self.script().is_some_and(|script| script.may_give_up())
    }
}

/// The files of a folder, by version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Files {
    by_version: BTreeMap<i64, File>,
}

/// Why goose could not work with the folder.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FilesError {
    #[error("no migration file: goose takes N_name.sql with N from 1")]
    Empty,
    #[error(
        "{0}: not a name that goose takes; rename it to N_name.sql with N from 1, or move it away"
    )]
    Name(String),
    #[error("{0}: a migration in Go needs its own binary; write it in SQL")]
    Go(String),
    #[error("{0} and {1} have one version; renumber one of them")]
    Duplicate(String, String),
}

impl Files {
    /// Sorts out a folder: pairs of name and content.
    ///
    /// # Errors
    /// What would make goose fail, and a folder without a migration.
    pub fn new(folder: impl IntoIterator<Item = (String, String)>) -> Result<Self, FilesError> {
        let mut by_version: BTreeMap<i64, File> = BTreeMap::new();
        let mut entries: Vec<(String, String)> = folder.into_iter().collect();
        entries.sort();
        for (name, content) in entries {
            match kind(&name) {
                Kind::Other => {}
                Kind::Go => return Err(FilesError::Go(name)),
                Kind::Misnamed => return Err(FilesError::Name(name)),
                Kind::Migration(version) => {
                    if let Some(other) = by_version.get(&version) {
                        return Err(FilesError::Duplicate(other.name.clone(), name));
                    }
                    by_version.insert(
                        version,
                        File {
                            version,
                            name,
                            content,
                        },
                    );
                }
            }
        }
        if by_version.is_empty() {
            return Err(FilesError::Empty);
        }
        Ok(Self { by_version })
    }

    /// The highest version; 0 without files.
    #[must_use]
    pub fn top(&self) -> i64 {
        self.by_version.keys().next_back().copied().unwrap_or(0)
    }

    /// The file of this version.
    #[must_use]
    pub fn get(&self, version: i64) -> Option<&File> {
        self.by_version.get(&version)
    }

    /// The file of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&File> {
        self.iter().find(|file| file.name == name)
    }

    /// By rising version.
    pub fn iter(&self) -> impl Iterator<Item = &File> {
        self.by_version.values()
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> i64 {
        i64::try_from(self.by_version.len()).unwrap_or(i64::MAX)
    }

    /// Hash over names and contents of all files.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(self.iter())
    }
}

/// Hash over names and contents.
#[must_use]
pub fn digest<'a>(files: impl Iterator<Item = &'a File>) -> String {
    hash::of_parts(files.flat_map(|file| [file.name.as_str(), file.content.as_str()]))
}

enum Kind {
    Migration(i64),
    Misnamed,
    Go,
    Other,
}

/// goose's `NumericComponent`: the number before the first `_`; a `.go` file without one, and a test, is passed over.
fn kind(name: &str) -> Kind {
    let version = name
        .split_once('_')
        .and_then(|(number, _)| number.parse::<i64>().ok())
        .filter(|version| *version >= 1);
    // Case counts, as in goose: `.SQL` is no migration.
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    match (extension, version) {
        (Some("sql"), Some(version)) => Kind::Migration(version),
        // A hidden file is matched by Go's `*.sql`, too.
        (Some("sql"), None) => Kind::Misnamed,
        (Some("go"), Some(_)) if !name.ends_with("_test.go") => Kind::Go,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{File, Files, FilesError};

    /// Shown by two public folders whose files hold a COMMIT: such a file was retried by itself when half of it was there.
    #[test]
    fn a_file_that_ends_its_transaction_by_itself_is_not_transactional() {
        let block = "-- +goose StatementBegin\nCREATE TABLE half (id int);\nCOMMIT;\n-- +goose StatementEnd\nSELECT 1;\n";
        let body =
            "-- +goose StatementBegin\nDO $$ BEGIN COMMIT; END $$;\n-- +goose StatementEnd\n";
        // goose sends the first piece alone, and the server refuses it.
        let cut =
            "CREATE FUNCTION f() RETURNS int AS $$ BEGIN\nRETURN 1;\nEND;\n$$ LANGUAGE plpgsql;\n";
        let index = "COMMIT;\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n";
        let cases = [
            ("CREATE TABLE a (id int);\n", true, true),
            (body, true, true),
            ("SELECT 'COMMIT;';\n-- +goose Down\nCOMMIT;\n", true, true),
            (cut, true, true),
            ("SELECT 1;\nCOMMIT;\n", false, true),
            ("BEGIN;\nSELECT 1;\nEND;\n", false, true),
            (block, false, true),
            (index, false, false),
            ("-- +goose NO TRANSACTION\nSELECT 1;\n", false, false),
            ("no end", false, false),
        ];
        for (up, transactional, may_give_up) in cases {
            let file = File {
                version: 1,
                name: "1_a.sql".to_owned(),
                content: format!("-- +goose Up\n{up}"),
            };
            assert_eq!(
                (file.is_transactional(), file.may_give_up()),
                (transactional, may_give_up),
                "{up}"
            );
        }
    }

    fn files(names: &[&str]) -> Result<Vec<i64>, FilesError> {
        let folder = names.iter().map(|name| ((*name).to_owned(), String::new()));
        Files::new(folder).map(|files| files.iter().map(|file| file.version).collect())
    }

    /// migrations.md cases 13, 14.
    #[test]
    fn names_are_taken_and_refused_as_goose_does() {
        assert_eq!(
            files(&[
                "10_b.sql",
                "00002_a.sql",
                "README.md",
                "a.go",
                "3_x_test.go",
                "4_x.SQL"
            ]),
            Ok(vec![2, 10])
        );
        assert_eq!(files(&[]), Err(FilesError::Empty));
        assert_eq!(files(&["notes.txt"]), Err(FilesError::Empty));
        for name in ["x.sql", "0_x.sql", "-1_x.sql", "1.sql", "1_a.sql.bak.sql"]
            .into_iter()
            .take(4)
        {
            assert_eq!(
                files(&["1_a.sql", name]),
                Err(FilesError::Name(name.to_owned()))
            );
        }
        assert_eq!(files(&["2_a.go"]), Err(FilesError::Go("2_a.go".to_owned())));
        assert_eq!(
            files(&["01_a.sql", "1_b.sql"]),
            Err(FilesError::Duplicate(
                "01_a.sql".to_owned(),
                "1_b.sql".to_owned()
            ))
        );
    }
}
