//! Warnings about a spec: they stop nothing, and stand in `status.problems`.

use std::collections::BTreeSet;

use super::build::SLIPWAY_VARIABLES;
use super::resolved::{ResolvedBackend, VariableValue};
use super::seen::Seen;
use crate::api::backend::{
    BackendMigration, BackendMigrationSource, BackendSpec, MOST_PROBLEMS, Problem,
};
use crate::api::common::{Engine, Phase, Tool};
use crate::api::ports::Protocol;
use crate::core::migration::message::clean;
use crate::core::migration::planned::database_of;
use crate::core::migration::program::has_own_user;

/// Below this a memory amount without a unit was hardly meant in bytes: one mebibyte.
const FEW_BYTES: i128 = 1 << 20;

/// Longest name of a variable in a warning, bytes. Slipway takes names of at most 128, so a longer one is a slip of the pen.
const LONGEST_NAME: usize = 128;

/// All warnings, in the order of the spec's fields; at most [`MOST_PROBLEMS`].
#[must_use]
pub fn problems(seen: &Seen, backend: &ResolvedBackend) -> Vec<Problem> {
    let spec = &seen.backend.spec;
    let mut problems = Vec::new();
    problems.extend(image("spec.image", &spec.image));
    for migration in &spec.migrations {
        // Of a ConfigMap's files the image holds the tool only: no plan hangs on it.
        let holds_plan = |source: &&BackendMigrationSource| {
            source.config_map.is_none() || migration.tool == Tool::Exec
        };
        let source = migration.source.as_ref().filter(holds_plan);
        if let Some(reference) = source.and_then(|source| source.image.as_ref()) {
            problems.extend(image(
                &format!("spec.migrations[{}].source.image", migration.name),
                reference,
            ));
        }
    }
    problems.extend(nothing_left_for_later(spec));
    problems.extend(sessions_without_a_mark(seen));
    let unknown = unknown_variables(backend);
    let total = problems.len() + unknown.len();
    problems.extend(unknown.iter().take(MOST_PROBLEMS).map(unknown_variable));
    let others = memory_without_unit(spec)
        .into_iter()
        .chain(no_probe(backend));
    let others: Vec<Problem> = others.collect();
    let total = total + others.len();
    problems.extend(others);
    bounded(problems, total)
}

/// The first of them; the last one says how many more of `total` there are.
fn bounded(mut problems: Vec<Problem>, total: usize) -> Vec<Problem> {
    if total > MOST_PROBLEMS {
        problems.truncate(MOST_PROBLEMS - 1);
        let more = total - problems.len();
        let message = format!("and {more} more; correct those above, and the next ones are shown");
        problems.push(warning("SLP0100", "spec", message));
    }
    problems
}

fn warning(code: &str, path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem {
        code: code.to_owned(),
        path: path.into(),
        severity: "warning".to_owned(),
        message: message.into(),
    }
}

/// A tag may be moved; what runs then is not what was migrated for.
fn image(path: &str, reference: &str) -> Option<Problem> {
    if reference.contains('@') {
        return None;
    }
    let message = format!("{path} has no digest; a moved tag runs code that was not migrated");
    Some(warning("SLP0104", path, message))
}

/// An entry without a target runs all files of its folder, those meant for after the rollout too.
fn nothing_left_for_later(spec: &BackendSpec) -> Vec<Problem> {
    let is_late = |entry: &&BackendMigration| entry.phase == Some(Phase::AfterRollout);
    let pairs = spec.migrations.iter().filter(is_late).filter_map(|late| {
        let early = spec.migrations.iter().find(|early| {
            !is_late(early)
                && early.target.is_none()
                && early.database == late.database
                && early.tool == late.tool
                && early.source == late.source
        })?;
        Some((early, late))
    });
    pairs
        .map(|(early, late)| {
            let path = format!("spec.migrations[{}].target", early.name);
            let message = format!(
                "{path} is absent, so {} runs all files before the rollout and leaves none to {}; name the last version that old code can work with",
                early.name, late.name
            );
            warning("SLP0109", path, message)
        })
        .collect()
}

/// On MySQL a session of a killed program that is still at work bears no mark of the run, as those of the known tools do: only a user of its
/// own tells it from the pods'. Without one no attempt follows by itself on one that did not come to its own end, idempotent or not.
fn sessions_without_a_mark(seen: &Seen) -> Vec<Problem> {
    let programs = seen.backend.spec.migrations.iter();
    programs
        .filter(|entry| entry.tool == Tool::Exec)
        .filter_map(|entry| Some((entry, database_of(&seen.backend, entry)?)))
        .filter(|(_, database)| {
            seen.databases.get(*database).is_some_and(|database| {
                database.spec.engine == Engine::MySQL
                    && !has_own_user(&database.spec)
            })
        })
        .map(|(entry, database)| {
            let path = format!("spec.migrations[{}]", entry.name);
            let message = format!(
                "{path}: on MySQL nothing but its own user tells a killed program's session from those of pods, so a program that was killed or cut off is left to a person, even an idempotent one; give database {database} spec.migrationCredentials"
            );
            warning("SLP0110", path, message)
        })
        .collect()
}

/// `128` is a hundred and twenty-eight bytes.
fn memory_without_unit(spec: &BackendSpec) -> Vec<Problem> {
    let Some(resources) = &spec.resources else {
        return Vec::new();
    };
    [
        ("requests", &resources.requests),
        ("limits", &resources.limits),
    ]
    .into_iter()
    .filter_map(|(part, amounts)| {
        let text = &amounts.get("memory")?.0;
        let bytes: i128 = text.parse().ok()?;
        let path = format!("spec.resources.{part}.memory");
        let message = format!("{path}: {text} is a number of bytes; did you mean {text}Mi?");
        (bytes < FEW_BYTES).then(|| warning("SLP0105", path, message))
    })
    .collect()
}

/// A variable and a name that its value refers to and that is not known.
type Unknown<'a> = (&'a str, &'a str);

/// `$(NAME)` resolves to a variable before it in `env`, and to nothing else; an unknown one stays as it is written. Each name once a variable,
/// however often it is there: a value of 32 KiB has room for 8,000.
fn unknown_variables(backend: &ResolvedBackend) -> Vec<Unknown<'_>> {
    let mut known: BTreeSet<String> = SLIPWAY_VARIABLES
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    for binding in &backend.bindings {
        known.extend(binding.variable_names());
    }
    let mut unknown = Vec::new();
    for variable in &backend.environment {
        if let VariableValue::Plain(value) = &variable.value {
            let mut named = BTreeSet::new();
            let first = references(value).filter(|name| named.insert(*name));
            let first = first.filter(|name| !known.contains(*name));
            unknown.extend(first.map(|name| (variable.name.as_str(), name)));
        }
        known.insert(variable.name.clone());
    }
    unknown
}

fn unknown_variable((variable, name): &Unknown<'_>) -> Problem {
    let path = format!("spec.env[{variable}]");
    let name = clean(name, LONGEST_NAME);
    let message = format!("{path}: $({name}) is not defined before it and stays as it is written");
    warning("SLP0106", path, message)
}

/// The names in `$(NAME)`; `$$(NAME)` is an escape.
fn references(value: &str) -> impl Iterator<Item = &str> {
    let plain = value
        .split("$$")
        .enumerate()
        .map(|(index, part)| match index {
            0 => part,
            _ => part.strip_prefix('(').unwrap_or(part),
        });
    plain
        .flat_map(|part| part.split("$(").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(name, _)| name))
}

/// Nothing can ask a UDP port whether it is ready.
fn no_probe(backend: &ResolvedBackend) -> Option<Problem> {
    let port = backend
        .ports
        .first()
        .filter(|port| port.protocol == Protocol::UDP)?;
    if backend.probes.readiness.is_some() {
        return None;
    }
    let message = format!(
        "port {} speaks UDP, so pods count as ready once they run; give spec.probes.readiness a command",
        port.name
    );
    Some(warning("SLP0108", "spec.probes.readiness", message))
}

#[cfg(test)]
mod tests {
    use super::references;

    #[test]
    fn references_are_found_and_escapes_are_none() {
        let found: Vec<&str> =
            references("postgres://$(PGHOST):$(PGPORT)/$$(NOT)/$(LAST").collect();
        assert_eq!(found, ["PGHOST", "PGPORT"]);
    }
}
