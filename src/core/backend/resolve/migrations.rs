//! The options of migrations: what CEL refuses too, for objects that were stored before a rule.

use super::super::resolved::{Variable, VariableValue};
use super::{Invalid, environment, image, invalid};
use crate::api::backend::BackendMigration;
use crate::api::common::{Phase, Tool};
use crate::api::migration_rules::{CONNECTION_VARIABLES, ENCODING_VARIABLES};

/// Most variables of one entry.
const MOST_VARIABLES: usize = 64;

/// Longest time of any part of an attempt: a day.
const MOST_SECONDS: i32 = 86_400;

/// Most attempts.
const MOST_ATTEMPTS: i32 = 10;

/// Looks at every entry of `spec.migrations`.
pub(super) fn check(migrations: &[BackendMigration]) -> Result<(), Invalid> {
    migrations.iter().try_for_each(|migration| {
        let field = format!("spec.migrations[{}]", migration.name);
        check_environment(&field, migration)?;
        check_source(&field, migration)?;
        check_tool(&field, migration)?;
        check_program(&field, migration)?;
        check_numbers(&field, migration)?;
        check_soak(&field, migration)
    })
}

fn check_environment(field: &str, migration: &BackendMigration) -> Result<(), Invalid> {
    let field = format!("{field}.env");
    let variables = environment::variables(&field, &migration.options.env, MOST_VARIABLES)?;
    let taken = variables
        .iter()
        .find(|variable| CONNECTION_VARIABLES.contains(&variable.name.as_str()));
    if let Some(variable) = taken {
        return Err(invalid(
            field,
            format!("{} is said by the Database", variable.name),
            "Give yours another name, and the value $(PGHOST) or the like",
        ));
    }
    let encoding = variables.iter().find(|variable| reads_otherwise(variable));
    encoding.map_or(Ok(()), |variable| {
        Err(invalid(
            field,
            format!("with {} Flyway would read the files otherwise than Slipway, which takes them for UTF-8", variable.name),
            "Remove it, and convert files that are not (iconv -t UTF-8)",
        ))
    })
}

/// Whether Flyway would read the files in another encoding.
fn reads_otherwise(variable: &Variable) -> bool {
    let mut known = ENCODING_VARIABLES.iter();
    known.any(|(name, harmless)| {
        variable.name == *name && variable.value != VariableValue::Plain((*harmless).to_owned())
    })
}

fn check_source(field: &str, migration: &BackendMigration) -> Result<(), Invalid> {
    let source = migration.source.clone().unwrap_or_default();
    let path = source.path.as_deref().unwrap_or("/none");
    if !path.starts_with('/') || path.split('/').any(|part| [".", ".."].contains(&part)) {
        return Err(invalid(
            format!("{field}.source.path"),
            "no absolute path, or . or .. in it",
            "Give one like /migrations",
        ));
    }
    if let Some(reference) = &source.image {
        image(&format!("{field}.source.image"), reference)?;
    }
    if source.path.is_some() && source.config_map.is_some() {
        return Err(invalid(
            format!("{field}.source.configMap"),
            "path and configMap cannot both hold the files",
            "Remove one of them",
        ));
    }
    if !has_files(migration) && migration.tool != Tool::Exec {
        return Err(invalid(
            format!("{field}.source.path"),
            "nothing says where the files are",
            "Give a folder like /migrations, or a configMap",
        ));
    }
    Ok(())
}

/// What makes sense for a program of one's own, and what for nothing else.
fn check_program(field: &str, migration: &BackendMigration) -> Result<(), Invalid> {
    let options = &migration.options;
    let is_program = migration.tool == Tool::Exec;
    let read_back = options.read_back.is_some();
    let faults = [
        (
            is_program == options.command.is_empty(),
            ".command",
            "Exec needs one, and no other tool has one",
        ),
        (
            !is_program && (read_back || options.idempotent.is_some()),
            ".readBack",
            "readBack and idempotent are for Exec",
        ),
        (
            is_program && options.version_table.is_some() && !read_back,
            ".versionTable",
            "a table of Exec is only read with readBack",
        ),
        (
            is_program && migration.target.is_some() && !(read_back && has_files(migration)),
            ".target",
            "Exec needs readBack and files for it",
        ),
    ];
    let fault = faults.into_iter().find(|(wrong, ..)| *wrong);
    fault.map_or(Ok(()), |(_, name, fault)| {
        Err(invalid(
            format!("{field}{name}"),
            fault,
            "Add what is missing, or remove the field",
        ))
    })
}

fn has_files(migration: &BackendMigration) -> bool {
    let source = migration.source.as_ref();
    source.is_some_and(|source| source.path.is_some() || source.config_map.is_some())
}

fn check_tool(field: &str, migration: &BackendMigration) -> Result<(), Invalid> {
    let options = &migration.options;
    let is_number = |target: &String| {
        let digits = target.chars().all(|digit| digit.is_ascii_digit());
        digits && target.len() <= 18 && !target.starts_with('0')
    };
    let many_numbers = migration.tool == Tool::Flyway;
    if !many_numbers && !migration.target.as_ref().is_none_or(is_number) {
        return Err(invalid(
            format!("{field}.target"),
            "a version of this tool is one number of at most 18 digits, from 1",
            "Write it like \"7\"",
        ));
    }
    let any_order = matches!(migration.tool, Tool::Goose | Tool::Flyway);
    if options.out_of_order.is_some() && !any_order {
        return Err(invalid(
            format!("{field}.outOfOrder"),
            "only Goose and Flyway run a file with a lower number",
            "Remove it and renumber the file",
        ));
    }
    if options.tool_path.is_some() && migration.tool == Tool::Exec {
        return Err(invalid(
            format!("{field}.toolPath"),
            "the program of an Exec is named by its command",
            "Remove it",
        ));
    }
    let table = options.version_table.as_deref().unwrap_or("x");
    if !table.split('.').all(is_name) || table.split('.').count() > 2 || table.len() > 127 {
        return Err(invalid(
            format!("{field}.versionTable"),
            "no name of a table",
            "Use letters, digits and underscores, one dot after a schema",
        ));
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn check_numbers(field: &str, migration: &BackendMigration) -> Result<(), Invalid> {
    let timeouts = migration.options.timeouts.clone().unwrap_or_default();
    let retry = migration.options.retry.clone().unwrap_or_default();
    let numbers = [
        (
            "timeouts.startSeconds",
            timeouts.start_seconds,
            MOST_SECONDS,
        ),
        (
            "timeouts.lockWaitSeconds",
            timeouts.lock_wait_seconds,
            MOST_SECONDS,
        ),
        ("timeouts.runSeconds", timeouts.run_seconds, MOST_SECONDS),
        ("retry.attempts", retry.attempts, MOST_ATTEMPTS),
    ];
    for (name, number, most) in numbers {
        if number.is_some_and(|number| !(1..=most).contains(&number)) {
            return Err(invalid(
                format!("{field}.{name}"),
                "out of range",
                format!("Give 1 to {most}"),
            ));
        }
    }
    Ok(())
}

fn check_soak(field: &str, migration: &BackendMigration) -> Result<(), Invalid> {
    let Some(seconds) = migration.soak_seconds else {
        return Ok(());
    };
    let field = format!("{field}.soakSeconds");
    if migration.phase != Some(Phase::AfterRollout) {
        return Err(invalid(
            field,
            "only a migration of phase: AfterRollout has a soak",
            "Remove it, or set the phase",
        ));
    }
    if !(0..=MOST_SECONDS).contains(&seconds) {
        return Err(invalid(
            field,
            "out of range",
            format!("Give 0 to {MOST_SECONDS}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;
    use crate::api::backend::BackendMigration;

    fn answer(tool: &str, option: &Value) -> String {
        let mut entry = json!({"name": "s", "tool": tool, "source": {"path": "/m"}});
        if let (Some(entry), Some(option)) = (entry.as_object_mut(), option.as_object()) {
            entry.extend(option.clone());
        }
        let entry: BackendMigration = serde_json::from_value(entry).expect("an entry");
        check(&[entry]).map_or_else(|invalid| invalid.field, |()| "good".to_owned())
    }

    /// I-41.
    #[test]
    fn options_that_were_stored_before_a_rule_are_named() {
        let rows = [
            (
                "Goose",
                json!({"env": [{"name": "DB", "value": "$(PGHOST)"}]}),
                "good",
            ),
            (
                "Goose",
                json!({"env": [{"name": "PGHOST", "value": "x"}]}),
                ".env",
            ),
            (
                "Goose",
                json!({"env": [{"name": "SLIPWAY_X", "value": "x"}]}),
                ".env[SLIPWAY_X].name",
            ),
            ("Goose", json!({"env": [{"name": "A"}]}), ".env[A]"),
            ("Goose", json!({"versionTable": "audit.v1"}), "good"),
            ("Goose", json!({"versionTable": "a.b.c"}), ".versionTable"),
            ("Goose", json!({"versionTable": "a b"}), ".versionTable"),
            ("Goose", json!({"outOfOrder": "Allow"}), "good"),
            (
                "GolangMigrate",
                json!({"outOfOrder": "Refuse"}),
                ".outOfOrder",
            ),
            ("Exec", json!({"toolPath": "/goose"}), ".toolPath"),
            ("Goose", json!({"target": "1.2"}), ".target"),
            ("Flyway", json!({"target": "1.2"}), "good"),
            ("Goose", json!({"source": {"path": "m"}}), ".source.path"),
            (
                "Goose",
                json!({"source": {"path": "/m/../n"}}),
                ".source.path",
            ),
            (
                "Goose",
                json!({"source": {"path": "/m", "image": "A"}}),
                ".source.image",
            ),
            ("Goose", json!({"source": {}}), ".source.path"),
            ("Exec", json!({}), ".command"),
            ("Goose", json!({"command": ["/app"]}), ".command"),
            ("Goose", json!({"idempotent": true}), ".readBack"),
            ("Exec", json!({"command": ["/app"], "source": null}), "good"),
            (
                "Exec",
                json!({"command": ["/app"], "versionTable": "v"}),
                ".versionTable",
            ),
            (
                "Exec",
                json!({"command": ["/app"], "readBack": "Goose", "versionTable": "v"}),
                "good",
            ),
            (
                "Exec",
                json!({"command": ["/app"], "readBack": "Goose", "target": "7", "source": {}}),
                ".target",
            ),
            (
                "Exec",
                json!({"command": ["/app"], "readBack": "Goose", "target": "7"}),
                "good",
            ),
            (
                "Goose",
                json!({"timeouts": {"startSeconds": 1, "lockWaitSeconds": 1, "runSeconds": 86400}}),
                "good",
            ),
            (
                "Goose",
                json!({"timeouts": {"runSeconds": 86401}}),
                ".timeouts.runSeconds",
            ),
            (
                "Goose",
                json!({"retry": {"attempts": 0}}),
                ".retry.attempts",
            ),
            ("Goose", json!({"soakSeconds": 60}), ".soakSeconds"),
            (
                "Goose",
                json!({"phase": "AfterRollout", "soakSeconds": 60}),
                "good",
            ),
            (
                "Goose",
                json!({"phase": "AfterRollout", "soakSeconds": -1}),
                ".soakSeconds",
            ),
        ];
        for (tool, option, expected) in rows {
            let got = answer(tool, &option);
            assert_eq!(
                got.trim_start_matches("spec.migrations[s]"),
                expected,
                "{option}"
            );
        }
    }

    /// I-41.
    #[test]
    fn files_come_from_a_folder_or_a_config_map_and_not_from_both() {
        let of = |source: Value| answer("Goose", &json!({"source": source}));
        assert_eq!(of(json!({"configMap": "sql"})), "good");
        assert_eq!(
            of(json!({"configMap": "sql", "path": "/m"})),
            "spec.migrations[s].source.configMap"
        );
    }

    /// I-41.
    #[test]
    fn flyway_reads_the_files_as_slipway_does() {
        let of = |name: &str, value: &str| {
            answer("Flyway", &json!({"env": [{"name": name, "value": value}]}))
        };
        assert_eq!(
            [
                of("FLYWAY_ENCODING", "UTF-8"),
                of("FLYWAY_PLACEHOLDER_PREFIX", "@{"),
                of("FLYWAY_ENCODING", "ISO-8859-1"),
                of("FLYWAY_DETECT_ENCODING", "true"),
            ],
            [
                "good",
                "good",
                "spec.migrations[s].env",
                "spec.migrations[s].env"
            ]
        );
    }
}
