//! The name of a file by Flyway's rule: prefix `V` or `R`, version, two underscores, description, `.sql`.

use super::version::Version;

/// What the name of a migration says.
#[derive(Default)]
pub(super) struct Name {
    /// `None`: a repeatable one.
    pub version: Option<Version>,
    pub description: String,
}

/// A name that is meant as a migration's and is none.
pub(super) struct Misnamed;

/// The name of an SQL file without its folder and its ending.
pub(super) fn stem(script: &str) -> Option<&str> {
    let name = script.rsplit_once('/').map_or(script, |(_, name)| name);
    let (stem, suffix) = name.split_at_checked(name.len().checked_sub(4)?)?;
    suffix.eq_ignore_ascii_case(".sql").then_some(stem)
}

/// Reads the path of a file below the folder. `None`: no migration, as a callback or notes.
pub(super) fn read(script: &str) -> Result<Option<Name>, Misnamed> {
    let Some(stem) = stem(script) else {
        return Ok(None);
    };
    let (version, description) = stem
        .get(1..)
        .map(|rest| rest.split_once("__").unwrap_or((rest, "")))
        .unwrap_or_default();
    let description = description.replace('_', " ");
    match (stem.chars().next(), version) {
        (Some('V'), text) => match Version::parse(text) {
            Some(version) => Ok(Some(Name {
                version: Some(version),
                description,
            })),
            // `V1_name.sql` is meant as a migration; `Views.sql` is not.
            None if text.starts_with(|first: char| first.is_ascii_digit()) => Err(Misnamed),
            None => Ok(None),
        },
        (Some('R'), "") if stem.len() > 1 => Ok(Some(Name {
            version: None,
            description,
        })),
        _ => Ok(None),
    }
}
