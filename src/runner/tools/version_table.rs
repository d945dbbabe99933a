//! The name of a version table: in quotes, fit for a query of ours, and not hidden from its tool.

use crate::api::common;
use crate::runner::ending::Ending;
use crate::runner::engines::Engine;

use super::source;

/// Refuses a version table that stands behind the first schema of PostgreSQL's search path: a tool which looks in that one only would begin
/// anew there, and hide the tables that are in use. `table`: without a schema, in quotes.
pub async fn refuse_hidden<E: Engine>(session: &E, table: &str) -> Result<(), Ending> {
    let Some(schema) = session
        .schema()
        .filter(|_| E::KIND == common::Engine::PostgreSQL)
    else {
        return Ok(());
    };
    // One that may not be read is another's.
    let is_there = async |name: &str| {
        let query = format!("SELECT 1 FROM {name} LIMIT 1");
        matches!(session.rows(&query).await, Ok(Some(_)))
    };
    let first = format!("{}.{table}", quoted('"', schema));
    if is_there(&first).await || !is_there(table).await {
        return Ok(());
    }
    Err(source(&format!(
        "version table {table} is not in schema {schema}, the first of the search path, but in a later one; set the search_path of the user, \
         or name schema and table: versionTable of the migration"
    )))
}

/// A name in quotes.
pub fn quoted(quote: char, name: &str) -> String {
    let name = name
        .trim_matches(quote)
        .replace(quote, &quote.to_string().repeat(2));
    format!("{quote}{name}{quote}")
}

/// Refuses a name of a version table that could be more than a name.
pub fn check_table(table: &str) -> Result<(), Ending> {
    let is_name =
        |character: char| character.is_ascii_alphanumeric() || "_.$\"".contains(character);
    if table.is_empty() || !table.chars().all(is_name) {
        return Err(source(&format!(
            "version table {table:?}: only letters, digits, _, . and $ may be in its name"
        )));
    }
    Ok(())
}
