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

/// Whether this path below the folder is of such a file: `afterMigrate.sql`, `tables/afterMigrate__grants.sql`.
#[must_use]
pub fn is_callback(script: &str) -> bool {
    stem(script).is_some_and(|stem| {
        let event = stem.split_once("__").map_or(stem, |(event, _)| event);
        EVENTS.contains(&event)
    })
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
