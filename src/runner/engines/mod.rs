//! Database engines: what the runner asks of one. A second engine is a file beside `postgresql.rs` and a line in `runner::run`.

pub mod postgresql;
mod tls;

use crate::api::database::TlsMode;

/// Where the database is and who we are there.
#[derive(Clone)]
pub struct Access {
    pub host: String,
    pub port: i32,
    pub database: String,
    pub user: String,
    pub password: String,
    pub tls: TlsMode,
}

/// What a database answers when it does not do what was asked. No value and no credential is in it, but for `primary`, which
/// `core::migration::sql_error` turns into what may be said.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EngineError {
    #[error("the server answers with SQLSTATE {code}")]
    Refused { code: String, primary: String },
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("the server is read-only")]
    ReadOnly,
    #[error("the session changed between two statements")]
    Pooled,
}

/// One session of the runner, which holds the lock.
pub trait Engine: Sized {
    /// As users write it.
    const WORD: &'static str;

    /// Opens a session by this name, prepared for holding a lock for long.
    async fn connect(access: &Access, name: &str) -> Result<Self, EngineError>;

    /// Product and version. Example: `PostgreSQL 15.18`.
    fn server(&self) -> String;

    /// Fails when sessions do not stay with their connections. Opens a second one for that.
    async fn refuse_pooler(&self, access: &Access, name: &str) -> Result<(), EngineError>;

    /// Takes the lock if it is free; never waits.
    async fn try_lock(&self) -> Result<bool, EngineError>;

    /// Fails when this is not the session any more that took the lock.
    async fn ping(&self) -> Result<(), EngineError>;

    /// Sessions of tools of this or another attempt: each may still commit.
    async fn tool_sessions(&self) -> Result<Vec<i64>, EngineError>;

    /// Ends sessions.
    async fn terminate(&self, sessions: &[i64]) -> Result<(), EngineError>;

    /// The rows of a query, as text; `None` when its table is not there.
    async fn rows(&self, query: &str) -> Result<Option<Vec<Vec<String>>>, EngineError>;

    /// Indexes that a failed concurrent build left behind.
    async fn invalid_indexes(&self) -> Result<Vec<String>, EngineError>;

    /// Environment of the tool that bounds what its session may do to others. `name`: what its session is called.
    fn guards(&self, name: &str, transactional: bool) -> Vec<(&'static str, String)>;
}
