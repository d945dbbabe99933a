//! Flyway's settings: what Slipway tells it. What others say to it is judged in `stray`. Pure.

/// What Flyway is told whatever the migration's own `env` or a file in the image says, because the runner relies on it.
///
/// Without the transactional lock, file and row of the history table are written in one transaction of one session; with it they are two
/// sessions, and CREATE INDEX CONCURRENTLY waits for ever for the other one. `*:future`: an older image is no error.
pub const SETTINGS: [(&str, &str); 17] = [
    // An environment that is in no file: what the files' own ones say is not heard, as it would win over all that stands here.
    ("flyway_environment", "slipway"),
    ("FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK", "false"),
    ("FLYWAY_IGNORE_MIGRATION_PATTERNS", "*:future"),
    ("FLYWAY_VALIDATE_ON_MIGRATE", "true"),
    ("FLYWAY_FAIL_ON_MISSING_LOCATIONS", "true"),
    ("FLYWAY_CLEAN_DISABLED", "true"),
    ("FLYWAY_GROUP", "false"),
    ("FLYWAY_EXECUTE_IN_TRANSACTION", "true"),
    ("FLYWAY_SKIP_EXECUTING_MIGRATIONS", "false"),
    ("FLYWAY_SQL_MIGRATION_PREFIX", "V"),
    ("FLYWAY_REPEATABLE_SQL_MIGRATION_PREFIX", "R"),
    ("FLYWAY_SQL_MIGRATION_SEPARATOR", "__"),
    ("FLYWAY_SQL_MIGRATION_SUFFIXES", ".sql"),
    // The runner takes the checksum of each file, too, and reads it as UTF-8.
    ("FLYWAY_ENCODING", "UTF-8"),
    ("FLYWAY_DETECT_ENCODING", "false"),
    ("REDGATE_DISABLE_TELEMETRY", "true"),
    // Java reads the password by the locale's encoding; an image without a locale would break one that is not ASCII.
    ("LC_ALL", "C.UTF-8"),
];

/// The history table where nobody names one.
pub const HISTORY_TABLE: &str = "flyway_schema_history";

/// Names of files of settings, in the folders where Flyway looks for them.
pub const FILES: [&str; 3] = ["flyway.toml", "flyway.user.toml", "flyway.conf"];

/// What the runner says besides, run by run.
const OF_A_RUN: [&str; 9] = [
    "FLYWAY_URL",
    "FLYWAY_USER",
    "FLYWAY_PASSWORD",
    "FLYWAY_LOCATIONS",
    "FLYWAY_CALLBACK_LOCATIONS",
    "FLYWAY_TABLE",
    "FLYWAY_TARGET",
    "FLYWAY_OUT_OF_ORDER",
    "FLYWAY_DEFAULT_SCHEMA",
];

/// Whether the runner says it, so that nobody else's word for it is heard.
#[must_use]
pub fn is_told(variable: &str) -> bool {
    OF_A_RUN.contains(&variable) || SETTINGS.iter().any(|(name, _)| *name == variable)
}
