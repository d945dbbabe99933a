//! SQL files that Flyway runs beside its migrations: at every migrate, before and after each file, on errors. Flyway counts none of them in
//! its history table, so whoever approves what is pending must see them by name.

use super::name::stem;

/// What a migrate calls, by the names of `org.flywaydb.core.api.callback.Event` of Flyway 12; `clean`, `undo`, `repair` and `info` never run.
const EVENTS: [&str; 23] = [
    "beforeConnect",
    "afterConnect",
    "beforeCreateSchema",
    "createSchema",
    "beforeValidate",
    "afterValidate",
    "afterValidateError",
    "beforeBaseline",
    "afterBaseline",
    "afterBaselineError",
    "beforeMigrate",
    "beforeEachMigrate",
    "beforeEachMigrateStatement",
    "afterEachMigrateStatement",
    "afterEachMigrateStatementError",
    "afterEachMigrate",
    "afterEachMigrateError",
    "beforeRepeatables",
    "afterVersioned",
    "afterMigrateApplied",
    "afterMigrate",
    "afterMigrateError",
    "afterMigrateOperationFinish",
];

/// Those that Flyway calls once a start, when the last file is applied.
const AFTER_MIGRATE: [&str; 4] = [
    "afterVersioned",
    "afterMigrateApplied",
    "afterMigrate",
    "afterMigrateOperationFinish",
];

/// Whether this path below the folder is of such a file: `afterMigrate.sql`, `tables/afterMigrate__grants.sql`.
#[must_use]
pub fn is_callback(script: &str) -> bool {
    event(script).is_some_and(|event| EVENTS.contains(&event))
}

/// Whether this path below the folder is of a callback that may need what the last file makes.
#[must_use]
pub fn runs_after_migrate(script: &str) -> bool {
    event(script).is_some_and(|event| AFTER_MIGRATE.contains(&event))
}

/// What stands before the description in the file's name.
fn event(script: &str) -> Option<&str> {
    let stem = stem(script)?;
    Some(stem.split_once("__").map_or(stem, |(event, _)| event))
}

#[cfg(test)]
mod tests {
    use super::is_callback;

    #[test]
    fn a_callback_is_known_by_its_event_whatever_its_description_and_folder() {
        let names = [
            "afterMigrate.sql",
            "beforeEachMigrate__lock.sql",
            "tables/afterMigrate__a__b.SQL",
            "aftermigrate.sql",
            "afterClean.sql",
            "afterMigrate.sql.conf",
            "V1__afterMigrate.sql",
            "sql",
        ];
        let known = names.map(is_callback);
        assert_eq!(known, [true, true, true, false, false, false, false, false]);
    }
}
