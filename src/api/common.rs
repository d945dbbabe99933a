//! Small pieces that several kinds share: references, conditions, enumerations of engines and tools.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::OBJECT_NAME;

/// The API group of Slipway's kinds.
pub const GROUP: &str = "slipway.dev";

/// The served version.
pub const VERSION: &str = "v1alpha1";

/// Conditions as Kubernetes defines them; keyed by `type`.
pub type Conditions = Vec<Condition>;

/// A reference to an object of the same namespace by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NameReference {
    /// Name of the object, in the namespace of the object that refers to it. Example: `registry-login`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
}

/// The database engine.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Engine {
    PostgreSQL,
    MySQL,
}

impl Engine {
    /// As users write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PostgreSQL => "PostgreSQL",
            Self::MySQL => "MySQL",
        }
    }

    /// The port where nobody names another.
    #[must_use]
    pub const fn port(self) -> i32 {
        match self {
            Self::PostgreSQL => 5432,
            Self::MySQL => 3306,
        }
    }

    /// The environment variables of user and password.
    #[must_use]
    pub const fn credential_variables(self) -> (&'static str, &'static str) {
        match self {
            Self::PostgreSQL => ("PGUSER", "PGPASSWORD"),
            Self::MySQL => ("MYSQL_USER", "MYSQL_PASSWORD"),
        }
    }
}

/// The migration tool.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Tool {
    Goose,
    GolangMigrate,
    Flyway,
    Exec,
}

impl Tool {
    /// As users write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Goose => "Goose",
            Self::GolangMigrate => "GolangMigrate",
            Self::Flyway => "Flyway",
            Self::Exec => "Exec",
        }
    }
}

/// When a migration runs, seen from the release that needs it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Phase {
    BeforeRollout,
    AfterRollout,
}

impl Phase {
    /// As users write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BeforeRollout => "BeforeRollout",
            Self::AfterRollout => "AfterRollout",
        }
    }
}
