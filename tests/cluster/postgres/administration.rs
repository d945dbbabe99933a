//! What its superuser does on a PostgreSQL server: connections, roles, databases.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use super::{Postgres, SUPERUSER};

impl Postgres {
    /// A superuser's connection to `database`.
    pub async fn connect(&self, database: &str) -> Result<Client> {
        self.connect_as(SUPERUSER, &self.password, database).await
    }

    /// A connection without TLS as `user`.
    pub async fn connect_as(&self, user: &str, password: &str, database: &str) -> Result<Client> {
        Self::connect_to(self.address(), user, password, database).await
    }

    /// A connection without TLS, to a server of which no more is known than this.
    pub async fn connect_to(
        address: SocketAddr,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<Client> {
        let (client, connection) = Config::new()
            .host(address.ip().to_string())
            .port(address.port())
            .user(user)
            .password(password)
            .dbname(database)
            .application_name("slipway-tests")
            .ssl_mode(SslMode::Disable)
            .connect_timeout(Duration::from_secs(5))
            .connect(NoTls)
            .await
            .with_context(|| format!("connect as {user} to database {database} at {address}"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates a role that can log in, unless it is there already, and a database that belongs to it.
    pub async fn create_database(&self, name: &str, user: &str, password: &str) -> Result<()> {
        self.set_password(user, password).await?;
        let statement = format!(
            "create database {} owner {}",
            identifier(name),
            identifier(user)
        );
        self.connect("postgres")
            .await?
            .batch_execute(&statement)
            .await
            .with_context(|| format!("create database {name}"))
    }

    /// Gives a role that can log in this password; creates it if it is not there.
    pub async fn set_password(&self, user: &str, password: &str) -> Result<()> {
        let client = self.connect("postgres").await?;
        let known = client
            .query_opt("select 1 from pg_roles where rolname = $1", &[&user])
            .await?;
        let verb = if known.is_some() { "alter" } else { "create" };
        let statement = format!(
            "{verb} role {} login password {}",
            identifier(user),
            literal(password)
        );
        client
            .batch_execute(&statement)
            .await
            .map_err(|_| anyhow!("cannot {verb} role {user}; the server's log tells why"))
    }

    /// Drops a database, cutting the connections to it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("drop database if exists {} with (force)", identifier(name));
        self.connect("postgres")
            .await?
            .batch_execute(&statement)
            .await
            .with_context(|| format!("drop database {name}"))
    }

    /// Ends all other connections to a database, as an administrator would. Returns how many.
    pub async fn terminate_connections(&self, database: &str) -> Result<u64> {
        let statement = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()";
        Ok(self
            .connect("postgres")
            .await?
            .execute(statement, &[&database])
            .await?)
    }
}

/// An SQL identifier in quotes.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An SQL literal in quotes; a backslash means nothing in it (`standard_conforming_strings`).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
