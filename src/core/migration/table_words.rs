//! How a tool's own command, typed by a person, is told a version table that is not the tool's default. Without that word `force` would make a
//! second table, and `repair` would look at none. Pure.

use super::dsn::percent;
use crate::api::migration::MigrationSpec;

/// What stands for the database's URL in a command of golang-migrate.
#[must_use]
pub fn golang_migrate_url(spec: &MigrationSpec) -> String {
    match spec.options.version_table.as_deref() {
        None => "URL".to_owned(),
        Some(table) if table.contains('.') => {
            let quoted: Vec<String> = table.split('.').map(|part| format!("\"{part}\"")).collect();
            let table = percent(&quoted.join("."));
            format!("'URL?x-migrations-table={table}&x-migrations-table-quoted=true'")
        }
        Some(table) => format!("'URL?x-migrations-table={table}'"),
    }
}

/// The arguments of Flyway that name schema and table, each after a blank; nothing for its own.
#[must_use]
pub fn flyway_arguments(spec: &MigrationSpec) -> String {
    let named = spec.options.version_table.as_deref();
    let (schema, table) = match named.map(|name| name.split_once('.').ok_or(name)) {
        None => (schema_of_environment(spec), None),
        Some(Err(table)) => (schema_of_environment(spec), Some(table)),
        Some(Ok((schema, table))) => (Some(schema), Some(table)),
    };
    let schema = schema.map(|schema| format!(" -defaultSchema={schema}"));
    let table = table.map(|table| format!(" -table={table}"));
    schema.into_iter().chain(table).collect()
}

/// As the runner finds it: the schema that the migration's own `env` gives to Flyway. One that comes of a Secret or a ConfigMap is not known here.
fn schema_of_environment(spec: &MigrationSpec) -> Option<&str> {
    let named = |name: &str| {
        let variable = spec.options.env.iter().find(|one| one.name == name)?;
        variable.value.as_deref().filter(|value| !value.is_empty())
    };
    named("FLYWAY_DEFAULT_SCHEMA")
        .or_else(|| named("FLYWAY_SCHEMAS")?.split(',').next())
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{flyway_arguments, golang_migrate_url};
    use crate::api::migration::MigrationSpec;

    fn spec(table: Option<&str>, env: &serde_json::Value) -> MigrationSpec {
        serde_json::from_value(json!({
            "backend": "orders", "name": "schema", "database": "orders-db", "tool": "Flyway", "phase": "BeforeRollout",
            "source": {"image": "orders:1", "path": "/migrations"}, "versionTable": table, "env": env, "planKey": "k",
        }))
        .expect("a spec")
    }

    /// migrations.md 4.5.
    #[test]
    fn a_repair_is_told_the_version_table_that_the_migration_names() {
        let of = |table| golang_migrate_url(&spec(table, &json!([])));
        assert_eq!(
            [None, Some("moves"), Some("audit.moves")].map(of),
            [
                "URL",
                "'URL?x-migrations-table=moves'",
                "'URL?x-migrations-table=%22audit%22.%22moves%22&x-migrations-table-quoted=true'",
            ]
        );
        let of = |table| flyway_arguments(&spec(table, &json!([])));
        assert_eq!(
            [None, Some("moves"), Some("audit.moves")].map(of),
            ["", " -table=moves", " -defaultSchema=audit -table=moves"]
        );
        let by = |name: &str| {
            flyway_arguments(&spec(None, &json!([{"name": name, "value": "audit, b"}])))
        };
        assert_eq!(by("FLYWAY_SCHEMAS"), " -defaultSchema=audit");
        assert_eq!(by("FLYWAY_TABLE"), "");
    }
}
