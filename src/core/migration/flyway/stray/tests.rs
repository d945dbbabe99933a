//! What is refused of a file or a variable, and what passes.

use std::collections::BTreeMap;

use super::{Place, stray};

const PUBLIC: Place = Place {
    schema: Some("public"),
    schema_is_named: false,
    table: "flyway_schema_history",
};

/// What is said of a file of this name, beside these variables.
fn said_beside(variables: &[(&str, &str)], file: (&str, &str), place: &Place) -> Option<String> {
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let files = [(file.0.to_owned(), file.1.to_owned())];
    stray(place, &variables, &files)
}

/// The key that is refused.
fn key(file: (&str, &str), place: &Place) -> Option<String> {
    let said = said_beside(&[], file, place)?;
    let what = said.split([':', '=']).next()?.trim();
    what.strip_prefix(file.0)?
        .strip_prefix(", ")
        .map(str::to_owned)
}

fn toml(text: &str) -> (&str, &str) {
    ("flyway.toml", text)
}

fn conf(text: &str) -> (&str, &str) {
    ("flyway.conf", text)
}

#[test]
fn what_would_move_the_history_table_is_found_in_either_form_of_a_file() {
    for (file, expected) in [
        (conf("flyway.defaultSchema=audit\n"), "flyway.defaultSchema"),
        (conf("flyway.schemas = audit, public\n"), "flyway.schemas"),
        (conf("flyway.schemas=\\\n  audit\n"), "flyway.schemas"),
        (conf("flyway.table=moves"), "flyway.table"),
        (conf("flyway.table: moves"), "flyway.table"),
        (
            conf("flyway.placeholders.folder=C:\\sql\\\nflyway.table=moves"),
            "flyway.table",
        ),
        (
            conf("flyway.jdbcProperties.currentSchema=audit"),
            "flyway.jdbcProperties.currentSchema",
        ),
        (
            conf("flyway.initSql=SET search_path TO audit"),
            "flyway.initSql",
        ),
        (
            toml("[flyway]\n# why\ndefaultSchema = 'audit' # so\n"),
            "flyway.defaultSchema",
        ),
        (
            toml("[environments.default]\nschemas = [\n  \"audit\",\n  \"public\"\n]\n"),
            "environments.default.schemas",
        ),
        (
            toml("environments = { default = { schemas = [\"audit\"] } }\n"),
            "environments.default.schemas",
        ),
        (toml("flyway.\"table\" = \"moves\""), "flyway.table"),
        (
            toml("[flyway]\ninitSql = \"\"\"\nSET search_path\nTO audit\"\"\"\n"),
            "flyway.initSql",
        ),
        (
            toml("[environments.default.flyway.placeholders]\nowner = \"app\""),
            "environments.default.flyway.placeholders.owner",
        ),
        (
            toml("[environments.default]\ninitSql = \"SET ROLE owner\""),
            "environments.default.initSql",
        ),
    ] {
        assert_eq!(key(file, &PUBLIC).as_deref(), Some(expected), "{file:?}");
    }
}

#[test]
fn what_says_the_same_as_slipway_or_nothing_of_it_passes() {
    for file in [
        conf(""),
        conf("# flyway.defaultSchema=audit\n"),
        conf("flyway.schemas=public,audit\nflyway.table=flyway_schema_history\n"),
        conf("flyway.placeholders.table=x\nflyway.placeholders.schemas=audit\n"),
        conf("flyway.table=\nflyway.defaultSchema=\nflyway.schemas=\n"),
        toml("[flyway]\nschemas = []\ntable = \"\"\n"),
        toml("[flyway]\ndefaultSchema = \"public\"\n"),
        toml("[environments.default]\nurl = \"jdbc:x\"\nuser = 'x'\nschemas = [\"public\"]\n"),
        toml("[flyway.placeholders]\nname = \"a\"\ntable = \"b\"\n"),
        toml("table = \"moves\"\n[other]\nschemas = \"audit\"\n"),
        // Slipway says otherwise, whoever says it.
        toml("[environments.default.flyway]\nskipExecutingMigrations = true\noutOfOrder = true\n"),
        // Flyway refuses it itself.
        toml("[flyway\n"),
    ] {
        assert_eq!(said_beside(&[], file, &PUBLIC), None, "{file:?}");
    }
    let named = Place {
        schema_is_named: true,
        table: "moves",
        ..PUBLIC
    };
    let file = conf("flyway.defaultSchema=audit\nflyway.table=x\n");
    assert_eq!(said_beside(&[], file, &named), None);
}

#[test]
fn an_environment_that_nobody_chooses_is_passed_over() {
    let prod = "[environments.prod]\ninitSql = \"SET ROLE owner\"\n";
    assert_eq!(key(toml(prod), &PUBLIC), None);
    let chosen = format!("{prod}[flyway]\nenvironment = \"prod\"\n");
    let refused = Some("environments.prod.initSql".to_owned());
    assert_eq!(key(toml(&chosen), &PUBLIC), refused);
    let by_variable = [("FLYWAY_ENVIRONMENT", "prod")];
    assert!(said_beside(&by_variable, toml(prod), &PUBLIC).is_some());
}

#[test]
fn what_an_environment_says_passes_once_the_migration_says_it_itself() {
    for (text, variable) in [
        (
            "[environments.default]\ninitSql = \"SET ROLE owner\"",
            "FLYWAY_INIT_SQL",
        ),
        (
            "[environments.default.jdbcProperties]\ntcpKeepAlive = \"true\"",
            "FLYWAY_JDBC_PROPERTIES_TCPKEEPALIVE",
        ),
        (
            "[environments.default.flyway.placeholders]\nowner = \"app\"",
            "FLYWAY_PLACEHOLDERS_OWNER",
        ),
        (
            "[environments.default.flyway]\nbaselineOnMigrate = true",
            "FLYWAY_BASELINE_ON_MIGRATE",
        ),
    ] {
        let refused = said_beside(&[], toml(text), &PUBLIC).unwrap_or_default();
        assert!(refused.contains(variable), "{refused}");
        assert_eq!(said_beside(&[(variable, "x")], toml(text), &PUBLIC), None);
    }
}

/// I-39: what a setting says may be a password, a token, or a statement with one.
#[test]
fn of_a_refused_setting_only_the_name_of_a_schema_or_table_is_shown() {
    let secret = "s3cr3t-canary";
    for text in [
        format!("[environments.default.jdbcProperties]\npassword = \"{secret}\""),
        format!("[environments.default.jdbcProperties]\naccessToken = \"{secret}\""),
        format!("[environments.default]\ninitSql = \"SET x.token = '{secret}'\""),
        format!("[environments.default.flyway]\nvault.token = \"{secret}\""),
        format!("[flyway]\ninitSql = \"SET search_path TO a; SET x.token = '{secret}'\""),
    ] {
        let said = said_beside(&[], toml(&text), &PUBLIC).expect("it is refused");
        assert!(!said.contains(secret), "{said}");
    }
    let variable = [(
        "FLYWAY_INIT_SQL",
        "SET search_path TO a; SET t = 's3cr3t-canary'",
    )];
    let said = said_beside(&variable, conf(""), &PUBLIC).expect("it is refused");
    assert!(!said.contains(secret), "{said}");
    assert_eq!(
        said_beside(&[], conf("flyway.schemas=audit,b"), &PUBLIC).as_deref(),
        Some(
            "flyway.conf, flyway.schemas = audit,b: Slipway would have Flyway work in schema public; name one: \
             env FLYWAY_DEFAULT_SCHEMA of the migration"
        )
    );
}

#[test]
fn variables_that_win_over_ours_or_name_another_place_are_refused() {
    let is_refused = |name, value| said_beside(&[(name, value)], conf(""), &PUBLIC).is_some();
    let refused = [
        ("flyway_table", "a"),
        ("environments_default_url", "a"),
        ("FLYWAY_TABLE", "moves"),
        ("FLYWAY_INIT_SQL", "set Search_Path to a"),
    ];
    assert_eq!(
        refused.map(|(name, value)| is_refused(name, value)),
        [true; 4]
    );
    let taken = [
        ("FLYWAYS", "a"),
        ("FLYWAY_TABLE", "flyway_schema_history"),
        ("FLYWAY_INIT_SQL", "SET ROLE a"),
        ("FLYWAY_TARGET", "3"),
    ];
    assert_eq!(
        taken.map(|(name, value)| is_refused(name, value)),
        [false; 4]
    );
}
