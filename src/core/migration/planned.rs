//! Which Migrations a Backend's spec asks for, in order, and the plan key that says whether one was done already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;

use crate::api::backend::{Backend, BackendMigration};
use crate::api::common::{Phase, Tool};
use crate::api::database::{Database, DatabaseSpec};
use crate::api::migration::{MigrationSource, MigrationSpec, OutOfOrder, ReadBack};
use crate::core::config_map::ConfigMapDigest;
use crate::core::hash;
use crate::core::migration::flyway::settings::HISTORY_TABLE;

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
    /// In the order of `spec.migrations`; two entries that mean the same plan are one, with the stricter approval.
    pub migrations: Vec<PlannedMigration>,
    /// Databases that entries name and that do not exist; those entries are left out.
    pub missing: BTreeSet<String>,
    /// ConfigMaps that entries take their files from and that do not exist, in the order of the entries; those are left out.
    pub missing_files: Vec<MissingFiles>,
}

/// A ConfigMap that is not there, so that nobody can say which plan is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingFiles {
    /// Name of the entry in `spec.migrations`.
    pub entry: String,
    pub phase: Phase,
    pub config_map: String,
    /// How many of the planned migrations come before it.
    pub after: usize,
}

/// Works out the Migrations of a Backend from its spec, the Databases it names and the ConfigMaps that hold files.
#[must_use]
pub fn planned(
    backend: &Backend,
    databases: &BTreeMap<String, Arc<Database>>,
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
) -> Planned {
    let mut planned = Planned::default();
    for entry in &backend.spec.migrations {
        let Some(database_name) = database_of(backend, entry) else {
            continue;
        };
        let Some(database) = databases.get(database_name) else {
            planned.missing.insert(database_name.to_owned());
            continue;
        };
        let source = match source_of(backend, entry, config_maps) {
            Ok(source) => source,
            Err(config_map) => {
                planned.missing_files.push(MissingFiles {
                    entry: entry.name.clone(),
                    phase: phase_of(entry),
                    config_map,
                    after: planned.migrations.len(),
                });
                continue;
            }
        };
        let migration = plan_one(backend, entry, source, database_name, &database.spec);
        let mut before = planned.migrations.iter_mut();
        match before.find(|other| other.object_name == migration.object_name) {
            Some(same) => {
                let approval = &mut same.spec.options.approval;
                *approval = (*approval).max(migration.spec.options.approval);
            }
            None => planned.migrations.push(migration),
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

/// The ConfigMaps that entries take their files from.
pub fn config_maps_of(backend: &Backend) -> impl Iterator<Item = &String> {
    let sources = backend.spec.migrations.iter();
    sources.filter_map(|entry| entry.source.as_ref()?.config_map.as_ref())
}

fn phase_of(entry: &BackendMigration) -> Phase {
    entry.phase.unwrap_or(Phase::BeforeRollout)
}

/// Where the files are, or the ConfigMap that is not there.
fn source_of(
    backend: &Backend,
    entry: &BackendMigration,
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
) -> Result<MigrationSource, String> {
    let source = entry.source.clone().unwrap_or_default();
    let digest = match &source.config_map {
        Some(name) => Some(config_maps.get(name).ok_or(name)?.digest()),
        None => None,
    };
    Ok(MigrationSource {
        image: source.image.unwrap_or_else(|| backend.spec.image.clone()),
        path: source.path,
        config_map: source.config_map,
        digest,
    })
}

fn plan_one(
    backend: &Backend,
    entry: &BackendMigration,
    source: MigrationSource,
    database: &str,
    of: &DatabaseSpec,
) -> PlannedMigration {
    let mut spec = MigrationSpec {
        backend: backend.name_any(),
        name: entry.name.clone(),
        database: database.to_owned(),
        tool: entry.tool,
        phase: phase_of(entry),
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
/// it is tried and where the tool lies: what was done stays done when those change. Of a ConfigMap its data count, not its name, and then the
/// image only as the program of `Exec`.
pub(super) fn plan_key(spec: &MigrationSpec, database: &DatabaseSpec) -> String {
    let identity = identity(database);
    // How a program of one's own is read back may be said later, when it has run.
    let table = match spec.tool {
        Tool::Exec => spec.options.version_table.as_deref().unwrap_or(""),
        Tool::Goose | Tool::GolangMigrate | Tool::Flyway => version_table(spec),
    };
    let image = match (spec.tool, &spec.source.digest) {
        (Tool::Goose | Tool::GolangMigrate | Tool::Flyway, Some(_)) => "",
        _ => spec.source.image.as_str(),
    };
    let mut parts = vec![
        "tool",
        spec.tool.word(),
        "version table",
        table,
        "source",
        image,
        spec.source.path.as_deref().unwrap_or(""),
        "target",
        spec.target.as_deref().unwrap_or(""),
        "phase",
        spec.phase.word(),
        "database",
        &identity,
    ];
    // What is not said is no part, so that a field that is new to Slipway changes no key.
    if let Some(digest) = &spec.source.digest {
        parts.extend(["config map", digest]);
    }
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
        Some(ReadBack::Flyway) => HISTORY_TABLE,
        None => "",
    };
    spec.options.version_table.as_deref().unwrap_or(own)
}

#[cfg(test)]
pub(super) mod tests;
