//! Flyway's settings: what Slipway tells it, and what a file of settings in the image, or a variable, says that would lead it elsewhere.
//!
//! Flyway hears variables before its files, so what stands in [`SETTINGS`] holds. But an environment of `flyway.toml` may have settings of its
//! own, which win over any variable, and a variable in small letters wins over the same one in capitals. Hence the environment that no file
//! has, and the names that are refused. What a file says of schema and table is overruled, and never without a word: the history of that
//! database may lie there. Pure.

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

/// Keys that move the history table to another schema.
const OF_SCHEMA: [&str; 3] = ["defaultSchema", "schemas", "currentSchema"];

/// Where Slipway looks, and whether the migration itself says so: then a file is overruled knowingly.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub schema: Option<&'a str>,
    pub schema_is_named: bool,
    pub table: &'a str,
}

/// A variable that would win over ours: Flyway takes the small letters first.
#[must_use]
pub fn refused_variable(name: &str) -> Option<String> {
    let is_newer = name.starts_with("flyway_") || name.starts_with("environments_");
    is_newer.then(|| {
        format!(
            "variable {name}: Flyway would hear it before what Slipway says; remove it, or write it as FLYWAY_..., in capitals"
        )
    })
}

/// What the variable `FLYWAY_TABLE` or `FLYWAY_INIT_SQL` says that Slipway does otherwise.
#[must_use]
pub fn stray_variable(name: &str, value: &str, place: &Place) -> Option<String> {
    let key = match name {
        "FLYWAY_TABLE" => "flyway.table",
        "FLYWAY_INIT_SQL" => "flyway.initSql",
        _ => return None,
    };
    stray(key, value, place).map(|remedy| said(&format!("variable {name}"), value, &remedy))
}

/// What this file of settings says that Slipway does otherwise. `name`: its path.
#[must_use]
pub fn stray_in(name: &str, text: &str, place: &Place) -> Option<String> {
    entries(text).into_iter().find_map(|(key, value)| {
        stray(&key, &value, place).map(|remedy| said(&format!("{name}, {key}"), &value, &remedy))
    })
}

fn said(what: &str, value: &str, remedy: &str) -> String {
    let value: String = value.chars().take(60).collect();
    format!("{what} = {value}: {remedy}")
}

/// What to do about this setting, if Slipway does otherwise.
fn stray(key: &str, value: &str, place: &Place) -> Option<String> {
    let parts: Vec<&str> = key.split('.').collect();
    let last = parts.last().copied().unwrap_or_default();
    let first = value.split(',').next().unwrap_or_default().trim();
    if last == "table" && parts.iter().rev().nth(1) == Some(&"flyway") {
        let is_other = place.table == HISTORY_TABLE && first != HISTORY_TABLE;
        return is_other.then(|| {
            format!(
                "Slipway would have Flyway work with table {HISTORY_TABLE}; name one: versionTable of the migration"
            )
        });
    }
    let moves = OF_SCHEMA.contains(&last) && Some(first) != place.schema
        || last == "initSql" && value.to_lowercase().contains("search_path");
    if moves && !place.schema_is_named {
        return Some(format!(
            "Slipway would have Flyway work in schema {}; name one: env FLYWAY_DEFAULT_SCHEMA of the migration",
            place.schema.unwrap_or("of the session")
        ));
    }
    // `environments.NAME.flyway.KEY`, `environments.NAME.jdbcProperties.KEY`, `environments.NAME.initSql`.
    let of_environment = parts.first() == Some(&"environments")
        && !OF_SCHEMA.contains(&last)
        && parts
            .iter()
            .any(|part| ["flyway", "jdbcProperties", "initSql"].contains(part));
    of_environment.then(|| {
        "Slipway uses no environment of the file, as the Database says where to go; say it in env of the migration (FLYWAY_INIT_SQL, FLYWAY_JDBC_PROPERTIES_..)"
            .to_owned()
    })
}

/// Keys in full and values without quotes and brackets, of `key = value` lines and `[sections]`.
fn entries(text: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut entries = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            if let Some(name) = line.strip_prefix('[') {
                let name = name.split(']').next().unwrap_or_default();
                section = format!("{}.", bare(name));
            }
            continue;
        };
        let mut value = value.trim().to_owned();
        // A list may go on for several lines.
        while value.starts_with('[') && !value.contains(']') {
            let Some(line) = lines.next() else { break };
            value.push_str(line);
        }
        entries.push((format!("{section}{}", bare(key)), bare(&value)));
    }
    entries
}

/// Without quotes, brackets, blanks around it, and a comment behind it.
fn bare(text: &str) -> String {
    let text = text.split(" #").next().unwrap_or_default();
    let kept = text
        .chars()
        .filter(|character| !"\"'[]".contains(*character));
    kept.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Place, refused_variable, stray_in, stray_variable};

    const PUBLIC: Place = Place {
        schema: Some("public"),
        schema_is_named: false,
        table: "flyway_schema_history",
    };

    fn key(text: &str, place: &Place) -> Option<String> {
        let said = stray_in("flyway.toml", text, place)?;
        let (key, _) = said.strip_prefix("flyway.toml, ")?.split_once(" = ")?;
        Some(key.to_owned())
    }

    #[test]
    fn what_would_move_the_history_table_is_found_in_either_form_of_a_file() {
        for (text, expected) in [
            ("flyway.defaultSchema=audit\n", "flyway.defaultSchema"),
            ("flyway.schemas = audit, public\n", "flyway.schemas"),
            ("flyway.table=moves", "flyway.table"),
            (
                "flyway.jdbcProperties.currentSchema=audit",
                "flyway.jdbcProperties.currentSchema",
            ),
            ("flyway.initSql=SET search_path TO audit", "flyway.initSql"),
            (
                "[flyway]\n# why\ndefaultSchema = 'audit' # so\n",
                "flyway.defaultSchema",
            ),
            (
                "[environments.prod]\nschemas = [\n  \"audit\",\n  \"public\"\n]\n",
                "environments.prod.schemas",
            ),
            ("flyway.\"table\" = \"moves\"", "flyway.table"),
            (
                "[environments.default.flyway]\nskipExecutingMigrations = true",
                "environments.default.flyway.skipExecutingMigrations",
            ),
            (
                "[environments.default]\ninitSql = \"SET ROLE owner\"",
                "environments.default.initSql",
            ),
        ] {
            assert_eq!(key(text, &PUBLIC).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_says_the_same_as_slipway_or_nothing_of_it_passes() {
        for text in [
            "",
            "# flyway.defaultSchema=audit\n",
            "flyway.schemas=public,audit\nflyway.table=flyway_schema_history\nflyway.placeholders.table=x\n",
            "[flyway]\ndefaultSchema = \"public\"\n[environments.default]\nurl = \"jdbc:x\"\nuser = 'x'\nschemas = [\"public\"]\n",
            "[flyway.placeholders]\nname = \"a\"\n",
        ] {
            assert_eq!(key(text, &PUBLIC), None, "{text}");
        }
        let named = Place {
            schema_is_named: true,
            table: "moves",
            ..PUBLIC
        };
        assert_eq!(
            key("flyway.defaultSchema=audit\nflyway.table=x\n", &named),
            None
        );
    }

    #[test]
    fn variables_that_win_over_ours_or_name_another_place_are_refused() {
        let refused = [
            "flyway_table",
            "environments_default_url",
            "FLYWAY_TABLE",
            "FLYWAYS",
        ]
        .map(|name| refused_variable(name).is_some());
        assert_eq!(refused, [true, true, false, false]);
        let stray = |name, value| stray_variable(name, value, &PUBLIC).is_some();
        assert_eq!(
            [
                stray("FLYWAY_TABLE", "moves"),
                stray("FLYWAY_TABLE", "flyway_schema_history"),
                stray("FLYWAY_INIT_SQL", "set Search_Path to a"),
                stray("FLYWAY_INIT_SQL", "SET ROLE a"),
                stray("FLYWAY_TARGET", "3"),
            ],
            [true, false, true, false, false]
        );
    }
}
