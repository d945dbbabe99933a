//! Database engines: what the runner asks of one. A second engine is a file beside `postgresql.rs` and a line in `runner::run`.

pub mod mysql;
pub mod postgresql;
mod tls;

use std::time::Duration;

use crate::api::common;
use crate::api::database::TlsMode;
use crate::core::migration::dsn::Place;

/// Longest time for a connection to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Longest time for an answer to a query of ours; they read catalogs and small tables only.
const QUERY_LIMIT: Duration = Duration::from_secs(30);

/// Longest time for an answer to a ping. A session that is only slow, behind a full disk or a lost packet, still has the lock: the server
/// frees it when the session ends, or some time after it last heard of us (PostgreSQL 25 s, MySQL 60 s). By then the tool must be dead,
/// hence less.
const PING_LIMIT: Duration = Duration::from_secs(15);

/// Silence on the connection after which it is probed.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// Where the database is and who we are there.
#[derive(Clone)]
pub struct Access {
    pub engine: common::Engine,
    pub host: String,
    pub port: i32,
    pub database: String,
    pub user: String,
    pub password: String,
    pub tls: TlsMode,
    /// File with the certificate of the server's authority; absent: one that everybody knows.
    pub authority: Option<String>,
    /// Whether every session of this user is a migration's.
    pub own_user: bool,
}

impl Access {
    /// The same without the password, for connection strings.
    pub fn place(&self) -> Place<'_> {
        Place {
            host: &self.host,
            port: self.port,
            database: &self.database,
            user: &self.user,
            tls: self.tls,
            authority: self.authority.as_deref(),
        }
    }
}

/// What bounds what the tool's sessions may do to others, and names them. Each tool hands it on in its own way.
pub struct Guards {
    /// Settings of a session by name. PostgreSQL: plain values. MySQL: SQL expressions.
    pub settings: Vec<(&'static str, String)>,
    /// What the session is called, on an engine that has names for them.
    pub session: Option<String>,
    /// Where the runner's own session looks, so that a tool which can be told so looks nowhere else.
    pub schema: Option<String>,
}

impl Guards {
    /// As libpq's variables, which most drivers for PostgreSQL read; nothing for MySQL, where no driver reads any. What the user's own
    /// `PGOPTIONS` says comes later and wins.
    pub fn environment(&self, engine: common::Engine) -> Vec<(&'static str, String)> {
        if engine == common::Engine::MySQL {
            return Vec::new();
        }
        let mut environment = vec![("PGOPTIONS", self.options())];
        environment.extend(self.session.clone().map(|name| ("PGAPPNAME", name)));
        environment
    }

    /// As parameters of a JDBC URL, as no driver there reads libpq's variables.
    pub fn jdbc(&self, engine: common::Engine) -> Vec<(&'static str, String)> {
        if engine == common::Engine::MySQL {
            let settings = self.settings.iter();
            let settings: Vec<String> = settings
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            return vec![("sessionVariables", settings.join(","))];
        }
        let mut parameters = vec![("options", self.options())];
        parameters.extend(self.session.clone().map(|name| ("ApplicationName", name)));
        parameters
    }

    /// What PostgreSQL reads when a session begins.
    fn options(&self) -> String {
        let settings = self.settings.iter();
        let mut options: Vec<String> = settings
            .map(|(name, value)| format!("-c {name}={value}"))
            .collect();
        options.extend(std::env::var("PGOPTIONS"));
        options.join(" ")
    }
}

/// What a database answers when it does not do what was asked. No value and no credential is in it, but for `primary`, which
/// `core::migration::sql_error` turns into what may be said.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EngineError {
    #[error("the server answers with error {code}")]
    Refused { code: String, primary: String },
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("the server is not who it should be: {0}")]
    Untrusted(&'static str),
    #[error("the server is read-only")]
    ReadOnly,
    #[error("the session changed between two statements")]
    Pooled,
    #[error("two connections lead to two servers")]
    Balanced,
    #[error("the server has no locks for us: {0}")]
    NoLocks(&'static str),
}

/// One session of the runner, which holds the lock.
pub trait Engine: Sized {
    /// Which one it is, as users name it.
    const KIND: common::Engine;

    /// Whether sessions that an earlier attempt left behind may be ended by force. Elsewhere they are waited for only.
    const ENDS_SESSIONS: bool;

    /// Opens a session by this name, prepared for holding a lock for long.
    async fn connect(access: &Access, name: &str) -> Result<Self, EngineError>;

    /// Product and version. Example: `PostgreSQL 15.18`.
    fn server(&self) -> String;

    /// Where a name without a schema is made; `None` where the search path names no schema that is there. MySQL calls its database so.
    fn schema(&self) -> Option<&str>;

    /// What a person should know of this server.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Fails when sessions do not stay with their connections, or connections do not stay with one server of a cluster. Opens a second one
    /// for that.
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

    /// What is to bound the tool's sessions. `name`: what they are called; `may_time_out`: whether a lock that is not to be had soon may end
    /// a statement.
    fn guards(&self, name: &str, may_time_out: bool) -> Guards;

    /// The mode by which a tool's session is encrypted as this one is. `asked`: as the user wrote it.
    fn encryption(&self, asked: TlsMode) -> TlsMode {
        asked
    }
}
