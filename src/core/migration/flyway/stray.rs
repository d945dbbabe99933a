//! What a file of settings in the image, or a variable, says to Flyway that Slipway does otherwise, and what to do about it.
//!
//! Flyway hears variables before its files, so what Slipway tells it (`settings`) holds. But an environment of `flyway.toml` would win over
//! any variable, and a variable in small letters wins over the same one in capitals. Hence the environment that no file has, and the names
//! that are refused. What a file says of schema and table is overruled, and never without a word: the history of that database may lie there.
//! Of a value only the name of a schema or table is ever shown: all others may be secrets. Pure.

use std::collections::BTreeMap;

use super::settings::{HISTORY_TABLE, is_told};

/// The environment that Flyway would hear where nobody chooses one.
const DEFAULT_ENVIRONMENT: &str = "default";

/// Where Slipway looks, and whether the migration itself says so: then a file is overruled knowingly.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub schema: Option<&'a str>,
    pub schema_is_named: bool,
    pub table: &'a str,
}

/// One thing that somebody said.
struct Setting {
    /// Who says it, in words.
    said_by: String,
    /// The environment of the file to which it belongs.
    environment: Option<String>,
    /// Whether it is one of Flyway's own; an environment has others, of the connection.
    is_of_flyway: bool,
    /// What Flyway calls it, without `flyway.`. Example: `jdbcProperties.currentSchema`.
    name: String,
    value: String,
}

/// The first setting that Slipway does otherwise, and the remedy. `variables`: those of the runner, without empty ones. `files`: path and text
/// of each file of settings.
#[must_use]
pub fn stray(
    place: &Place,
    variables: &BTreeMap<String, String>,
    files: &[(String, String)],
) -> Option<String> {
    let refused = variables.keys().find_map(|name| refused_variable(name));
    let of_variables = || {
        of_variables(variables)
            .into_iter()
            .find_map(|setting| told(&setting, remedy(&setting, place)))
    };
    refused.or_else(of_variables).or_else(|| {
        let settings = of_files(files);
        let chosen = chosen_environment(variables, &settings);
        let mut heard = settings.iter().filter(|setting| {
            let environment = setting.environment.as_ref();
            environment.is_none_or(|environment| *environment == chosen)
        });
        heard.find_map(|setting| {
            let unheard = || unheard(setting, variables);
            told(setting, remedy(setting, place).or_else(unheard))
        })
    })
}

/// A variable that would win over ours: Flyway takes the small letters first.
fn refused_variable(name: &str) -> Option<String> {
    let is_newer = name.starts_with("flyway_") || name.starts_with("environments_");
    is_newer.then(|| {
        format!(
            "variable {name}: Flyway would hear it before what Slipway says; remove it, or write it as FLYWAY_..., in capitals"
        )
    })
}

/// Those variables in capitals for which Slipway has a word of its own, or that lead elsewhere by a statement.
fn of_variables(variables: &BTreeMap<String, String>) -> Vec<Setting> {
    let named = [("FLYWAY_TABLE", "table"), ("FLYWAY_INIT_SQL", "initSql")];
    let said = named.iter().filter_map(|(variable, name)| {
        Some(Setting {
            said_by: format!("variable {variable}"),
            environment: None,
            is_of_flyway: true,
            name: (*name).to_owned(),
            value: variables.get(*variable)?.clone(),
        })
    });
    said.collect()
}

/// All that the files say, but for what is empty: Flyway takes that for unsaid.
fn of_files(files: &[(String, String)]) -> Vec<Setting> {
    let said = files.iter().flat_map(|(path, text)| {
        let entries = entries(path, text).into_iter();
        entries.filter_map(move |(key, value)| setting(path, &key, value))
    });
    said.filter(|setting| !setting.value.is_empty()).collect()
}

/// `environments.NAME.flyway.KEY` is the same setting as `flyway.KEY`. What is of neither is not Flyway's.
fn setting(path: &str, key: &str, value: String) -> Option<Setting> {
    let (environment, rest) = match key.strip_prefix("environments.") {
        Some(rest) => rest
            .split_once('.')
            .map(|(name, rest)| (Some(name), rest))?,
        None => (None, key),
    };
    let of_flyway = rest.strip_prefix("flyway.");
    if environment.is_none() && of_flyway.is_none() {
        return None;
    }
    Some(Setting {
        said_by: format!("{path}, {key}"),
        environment: environment.map(str::to_owned),
        is_of_flyway: of_flyway.is_some(),
        name: of_flyway.unwrap_or(rest).to_owned(),
        value,
    })
}

/// The environment that Flyway would hear if Slipway named none.
fn chosen_environment(variables: &BTreeMap<String, String>, settings: &[Setting]) -> String {
    let in_files = || {
        let mut of_root = settings.iter().rev();
        of_root.find(|setting| setting.environment.is_none() && setting.name == "environment")
    };
    let chosen = variables.get("FLYWAY_ENVIRONMENT").cloned();
    chosen
        .or_else(|| in_files().map(|setting| setting.value.clone()))
        .unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned())
}

/// The sentence that a person reads.
fn told(setting: &Setting, remedy: Option<String>) -> Option<String> {
    let Setting { said_by, value, .. } = setting;
    let remedy = remedy?;
    if !(is_of_schema(setting) || setting.name == "table") {
        return Some(format!("{said_by}: {remedy}"));
    }
    let value: String = value.chars().take(60).collect();
    Some(format!("{said_by} = {value}: {remedy}"))
}

/// Whether it names the schema of the history table.
fn is_of_schema(setting: &Setting) -> bool {
    let names = ["defaultSchema", "schemas", "jdbcProperties.currentSchema"];
    names.contains(&setting.name.as_str())
}

/// What to do about one that names another table or schema.
fn remedy(setting: &Setting, place: &Place) -> Option<String> {
    let first = setting.value.split(',').next().unwrap_or_default().trim();
    if setting.name == "table" {
        let is_other = place.table == HISTORY_TABLE && first != HISTORY_TABLE;
        return is_other.then(|| {
            format!(
                "Slipway would have Flyway work with table {HISTORY_TABLE}; name one: versionTable of the migration"
            )
        });
    }
    let searches =
        setting.name == "initSql" && setting.value.to_lowercase().contains("search_path");
    let moves = is_of_schema(setting) && Some(first) != place.schema || searches;
    (moves && !place.schema_is_named).then(|| {
        format!(
            "Slipway would have Flyway work in schema {}; name one: env FLYWAY_DEFAULT_SCHEMA of the migration",
            place.schema.unwrap_or("of the session")
        )
    })
}

/// What to do about one of an environment, which is not heard: the migration says it itself, or Slipway overrules it anyway. Address and
/// user come from the Database.
fn unheard(setting: &Setting, variables: &BTreeMap<String, String>) -> Option<String> {
    setting.environment.as_ref()?;
    let is_lost = setting.is_of_flyway
        || setting.name == "initSql"
        || setting.name.starts_with("jdbcProperties.");
    let variable = variable_of(&setting.name);
    let is_said = is_of_schema(setting)
        || setting.name == "table"
        || is_told(&variable)
        || variables.contains_key(&variable);
    (is_lost && !is_said).then(|| {
        format!(
            "Slipway uses no environment of the file, as the Database says where to go; say it in env of the migration, as {variable}"
        )
    })
}

/// The variable that says the same, as Flyway's `ConfigUtils.convertKey` reads it. Example: `FLYWAY_INIT_SQL`.
fn variable_of(name: &str) -> String {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let mut variable = "FLYWAY_".to_owned();
    for letter in first.chars() {
        if letter.is_ascii_uppercase() {
            variable.push('_');
        }
        variable.push(letter.to_ascii_uppercase());
    }
    if !rest.is_empty() {
        variable.push('_');
        variable.push_str(&rest.replace('.', "_").to_ascii_uppercase());
    }
    variable
}

/// Keys in full and values, of a file in TOML or in Flyway's older form. One that cannot be read says nothing: Flyway refuses it.
fn entries(path: &str, text: &str) -> Vec<(String, String)> {
    let is_toml = path.to_lowercase().ends_with(".toml");
    if !is_toml {
        return lines(text);
    }
    let mut entries = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        flatten("", &toml::Value::Table(table), &mut entries);
    }
    entries
}

fn flatten(key: &str, value: &toml::Value, entries: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(members) => {
            for (name, member) in members {
                let dot = if key.is_empty() { "" } else { "." };
                flatten(&format!("{key}{dot}{name}"), member, entries);
            }
        }
        toml::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            entries.push((key.to_owned(), items.join(",")));
        }
        other => entries.push((key.to_owned(), plain(other))),
    }
}

/// Without quotes. Flyway knows no other kinds.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// `key=value` lines, or `key: value`. A backslash at the end of one takes the next with it, but no line that is a setting of its own, as
/// Flyway's `ConfigUtils` has it: a path may end so.
fn lines(text: &str) -> Vec<(String, String)> {
    let mut whole: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        let is_setting = line.starts_with("flyway.") && line.contains('=');
        match whole.last_mut() {
            Some(last) if last.ends_with('\\') && !last.starts_with('#') && !is_setting => {
                last.pop();
                last.push_str(line);
            }
            _ => whole.push(line.to_owned()),
        }
    }
    let said = whole.iter().filter(|line| !line.starts_with('#'));
    said.filter_map(|line| line.split_once(['=', ':']))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
