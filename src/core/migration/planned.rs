//! Which Migrations a Backend's spec asks for, in order, and the plan key that says whether one was done already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;

use crate::api::backend::{Backend, BackendMigration};
use crate::api::common::{Phase, Tool};
use crate::api::database::{Database, DatabaseSpec};
use crate::api::migration::{MigrationSource, MigrationSpec, OutOfOrder, ReadBack};
use crate::core::hash;

/// One Migration that a Backend asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedMigration {
    /// Name of the entry in `spec.migrations`.
    pub name: String,
    /// Name of the Migration object: the Backend's name and ten characters of the plan key.
    pub object_name: String,
    pub spec: MigrationSpec,
}

impl PlannedMigration {
    /// Whether a release waits for it.
    #[must_use]
    pub fn is_before_rollout(&self) -> bool {
        self.spec.phase == Phase::BeforeRollout
    }
}

/// All that a Backend asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// In the order of `spec.migrations`; two entries that mean the same plan are one.
    pub migrations: Vec<PlannedMigration>,
    /// Databases that entries name and that do not exist; those entries are left out.
    pub missing: BTreeSet<String>,
}

/// Works out the Migrations of a Backend from its spec and the Databases it names.
#[must_use]
pub fn planned(backend: &Backend, databases: &BTreeMap<String, Arc<Database>>) -> Planned {
    let mut planned = Planned::default();
    for entry in &backend.spec.migrations {
        let Some(database_name) = database_of(backend, entry) else {
            continue;
        };
        let Some(database) = databases.get(database_name) else {
            planned.missing.insert(database_name.to_owned());
            continue;
        };
        let migration = plan_one(backend, entry, database_name, &database.spec);
        if !planned
            .migrations
            .iter()
            .any(|other| other.object_name == migration.object_name)
        {
            planned.migrations.push(migration);
        }
    }
    planned
}

/// The Database that an entry is for: the named one, else the Backend's first.
#[must_use]
pub fn database_of<'a>(backend: &'a Backend, entry: &'a BackendMigration) -> Option<&'a str> {
    entry.database.as_deref().or_else(|| {
        backend
            .spec
            .databases
            .first()
            .map(|binding| binding.name.as_str())
    })
}

fn plan_one(
    backend: &Backend,
    entry: &BackendMigration,
    database: &str,
    of: &DatabaseSpec,
) -> PlannedMigration {
    let source = entry.source.clone().unwrap_or_default();
    let source = MigrationSource {
        image: source.image.unwrap_or_else(|| backend.spec.image.clone()),
        path: source.path,
    };
    let mut spec = MigrationSpec {
        backend: backend.name_any(),
        name: entry.name.clone(),
        database: database.to_owned(),
        tool: entry.tool,
        phase: entry.phase.unwrap_or(Phase::BeforeRollout),
        soak_seconds: entry.soak_seconds,
        source,
        target: entry.target.clone(),
        options: entry.options.clone(),
        plan_key: String::new(),
    };
    spec.plan_key = plan_key(&spec, of);
    PlannedMigration {
        name: entry.name.clone(),
        object_name: format!("{}-{}", backend.name_any(), hash::short(&spec.plan_key, 10)),
        spec,
    }
}

/// Hash of everything that makes it another plan: tool, source as written, target, phase, options, the database's identity. No password, no
/// generation, no name of Backend or entry: the same files on the same database are the same plan, whoever asks. Nor how long and how often
/// it is tried and where the tool lies: what was done stays done when those change.
fn plan_key(spec: &MigrationSpec, database: &DatabaseSpec) -> String {
    let identity = identity(database);
    // How a program of one's own is read back may be said later, when it has run.
    let table = match spec.tool {
        Tool::Exec => spec.options.version_table.as_deref().unwrap_or(""),
        Tool::Goose | Tool::GolangMigrate | Tool::Flyway => version_table(spec),
    };
    let mut parts = vec![
        "tool",
        spec.tool.word(),
        "version table",
        table,
        "source",
        &spec.source.image,
        spec.source.path.as_deref().unwrap_or(""),
        "target",
        spec.target.as_deref().unwrap_or(""),
        "phase",
        spec.phase.word(),
        "database",
        &identity,
    ];
    // What is not said is no part, so that a field that is new to Slipway changes no key.
    let environment = serde_json::to_string(&spec.options.env).unwrap_or_default();
    if !spec.options.env.is_empty() {
        parts.extend(["env", &environment]);
    }
    if !spec.options.command.is_empty() {
        parts.push("command");
        parts.extend(spec.options.command.iter().map(String::as_str));
    }
    if spec.options.out_of_order == Some(OutOfOrder::Allow) {
        parts.extend(["out of order", "Allow"]);
    }
    hash::of_parts(parts)
}

/// Hash of where a database is: engine, host, port, name. Fits a label.
#[must_use]
pub fn identity(database: &DatabaseSpec) -> String {
    let port = port(database).to_string();
    hash::of_parts([
        database.engine.word(),
        &database.host,
        &port,
        &database.name,
    ])
}

/// The port in force: as written, else the engine's own.
#[must_use]
pub fn port(database: &DatabaseSpec) -> i32 {
    database.port.unwrap_or(database.engine.port())
}

/// The tool's version table: the named one, else the tool's own. Empty: none that we know of, so nothing marks it.
#[must_use]
pub fn version_table(spec: &MigrationSpec) -> &str {
    let read = match spec.tool {
        Tool::Goose => Some(ReadBack::Goose),
        Tool::GolangMigrate => Some(ReadBack::GolangMigrate),
        Tool::Flyway => Some(ReadBack::Flyway),
        Tool::Exec => spec.options.read_back,
    };
    let own = match read {
        Some(ReadBack::Goose) => "goose_db_version",
        Some(ReadBack::GolangMigrate) => "schema_migrations",
        Some(ReadBack::Flyway) => "flyway_schema_history",
        None => "",
    };
    spec.options.version_table.as_deref().unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Planned, planned, version_table};
    use crate::api::backend::Backend;
    use crate::api::database::Database;

    fn backend(migrations: &Value, image: &str) -> Backend {
        serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "orders", "namespace": "team-a"},
            "spec": {"image": image, "databases": [{"name": "orders-db"}], "migrations": migrations},
        }))
        .expect("a valid Backend")
    }

    fn databases(host: &str) -> BTreeMap<String, Arc<Database>> {
        let database: Database = serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "orders-db", "namespace": "team-a"},
            "spec": {"engine": "PostgreSQL", "host": host, "name": "orders", "credentials": {"secret": "orders-db-app"}},
        }))
        .expect("a valid Database");
        BTreeMap::from([("orders-db".to_owned(), Arc::new(database))])
    }

    /// The entry `schema` with options.
    fn with(options: Value) -> Value {
        let mut entry =
            json!({"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}});
        if let (Some(entry), Value::Object(options)) = (entry.as_object_mut(), options) {
            entry.extend(options);
        }
        json!([entry])
    }

    fn names(planned: &Planned) -> Vec<String> {
        planned
            .migrations
            .iter()
            .map(|migration| migration.object_name.clone())
            .collect()
    }

    #[test]
    fn the_same_files_on_the_same_database_are_the_same_plan_and_anything_else_is_another() {
        let entry = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}]);
        let renamed =
            json!([{"name": "tables", "tool": "Goose", "source": {"path": "/migrations"}}]);
        let target = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}, "target": "7"}]);
        let path = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/sql"}}]);
        let first = names(&planned(&backend(&entry, "orders:1"), &databases("db")));
        assert_eq!(
            first,
            names(&planned(&backend(&renamed, "orders:1"), &databases("db")))
        );
        for other in [
            planned(&backend(&entry, "orders:2"), &databases("db")),
            planned(&backend(&target, "orders:1"), &databases("db")),
            planned(&backend(&path, "orders:1"), &databases("db")),
            planned(
                &backend(&with(json!({"versionTable": "audit.v"})), "orders:1"),
                &databases("db"),
            ),
            planned(
                &backend(&with(json!({"outOfOrder": "Allow"})), "orders:1"),
                &databases("db"),
            ),
            planned(
                &backend(
                    &with(json!({"env": [{"name": "A", "value": "1"}]})),
                    "orders:1",
                ),
                &databases("db"),
            ),
            planned(&backend(&entry, "orders:1"), &databases("elsewhere")),
        ] {
            assert_ne!(first, names(&other));
        }
    }

    /// migrations.md 4.2: what was done stays done, and what is written out means the same as what is left out.
    #[test]
    fn what_only_says_how_it_is_run_makes_no_other_plan() {
        let plan = |options: Value| {
            names(&planned(
                &backend(&with(options), "orders:1"),
                &databases("db"),
            ))
        };
        for same in [
            json!({"versionTable": "goose_db_version"}),
            json!({"outOfOrder": "Refuse"}),
            json!({"env": []}),
            json!({"toolPath": "/goose"}),
            json!({"timeouts": {"runSeconds": 7200}}),
            json!({"retry": {"attempts": 1}}),
        ] {
            assert_eq!(plan(same.clone()), plan(json!({})), "{same}");
        }
    }

    #[test]
    fn a_program_is_known_by_its_words_and_how_it_is_read_back_may_be_said_later() {
        let plan = |options: Value| {
            let mut entry =
                json!({"name": "schema", "tool": "Exec", "command": ["/app", "migrate"]});
            if let (Some(entry), Value::Object(options)) = (entry.as_object_mut(), options) {
                entry.extend(options);
            }
            let planned = planned(&backend(&json!([entry]), "orders:1"), &databases("db"));
            let table = planned
                .migrations
                .first()
                .map(|migration| version_table(&migration.spec).to_owned());
            (names(&planned), table.unwrap_or_default())
        };
        let (first, table) = plan(json!({}));
        assert_eq!(table, "");
        let (same, table) = plan(json!({"readBack": "Goose", "idempotent": true}));
        assert_eq!((same, table.as_str()), (first.clone(), "goose_db_version"));
        assert_ne!(first, plan(json!({"command": ["/app migrate"]})).0);
    }

    #[test]
    fn an_entry_whose_database_is_missing_is_named_and_left_out() {
        let entry = json!([{"name": "schema", "tool": "Goose", "database": "audit", "source": {"path": "/migrations"}}]);
        let planned = planned(&backend(&entry, "orders:1"), &databases("db"));
        assert_eq!(
            (
                planned.migrations.len(),
                planned.missing.into_iter().collect::<Vec<_>>()
            ),
            (0, vec!["audit".to_owned()])
        );
    }

    #[test]
    fn two_entries_that_mean_the_same_plan_run_once() {
        let twice = json!([
            {"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}},
            {"name": "again", "tool": "Goose", "source": {"path": "/migrations"}},
        ]);
        assert_eq!(
            planned(&backend(&twice, "orders:1"), &databases("db"))
                .migrations
                .len(),
            1
        );
    }
}
