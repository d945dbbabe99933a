//! PostgreSQL: the session that holds the lock, and what it can see of the others.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::api::common;
use crate::api::database::TlsMode;

use super::{
    Access, CONNECT_LIMIT, Engine, EngineError, Guards, KEEPALIVE_IDLE, PING_LIMIT, QUERY_LIMIT,
    tls,
};

/// Key of the advisory lock: the first 8 bytes of SHA-256 of `slipway.dev/migration-lock`, without the sign. PostgreSQL keeps such locks
/// apart by database, so no name of one is in it, and two aliases of one server meet.
const LOCK_KEY: i64 = 0x5976_81f2_43fd_ee54;

/// How often and how many times a silent connection is probed: with [`KEEPALIVE_IDLE`] a dead peer is known after 25 s on either side.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_COUNT: u32 = 3;

/// What begins the names of tools' sessions. The runner's own begin with `slipway-lock/`.
const TOOL_SESSIONS: &str = "slipway/";

/// A session.
pub struct PostgreSql {
    client: Client,
    connection: JoinHandle<()>,
    /// The server process behind it.
    pid: String,
    version: String,
    /// As `server_version_num`. Example: 150018.
    number: u32,
    schema: Option<String>,
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl PostgreSql {
    async fn open(access: &Access, name: &str) -> Result<(Client, JoinHandle<()>), EngineError> {
        let config = config(access, name);
        let opened = timeout(CONNECT_LIMIT, async {
            if access.tls == TlsMode::Disable {
                let (client, connection) = config
                    .connect(NoTls)
                    .await
                    .map_err(|failure| error(&failure))?;
                return Ok((client, tokio::spawn(async move { drop(connection.await) })));
            }
            let connector = tls::connector(access.tls, access.authority.as_deref())?;
            let (client, connection) = config
                .connect(connector)
                .await
                .map_err(|failure| error(&failure))?;
            Ok((client, tokio::spawn(async move { drop(connection.await) })))
        });
        opened.await.unwrap_or_else(|_| {
            Err(EngineError::Unreachable(format!(
                "no answer within {} s",
                CONNECT_LIMIT.as_secs()
            )))
        })
    }

    async fn query(
        client: &Client,
        query: &str,
        limit: Duration,
    ) -> Result<Vec<Vec<String>>, EngineError> {
        let answer = timeout(limit, client.simple_query(query)).await;
        let messages = answer
            .map_err(|_| {
                EngineError::Unreachable(format!(
                    "no answer to a query within {} s",
                    limit.as_secs()
                ))
            })?
            .map_err(|failure| error(&failure))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|column| row.get(column).unwrap_or_default().to_owned())
                    .collect(),
            ),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn value(client: &Client, query: &str, limit: Duration) -> Result<String, EngineError> {
        let rows = Self::query(client, query, limit).await?;
        Ok(rows.into_iter().flatten().next().unwrap_or_default())
    }

    async fn same_session(&self) -> Result<(), EngineError> {
        let pid = Self::value(&self.client, "SELECT pg_backend_pid()", PING_LIMIT).await?;
        if pid == self.pid {
            Ok(())
        } else {
            Err(EngineError::Pooled)
        }
    }
}

impl Engine for PostgreSql {
    const KIND: common::Engine = common::Engine::PostgreSQL;
    const ENDS_SESSIONS: bool = true;

    async fn connect(access: &Access, name: &str) -> Result<Self, EngineError> {
        let (client, connection) = Self::open(access, name).await?;
        let query = "SELECT pg_backend_pid(), current_setting('server_version'), current_setting('server_version_num'), \
                     pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on', current_schema()";
        let mut row = Self::query(&client, query, QUERY_LIMIT)
            .await?
            .into_iter()
            .flatten();
        let mut next = || row.next().unwrap_or_default();
        let (pid, version, number, read_only) = (next(), next(), next(), next());
        let schema = next();
        let session = Self {
            client,
            connection,
            pid,
            version: version.split(' ').next().unwrap_or_default().to_owned(),
            number: number.parse().unwrap_or(0),
            schema: Some(schema).filter(|schema| !schema.is_empty()),
        };
        if read_only == "t" {
            return Err(EngineError::ReadOnly);
        }
        for (name, value) in lock_settings(session.number) {
            Self::query(
                &session.client,
                &format!("SET {name} = {value}"),
                QUERY_LIMIT,
            )
            .await?;
        }
        Ok(session)
    }

    fn server(&self) -> String {
        format!("PostgreSQL {}", self.version)
    }

    fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    async fn refuse_pooler(&self, access: &Access, name: &str) -> Result<(), EngineError> {
        let (client, connection) = Self::open(access, name).await?;
        let mut found = Ok(());
        // By turns: a pooler that lends a session for one transaction gives the one just returned to whoever asks next.
        for _ in 0..3 {
            let other = Self::value(&client, "SELECT pg_backend_pid()", PING_LIMIT).await?;
            found = if other == self.pid {
                Err(EngineError::Pooled)
            } else {
                self.same_session().await
            };
            if found.is_err() {
                break;
            }
        }
        connection.abort();
        found
    }

    async fn try_lock(&self) -> Result<bool, EngineError> {
        let query = format!("SELECT pg_try_advisory_lock({LOCK_KEY})");
        Ok(Self::value(&self.client, &query, QUERY_LIMIT).await? == "t")
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.same_session().await
    }

    async fn tool_sessions(&self) -> Result<Vec<i64>, EngineError> {
        let query = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND starts_with(application_name, '{TOOL_SESSIONS}') ORDER BY pid"
        );
        let rows = Self::query(&self.client, &query, QUERY_LIMIT).await?;
        Ok(rows
            .into_iter()
            .flatten()
            .filter_map(|pid| pid.parse().ok())
            .collect())
    }

    async fn terminate(&self, sessions: &[i64]) -> Result<(), EngineError> {
        for session in sessions {
            Self::query(
                &self.client,
                &format!("SELECT pg_terminate_backend({session})"),
                QUERY_LIMIT,
            )
            .await?;
        }
        Ok(())
    }

    async fn rows(&self, query: &str) -> Result<Option<Vec<Vec<String>>>, EngineError> {
        match Self::query(&self.client, query, QUERY_LIMIT).await {
            Ok(rows) => Ok(Some(rows)),
            Err(EngineError::Refused { code, .. })
                if code == SqlState::UNDEFINED_TABLE.code()
                    || code == SqlState::INVALID_SCHEMA_NAME.code() =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn invalid_indexes(&self) -> Result<Vec<String>, EngineError> {
        let query = "SELECT n.nspname || '.' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND n.nspname <> 'pg_toast' ORDER BY 1";
        Ok(Self::query(&self.client, query, QUERY_LIMIT)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    fn guards(&self, name: &str, may_time_out: bool) -> Guards {
        let mut settings = keepalives();
        if self.number >= 140_000 {
            // A session whose client is gone ends within a second instead of going on for as long as its statement takes.
            settings.push(("client_connection_check_interval", "1000".to_owned()));
        }
        if may_time_out {
            // Behind a long reader an ALTER would queue, and everyone behind it. CREATE INDEX CONCURRENTLY must be able to wait.
            settings.push(("lock_timeout", "5s".to_owned()));
        }
        Guards {
            settings,
            session: Some(session_name(TOOL_SESSIONS, name)),
            schema: self.schema.clone(),
        }
    }
}

/// Settings of the session that holds the lock: it may idle for ever, and a node that is cut off loses it.
fn lock_settings(number: u32) -> Vec<(&'static str, String)> {
    let mut settings = keepalives();
    settings.push(("statement_timeout", "0".to_owned()));
    settings.push(("idle_in_transaction_session_timeout", "0".to_owned()));
    if number >= 140_000 {
        settings.push(("idle_session_timeout", "0".to_owned()));
    }
    settings
}

fn keepalives() -> Vec<(&'static str, String)> {
    vec![
        ("tcp_keepalives_idle", KEEPALIVE_IDLE.as_secs().to_string()),
        (
            "tcp_keepalives_interval",
            KEEPALIVE_INTERVAL.as_secs().to_string(),
        ),
        ("tcp_keepalives_count", KEEPALIVE_COUNT.to_string()),
    ]
}

/// `application_name` holds 63 bytes; longer names are cut by the server.
fn session_name(prefix: &str, name: &str) -> String {
    let text = format!("{prefix}{name}");
    let length = text
        .char_indices()
        .map(|(at, character)| at + character.len_utf8())
        .take_while(|end| *end <= 63)
        .last();
    text.get(..length.unwrap_or(0))
        .unwrap_or_default()
        .to_owned()
}

fn config(access: &Access, name: &str) -> Config {
    let mut config = Config::new();
    config
        .host(&access.host)
        .port(u16::try_from(access.port).unwrap_or(5432))
        .dbname(&access.database)
        .user(&access.user)
        .password(&access.password)
        .application_name(session_name("slipway-lock/", name))
        .connect_timeout(CONNECT_LIMIT)
        .keepalives(true)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_COUNT)
        .ssl_mode(match access.tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
        });
    // As the tool's sessions have them: with another search_path this one would read another version table.
    if let Ok(options) = std::env::var("PGOPTIONS") {
        config.options(options);
    }
    config
}

/// The server's own answer keeps its code; everything else is a connection that does not work, in words without values.
fn error(error: &tokio_postgres::Error) -> EngineError {
    if let Some(answer) = error.as_db_error() {
        return EngineError::Refused {
            code: answer.code().code().to_owned(),
            primary: answer.message().to_owned(),
        };
    }
    if let Some(untrusted) = tls::untrusted(error) {
        return untrusted;
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    EngineError::Unreachable(text)
}

#[cfg(test)]
mod tests {
    use super::{TOOL_SESSIONS, session_name};

    #[test]
    fn a_session_is_named_for_its_attempt_within_the_servers_63_bytes() {
        let name = "1d0c6b1e-7c52-4a8b-9f5e-0a4b7f6d2c11/12";
        assert_eq!(session_name(TOOL_SESSIONS, name), format!("slipway/{name}"));
        assert_eq!(session_name("slipway-lock/", &"é".repeat(40)).len(), 63);
    }
}
