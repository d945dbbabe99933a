//! `slipway render`: the objects that the operator would make of these manifests, offline and by the very code of the operator. What only a
//! cluster gives (uids, generations, resourceVersions) is empty or left out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::{self, Document};
use super::images::ImageArguments;
use super::{Answer, print, yaml};
use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode};
use crate::api::migration::Migration;
use crate::core::backend::{Missing, Seen, databases_of, render};
use crate::core::config_map::ConfigMapDigest;
use crate::core::migration::build::attempt::Attempt;
use crate::core::migration::build::job::job;
use crate::core::settings::Settings;

#[derive(Args, Debug)]
pub(super) struct RenderArguments {
    /// File with Backends, Databases and ConfigMaps; `-` is standard input; may be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Further file with Databases; may be given several times
    #[arg(long = "database", value_name = "FILE")]
    databases: Vec<PathBuf>,
    /// Namespace of what names none
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// How the objects are written
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml")]
    output: Format,
    #[command(flatten)]
    images: ImageArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Prints the objects (0), or what is wrong with the manifests (1).
pub(super) fn execute(arguments: &RenderArguments) -> anyhow::Result<ExitCode> {
    let mut read = Vec::new();
    for file in arguments.files.iter().chain(&arguments.databases) {
        read.extend(documents::read(file)?);
    }
    let complaints: Vec<String> = read.iter().flat_map(Document::complaints).collect();
    if !complaints.is_empty() {
        return Ok(refuse(&complaints));
    }
    let given = Given::of(&read, &arguments.namespace)?;
    let (objects, faults) = given.render(&settings(arguments));
    if !faults.is_empty() {
        return Ok(refuse(&faults));
    }
    print(&text(&objects, arguments.output))
}

fn refuse(faults: &[String]) -> ExitCode {
    for fault in faults {
        eprintln!("{fault}");
    }
    Answer::No.into()
}

fn settings(arguments: &RenderArguments) -> Arc<Settings> {
    Arc::new(Settings {
        images: arguments.images.clone().into(),
        ..Settings::default()
    })
}

fn text(objects: &[Value], format: Format) -> String {
    match format {
        Format::Yaml => objects
            .iter()
            .flat_map(|object| ["---\n".to_owned(), yaml::document(object)])
            .collect(),
        Format::Json => {
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
            format!("{list:#}\n")
        }
    }
}

/// Namespace and name.
type Place = (String, String);

/// What the manifests hold, by kind.
#[derive(Default)]
struct Given {
    backends: Vec<Backend>,
    databases: BTreeMap<Place, Arc<Database>>,
    config_maps: BTreeMap<Place, Arc<ConfigMapDigest>>,
}

impl Given {
    fn of(documents: &[Document], namespace: &str) -> anyhow::Result<Self> {
        let mut given = Self::default();
        for document in documents {
            let document = in_namespace(document, namespace);
            let place = (
                document.text("/metadata/namespace").to_owned(),
                document.text("/metadata/name").to_owned(),
            );
            match (document.text("/apiVersion"), document.text("/kind")) {
                ("slipway.dev/v1alpha1", "Backend") => given.backends.push(decode(&document)?),
                ("slipway.dev/v1alpha1", "Database") => {
                    given.databases.insert(place, Arc::new(decode(&document)?));
                }
                ("v1", "ConfigMap") => {
                    let config_map: ConfigMap = decode(&document)?;
                    given
                        .config_maps
                        .insert(place, Arc::new(ConfigMapDigest::of(&config_map)));
                }
                _ => {}
            }
        }
        if given.backends.is_empty() {
            anyhow::bail!(
                "no Backend in the files given by -f; it has apiVersion slipway.dev/v1alpha1 and kind Backend"
            );
        }
        Ok(given)
    }

    /// All objects of all Backends, and what keeps one from being rendered.
    fn render(&self, settings: &Arc<Settings>) -> (Vec<Value>, Vec<String>) {
        let (mut objects, mut faults) = (Vec::new(), Vec::new());
        for backend in &self.backends {
            let seen = self.seen(backend, settings);
            let title = format!("Backend {}", seen.name());
            match render(&seen) {
                Err(invalid) => {
                    faults.push(format!(
                        "{title}: {}: {}. {}",
                        invalid.field, invalid.fault, invalid.remedy
                    ));
                }
                Ok(rendered) => {
                    faults.extend(
                        rendered
                            .missing
                            .as_ref()
                            .map(|missing| format!("{title}: {}", told(missing))),
                    );
                    for problem in &rendered.problems {
                        eprintln!("{title}: {} {}", problem.code, problem.message);
                    }
                    for object in rendered.objects {
                        let job = migration_job(&object, &seen);
                        objects.push(object);
                        objects.extend(job);
                    }
                }
            }
        }
        (objects, faults)
    }

    fn seen(&self, backend: &Backend, settings: &Arc<Settings>) -> Seen {
        let namespace = backend.metadata.namespace.clone().unwrap_or_default();
        let bound = databases_of(backend).into_iter().filter_map(|name| {
            let database = self.databases.get(&(namespace.clone(), name.clone()))?;
            Some((name, Arc::clone(database)))
        });
        let here = self
            .config_maps
            .iter()
            .filter(|((of, _), _)| *of == namespace);
        Seen {
            databases: bound.collect(),
            config_maps: here
                .map(|((_, name), digest)| (name.clone(), Arc::clone(digest)))
                .collect(),
            settings: Arc::clone(settings),
            ..Seen::alone(backend.clone())
        }
        .with_plan()
    }
}

/// The document with a namespace, if it named none.
fn in_namespace(document: &Document, namespace: &str) -> Document {
    let mut document = document.clone();
    if let Some(metadata) = document
        .object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
    {
        metadata
            .entry("namespace")
            .or_insert_with(|| Value::from(namespace));
    }
    document
}

fn decode<K: DeserializeOwned>(document: &Document) -> anyhow::Result<K> {
    serde_json::from_value(document.object.clone())
        .with_context(|| format!("{}: {}", document.file.display(), document.title()))
}

/// The first Job of a child Migration, as it is made: suspended. Nothing for other objects.
fn migration_job(object: &Value, seen: &Seen) -> Option<Value> {
    if object.get("kind")? != "Migration" {
        return None;
    }
    let migration: Migration = serde_json::from_value(object.clone()).ok()?;
    let database = seen.databases.get(&migration.spec.database)?;
    Some(job(&Attempt {
        known: None,
        may_have_run: false,
        migration: &migration,
        spec: &migration.spec,
        backend: &seen.backend,
        database,
        settings: &seen.settings,
        term: "",
        number: 1,
        mode: RunMode::Run,
        lists: false,
        approved: None,
    }))
}

/// What to hand to the command besides.
fn told(missing: &Missing) -> String {
    match missing {
        Missing::Database { name } | Missing::DatabaseTerminating { name } => {
            format!("Database {name} is in none of the files. Next: add --database FILE")
        }
        Missing::ConfigMap {
            name,
            key: None,
            field,
        } => {
            format!("{field}: ConfigMap {name} is in none of the files. Next: add -f FILE")
        }
        Missing::ConfigMap {
            name,
            key: Some(key),
            field,
        } => {
            format!("{field}: ConfigMap {name} has no key {key}. Add the key, or name another")
        }
    }
}
