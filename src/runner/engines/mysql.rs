//! MySQL and MariaDB: the session that holds the lock, and what it can see of the others.
//!
//! Sessions have no names there that others can see, but user-level locks are seen by everyone who knows their names. So each session of ours
//! and of a tool takes, beside all else, a lock whose name holds its own connection id: that is its mark. A tool's session takes it in the
//! expression of a variable that its driver sets when it connects. A mark goes with its session, however that ends, and not before.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, Row, SslOpts, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::api::common;
use crate::api::database::TlsMode;
use crate::core::migration::mysql_server::{
    GALERA_STATUS, NOT_READY, SESSION_VARIABLES, Server, VARIABLES, is_not_ready, refused_locks,
};

use super::{
    Access, CONNECT_LIMIT, Engine, EngineError, Guards, KEEPALIVE_IDLE, PING_LIMIT, QUERY_LIMIT,
    tls,
};

/// Name of the lock, which one server knows once for all its databases; so the database is in it. At most 64 characters, as are those below.
const LOCK: &str = "CONCAT('slipway.', LEFT(SHA2(DATABASE(), 256), 32))";

/// What begins the marks of tools' sessions of this database; the connection id follows.
const TOOL_MARK: &str = "CONCAT('slipway.t.', LEFT(SHA2(DATABASE(), 256), 32), '.')";

/// What begins the marks of runners' sessions.
const RUNNER_MARK: &str = "CONCAT('slipway.r.', LEFT(SHA2(DATABASE(), 256), 32), '.')";

/// A session that the server has not heard of for this long is ended, so that a lost node frees its lock; seconds.
const SILENCE_LIMIT: u64 = 60;

/// Longest wait of a tool's statement for a lock on a table, seconds: behind a long reader an ALTER would queue, and everyone behind it.
const LOCK_WAIT: u64 = 5;

/// On a node of Galera's: a read sees what was written on any node before it. An attempt before this one may have run on another.
const SYNC: &str = "SET SESSION wsrep_sync_wait = 1";

/// The same undone, also where the server has it for all sessions: else a ping would wait for the very ALTER whose lock it holds.
const NO_SYNC: &str = "SET SESSION wsrep_sync_wait = 0";

/// The server's number for a client that does not know the method by which a user is to prove itself; here the driver says so by itself.
const UNKNOWN_METHOD: &str = "1251";

/// A session.
pub struct MySql {
    connection: Mutex<Conn>,
    /// The server's number for it.
    id: String,
    version: String,
    database: String,
    server: Server,
    encrypted: bool,
    own_user: bool,
}

impl MySql {
    async fn open(access: &Access, name: &str) -> Result<Conn, EngineError> {
        if access.tls == TlsMode::VerifyFull {
            // The driver takes any file for a certificate.
            tls::roots(access.authority.as_deref())?;
        }
        let opened = timeout(CONNECT_LIMIT, connect(access, name)).await;
        opened
            .map_err(|_| {
                EngineError::Unreachable(format!("no answer within {} s", CONNECT_LIMIT.as_secs()))
            })?
            .map_err(|failure| error(&failure))
    }

    async fn query(
        connection: &mut Conn,
        query: &str,
        limit: Duration,
    ) -> Result<Vec<Vec<String>>, EngineError> {
        let answer = timeout(limit, connection.query::<Row, _>(query)).await;
        let rows = answer
            .map_err(|_| {
                EngineError::Unreachable(format!(
                    "no answer to a query within {} s",
                    limit.as_secs()
                ))
            })?
            .map_err(|failure| error(&failure))?;
        Ok(rows
            .into_iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| row.as_ref(column).map(text).unwrap_or_default())
                    .collect()
            })
            .collect())
    }

    async fn value(
        connection: &mut Conn,
        query: &str,
        limit: Duration,
    ) -> Result<String, EngineError> {
        let rows = Self::query(connection, query, limit).await?;
        Ok(rows.into_iter().flatten().next().unwrap_or_default())
    }

    /// What the server says of itself.
    async fn server_of(connection: &mut Conn) -> Result<Server, EngineError> {
        let mut server = Server::default();
        server.learn(Self::shown(connection, "GLOBAL VARIABLES", &VARIABLES).await?);
        server.learn(Self::shown(connection, "SESSION VARIABLES", &SESSION_VARIABLES).await?);
        if server.is_galera() {
            server.learn(Self::shown(connection, "GLOBAL STATUS", &GALERA_STATUS).await?);
        }
        Ok(server)
    }

    /// Names and values; a server leaves out the names that it does not know.
    async fn shown(
        connection: &mut Conn,
        what: &str,
        names: &[&str],
    ) -> Result<Vec<(String, String)>, EngineError> {
        let query = format!(
            "SHOW {what} WHERE Variable_name IN ('{}')",
            names.join("', '")
        );
        let rows = Self::query(connection, &query, QUERY_LIMIT).await?;
        let pairs = rows.into_iter().filter_map(|row| row.try_into().ok());
        Ok(pairs
            .map(|[name, value]: [String; 2]| (name, value))
            .collect())
    }

    /// By the session of the lock.
    async fn ask(&self, query: &str, limit: Duration) -> Result<String, EngineError> {
        Self::value(&mut *self.connection.lock().await, query, limit).await
    }

    async fn same_session(&self) -> Result<(), EngineError> {
        if self.ask("SELECT CONNECTION_ID()", PING_LIMIT).await? == self.id {
            Ok(())
        } else {
            Err(EngineError::Pooled)
        }
    }
}

impl Engine for MySql {
    const KIND: common::Engine = common::Engine::MySQL;
    const ENDS_SESSIONS: bool = false;

    async fn connect(access: &Access, name: &str) -> Result<Self, EngineError> {
        let mut connection = Self::open(access, name).await?;
        let first = format!(
            "SELECT CONNECTION_ID(), VERSION(), DATABASE(), GET_LOCK(CONCAT({RUNNER_MARK}, CONNECTION_ID()), 0)"
        );
        let mut row = Self::query(&mut connection, &first, QUERY_LIMIT)
            .await?
            .into_iter()
            .flatten();
        let mut next = || row.next().unwrap_or_default();
        let (id, version, database) = (next(), next(), next());
        let server = Self::server_of(&mut connection).await?;
        if server.is_read_only() {
            return Err(EngineError::ReadOnly);
        }
        // One that reads may be allowed (wsrep_dirty_reads) lets us come as far as here.
        if !server.is_ready() {
            return Err(EngineError::Unreachable(NOT_READY.to_owned()));
        }
        if server.is_galera() {
            Self::query(&mut connection, NO_SYNC, QUERY_LIMIT).await?;
        }
        let cipher = Self::shown(&mut connection, "SESSION STATUS", &["Ssl_cipher"]).await?;
        Ok(Self {
            encrypted: cipher.iter().any(|(_, value)| !value.is_empty()),
            connection: Mutex::new(connection),
            id,
            version,
            database,
            server,
            own_user: access.own_user,
        })
    }

    fn server(&self) -> String {
        let number = self.version.split('-').next().unwrap_or_default();
        if self.version.contains("MariaDB") {
            format!("MariaDB {number}")
        } else {
            format!("MySQL {number}")
        }
    }

    fn schema(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn warnings(&self) -> Vec<String> {
        self.server.warning().into_iter().collect()
    }

    async fn refuse_pooler(&self, access: &Access, name: &str) -> Result<(), EngineError> {
        let mut other = Self::open(access, name).await?;
        if self.server.has_peers() && !self.server.is(&Self::server_of(&mut other).await?) {
            return Err(EngineError::Balanced);
        }
        // By turns: a pooler that lends a session for one statement gives the one just returned to whoever asks next.
        for _ in 0..3 {
            let id = Self::value(&mut other, "SELECT CONNECTION_ID()", PING_LIMIT).await?;
            if id == self.id {
                return Err(EngineError::Pooled);
            }
            self.same_session().await?;
        }
        // An end that fails changes nothing: the session is of no use any more.
        let _ = other.disconnect().await;
        Ok(())
    }

    async fn try_lock(&self) -> Result<bool, EngineError> {
        let query = format!("SELECT GET_LOCK({LOCK}, 0)");
        Ok(self.ask(&query, QUERY_LIMIT).await? == "1")
    }

    async fn ping(&self) -> Result<(), EngineError> {
        let query = format!("SELECT IS_USED_LOCK({LOCK}) = CONNECTION_ID()");
        if self.ask(&query, PING_LIMIT).await? == "1" {
            self.same_session().await
        } else {
            Err(EngineError::Pooled)
        }
    }

    async fn tool_sessions(&self) -> Result<Vec<i64>, EngineError> {
        let unmarked = if self.own_user {
            // The user is for migrations alone: whoever is no runner is a tool, also one whose driver sets no mark.
            format!(
                " OR (USER = LEFT(USER(), CHAR_LENGTH(USER()) - LOCATE('@', REVERSE(USER()))) AND DB = DATABASE() AND IFNULL(IS_USED_LOCK(CONCAT({RUNNER_MARK}, ID)), 0) <> ID)"
            )
        } else {
            String::new()
        };
        let query = format!(
            "SELECT ID FROM information_schema.PROCESSLIST \
             WHERE ID <> CONNECTION_ID() AND (IS_USED_LOCK(CONCAT({TOOL_MARK}, ID)) = ID{unmarked}) ORDER BY ID"
        );
        let rows = Self::query(&mut *self.connection.lock().await, &query, QUERY_LIMIT).await?;
        Ok(rows
            .into_iter()
            .flatten()
            .filter_map(|id| id.parse().ok())
            .collect())
    }

    async fn terminate(&self, _sessions: &[i64]) -> Result<(), EngineError> {
        Ok(())
    }

    async fn rows(&self, query: &str) -> Result<Option<Vec<Vec<String>>>, EngineError> {
        let connection = &mut *self.connection.lock().await;
        if self.server.is_galera() {
            Self::query(connection, SYNC, QUERY_LIMIT).await?;
        }
        let answer = Self::query(connection, query, QUERY_LIMIT).await;
        if self.server.is_galera() {
            Self::query(connection, NO_SYNC, QUERY_LIMIT).await?;
        }
        match answer {
            Ok(rows) => Ok(Some(rows)),
            // No such database, no such table.
            Err(EngineError::Refused { code, .. }) if code == "1049" || code == "1146" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn invalid_indexes(&self) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
    }

    fn guards(&self, _name: &str, may_time_out: bool) -> Guards {
        let mark = format!("GET_LOCK(CONCAT({TOOL_MARK}, CONNECTION_ID()), 0)");
        let wait = if may_time_out {
            LOCK_WAIT.to_string()
        } else {
            "@@lock_wait_timeout".to_owned()
        };
        Guards {
            settings: vec![(
                "lock_wait_timeout",
                format!("IF({mark} = 1, {wait}, {wait})"),
            )],
            session: None,
            schema: Some(self.database.clone()),
        }
    }

    fn encryption(&self, asked: TlsMode) -> TlsMode {
        match (asked, self.encrypted) {
            (TlsMode::Prefer, true) => TlsMode::Require,
            (TlsMode::Prefer, false) => TlsMode::Disable,
            (mode, _) => mode,
        }
    }
}

/// Opens a connection; with `Prefer` a second time without TLS, where the server has none.
async fn connect(access: &Access, name: &str) -> Result<Conn, Error> {
    match Conn::new(options(access, name, access.tls)).await {
        Err(Error::Driver(DriverError::NoClientSslFlagFromServer))
            if access.tls == TlsMode::Prefer =>
        {
            Conn::new(options(access, name, TlsMode::Disable)).await
        }
        answer => answer,
    }
}

fn options(access: &Access, name: &str, tls: TlsMode) -> Opts {
    let any_certificate = || {
        SslOpts::default()
            .with_danger_accept_invalid_certs(true)
            .with_danger_skip_domain_validation(true)
    };
    OptsBuilder::default()
        .ip_or_hostname(access.host.clone())
        .tcp_port(u16::try_from(access.port).unwrap_or(3306))
        .db_name(Some(access.database.clone()))
        .user(Some(access.user.clone()))
        .pass(Some(access.password.clone()))
        .prefer_socket(false)
        .tcp_keepalive(Some(KEEPALIVE_IDLE))
        .connect_attribute("program_name", format!("slipway-lock/{name}"))
        .setup(vec![format!("SET SESSION wait_timeout = {SILENCE_LIMIT}")])
        .ssl_opts(match tls {
            TlsMode::Disable => None,
            TlsMode::Prefer | TlsMode::Require => Some(any_certificate()),
            TlsMode::VerifyFull => Some(proven(access.authority.as_deref())),
        })
        .into()
}

/// By the named authority alone, or by those that everybody knows.
fn proven(authority: Option<&str>) -> SslOpts {
    match authority {
        Some(file) => SslOpts::default()
            .with_disable_built_in_roots(true)
            .with_root_certs(vec![PathBuf::from(file).into()]),
        None => SslOpts::default(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::NULL => String::new(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.as_sql(true),
    }
}

/// The server's own answer keeps its number; everything else is a connection that does not work, in words without values.
fn error(error: &Error) -> EngineError {
    match error {
        Error::Server(answer) if is_not_ready(&answer.message) => {
            EngineError::Unreachable(NOT_READY.to_owned())
        }
        Error::Server(answer) => refused_locks(&answer.message).map_or_else(
            || EngineError::Refused {
                code: answer.code.to_string(),
                primary: answer.message.clone(),
            },
            EngineError::NoLocks,
        ),
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::CleartextPluginDisabled
            | DriverError::MysqlOldPasswordDisabled,
        ) => EngineError::Refused {
            code: UNKNOWN_METHOD.to_owned(),
            primary: String::new(),
        },
        other => {
            tls::untrusted(other).unwrap_or_else(|| EngineError::Unreachable(other.to_string()))
        }
    }
}
