//! Tables and indexes that the pending files themselves have made before: nobody uses them yet, so nothing on them loses data or blocks.

use std::collections::BTreeSet;

use sqlparser::ast::{ObjectName, ObjectNamePart};

use crate::api::common::Engine;

/// What is new.
#[derive(Clone, Debug, Default)]
pub struct Fresh {
    tables: BTreeSet<String>,
    indexes: BTreeSet<String>,
}

/// A name as the engine compares it: PostgreSQL folds what is not quoted; MySQL is taken at its letter, as on Linux.
#[must_use]
pub fn key(name: &ObjectName, engine: Engine) -> String {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(identifier)
                if identifier.quote_style.is_none() && engine == Engine::PostgreSQL =>
            {
                identifier.value.to_lowercase()
            }
            ObjectNamePart::Identifier(identifier) => identifier.value.clone(),
            ObjectNamePart::Function(function) => format!("{function}()"),
        })
        .collect();
    parts.join(".")
}

impl Fresh {
    /// A table was made.
    pub fn add_table(&mut self, key: String) {
        self.tables.insert(key);
    }

    /// Whether a table was made before.
    #[must_use]
    pub fn has_table(&self, key: &str) -> bool {
        self.tables.contains(key)
    }

    /// The next table of this name is another one.
    pub fn forget_table(&mut self, key: &str) {
        self.tables.remove(key);
    }

    /// What is new under the old name is so under the new one; what was there is not new because it is renamed.
    pub fn rename_table(&mut self, old: &str, new: String) {
        if self.tables.remove(old) {
            self.tables.insert(new);
        } else {
            self.tables.remove(&new);
        }
    }

    /// An index was made.
    pub fn add_index(&mut self, key: String) {
        self.indexes.insert(key);
    }

    /// Whether an index was made before.
    #[must_use]
    pub fn has_index(&self, key: &str) -> bool {
        self.indexes.contains(key)
    }

    /// After another search path, another database or a roll-back a name may mean another object.
    pub fn forget_all(&mut self) {
        *self = Self::default();
    }
}
