//! What Flyway can be told to stop after: a version. It runs what is repeatable in one go after the last version, and some callbacks once a
//! start. Pure.

use super::files::{File, Files};
use crate::core::migration::stages::Unit;

/// Settings of a start that leaves the repeatable files to a later one. No file has this prefix, so their rows have no file and their names fit no
/// rule; neither is an error.
pub const WITHOUT_REPEATABLES: [(&str, &str); 3] = [
    ("FLYWAY_VALIDATE_MIGRATION_NAMING", "false"),
    (
        "FLYWAY_REPEATABLE_SQL_MIGRATION_PREFIX",
        "slipway-runs-these-later",
    ),
    (
        "FLYWAY_IGNORE_MIGRATION_PATTERNS",
        "*:future,repeatable:missing",
    ),
];

/// The units of what is pending, in the order in which Flyway runs them.
#[must_use]
pub fn units(files: &Files, pending: &[&File]) -> Vec<Unit> {
    let all = |some: &[&File]| some.iter().all(|file| files.may_give_up(file));
    let go = |some: &[&File]| Unit {
        version: None,
        may_give_up: all(some),
    };
    if files.callbacks().any(File::runs_after_migrate) {
        return vec![go(pending)];
    }
    let (versioned, repeatable): (Vec<&File>, Vec<&File>) =
        pending.iter().partition(|file| file.version.is_some());
    let versioned = versioned.iter().map(|file| Unit {
        version: file.version.as_ref().map(ToString::to_string),
        may_give_up: files.may_give_up(file),
    });
    let repeatable = (!repeatable.is_empty()).then(|| go(&repeatable));
    versioned.chain(repeatable).collect()
}

/// Why files that could give up waiting for a lock do not: a callback that must run once, after the last file, leaves one start for all of them,
/// and one of them must wait.
#[must_use]
pub fn unguarded(files: &Files, pending: &[&File]) -> Option<String> {
    let callback = files.callbacks().find(|file| file.runs_after_migrate())?;
    let patient = pending.iter().find(|file| !files.may_give_up(file))?;
    pending.iter().find(|file| files.may_give_up(file))?;
    let (patient, callback) = (&patient.script, &callback.script);
    Some(format!(
        "{patient} waits for locks as long as it takes, and {callback} must run once after all files, so no file of this run gives up waiting for a lock; ship {patient} in a release of its own"
    ))
}

#[cfg(test)]
mod tests {
    use super::{unguarded, units};
    use crate::core::migration::flyway::files::{File, Files};
    use crate::core::migration::stages::Unit;

    const ALTER: &str = "ALTER TABLE a ADD b int;";
    const INDEX: &str = "CREATE INDEX CONCURRENTLY a_id ON a (id);";

    fn unit(version: Option<&str>, may_give_up: bool) -> Unit {
        Unit {
            version: version.map(str::to_owned),
            may_give_up,
        }
    }

    fn of(entries: &[(&str, &str)]) -> (Vec<Unit>, Option<String>) {
        let entries = entries
            .iter()
            .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()));
        let files = Files::new(entries).expect("good names");
        let pending: Vec<&File> = files.iter().collect();
        (units(&files, &pending), unguarded(&files, &pending))
    }

    #[test]
    fn each_version_is_a_unit_and_all_repeatable_files_are_one() {
        let versions = [
            unit(Some("1"), true),
            unit(Some("2.1"), false),
            unit(Some("3"), true),
        ];
        let mut files = vec![
            ("V1__a.sql", ALTER),
            ("V2.1__b.sql", INDEX),
            ("V3__c.sql", ALTER),
        ];
        assert_eq!(of(&files), (versions.to_vec(), None));
        files.push(("R__a.sql", ALTER));
        files.push(("R__b.sql", INDEX));
        let all = [versions.as_slice(), &[unit(None, false)]].concat();
        assert_eq!(of(&files), (all.clone(), None));
        // A callback that prepares each start does not matter; one that must wait runs with every file.
        files.push(("beforeMigrate.sql", "SET ROLE owner;"));
        assert_eq!(of(&files), (all, None));
        files.push(("afterEachMigrate.sql", "VACUUM a;"));
        let none = |unit: &Unit| unit.may_give_up;
        assert_eq!(of(&files).0.iter().filter(|one| none(one)).count(), 0);
    }

    #[test]
    fn a_callback_that_runs_once_at_the_end_leaves_one_start_and_says_what_that_costs() {
        let mut files = vec![
            ("V1__a.sql", ALTER),
            ("afterMigrate__grants.sql", "GRANT SELECT ON a TO b;"),
        ];
        assert_eq!(of(&files), (vec![unit(None, true)], None));
        files.push(("V2__b.sql", INDEX));
        let why = "V2__b.sql waits for locks as long as it takes, and afterMigrate__grants.sql must run once after all files, so no file of this run gives up waiting for a lock; ship V2__b.sql in a release of its own";
        assert_eq!(of(&files), (vec![unit(None, false)], Some(why.to_owned())));
    }
}
