//! What is found in a migration file, and what each code means. Codes are stable: people search for them.

use serde::{Deserialize, Serialize};

use crate::core::migration::message::clean;

/// Longest name that a finding repeats, bytes.
const NAME_LIMIT: usize = 64;

/// A statement that may lose data or stop the program that runs now, or that could not be read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Finding {
    /// Name of the file, without its folder. Example: `00008_unique_email.sql`.
    pub file: String,
    /// Line on which the statement begins, counted from 1.
    pub line: i64,
    /// Stable code of the rule. Example: `SLP1410`.
    pub code: String,
    /// Why, in one sentence without a full stop. Holds names of tables and columns, never a value.
    pub why: String,
    pub severity: Severity,
}

/// What a finding threatens.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Severity {
    /// Data that is there now is gone afterwards.
    LosesData,
    /// A table that exists is locked for as long as the statement works, or the running program does not find what it uses.
    Blocks,
    /// Nobody knows what it does, so it counts as destructive.
    #[default]
    Unreadable,
}

/// The rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    Unreadable,
    DropTable,
    DropColumn,
    Empties,
    DeletesAll,
    UpdatesAll,
    NarrowsType,
    DropOther,
    DeletesRows,
    CreateIndex,
    DropIndex,
    SetNotNull,
    AddConstraint,
    ChangesType,
    AddColumn,
    Rewrites,
    Locks,
    Renames,
    AlterMySql,
    Refreshes,
    KeepsLocked,
}

impl Rule {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "SLP1400",
            Self::DropTable => "SLP1401",
            Self::DropColumn => "SLP1402",
            Self::Empties => "SLP1403",
            Self::DeletesAll => "SLP1404",
            Self::UpdatesAll => "SLP1405",
            Self::NarrowsType => "SLP1406",
            Self::DropOther => "SLP1407",
            Self::DeletesRows => "SLP1408",
            Self::CreateIndex => "SLP1410",
            Self::DropIndex => "SLP1411",
            Self::SetNotNull => "SLP1412",
            Self::AddConstraint => "SLP1413",
            Self::ChangesType => "SLP1414",
            Self::AddColumn => "SLP1415",
            Self::Rewrites => "SLP1416",
            Self::Locks => "SLP1417",
            Self::Renames => "SLP1418",
            Self::AlterMySql => "SLP1419",
            Self::Refreshes => "SLP1420",
            Self::KeepsLocked => "SLP1421",
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Unreadable => Severity::Unreadable,
            Self::DropTable
            | Self::DropColumn
            | Self::Empties
            | Self::DeletesAll
            | Self::UpdatesAll
            | Self::NarrowsType
            | Self::DropOther
            | Self::DeletesRows => Severity::LosesData,
            Self::CreateIndex
            | Self::DropIndex
            | Self::SetNotNull
            | Self::AddConstraint
            | Self::ChangesType
            | Self::AddColumn
            | Self::Rewrites
            | Self::Locks
            | Self::Renames
            | Self::AlterMySql
            | Self::Refreshes
            | Self::KeepsLocked => Severity::Blocks,
        }
    }
}

/// A rule that a statement breaks, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breach {
    pub rule: Rule,
    pub why: String,
}

impl Breach {
    #[must_use]
    pub fn new(rule: Rule, why: impl Into<String>) -> Self {
        Self {
            rule,
            why: why.into(),
        }
    }

    #[must_use]
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::new(Rule::Unreadable, why)
    }

    /// The finding at its place.
    #[must_use]
    pub fn at(self, file: &str, line: i64) -> Finding {
        Finding {
            file: file.to_owned(),
            line,
            code: self.rule.code().to_owned(),
            why: self.why,
            severity: self.rule.severity(),
        }
    }
}

/// A name as a sentence shows it: one line, not endless.
#[must_use]
pub fn shown(name: &impl ToString) -> String {
    clean(&name.to_string(), NAME_LIMIT)
}
