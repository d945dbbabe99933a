//! Looks into the database of a bench: who is at work, and what the tools' tables say.

use anyhow::Result;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use slipway::api::common::Engine;
use tokio_postgres::Client;

use super::{Bench, LIMIT, PASSWORD, mariadb, server};
use crate::cluster::wait;

impl Bench {
    /// The superuser's connection to the database.
    pub async fn client(&self) -> Result<Client> {
        server().await?.connect(&self.parameters.database).await
    }

    /// MariaDB's superuser's connection to the database.
    pub async fn mysql_client(&self) -> Result<Conn> {
        mariadb()
            .await?
            .connect(Some(&self.parameters.database))
            .await
    }

    /// The user's own connection.
    pub async fn user(&self) -> Result<Client> {
        server()
            .await?
            .connect_as(
                &self.parameters.database,
                PASSWORD,
                &self.parameters.database,
            )
            .await
    }

    /// Flyway's table: of each row version or file, type and whether it succeeded, in the order of their ranks.
    pub async fn history(&self) -> Result<Vec<String>> {
        let query = "SELECT coalesce(version, script) || ' ' || type || ' ' || success FROM flyway_schema_history \
                     ORDER BY installed_rank";
        let rows = self.client().await?.query(query, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Waits until the tool's session sleeps in the database, and returns its process there.
    pub async fn asleep(&self) -> Result<i32> {
        if self.parameters.engine == Engine::MySQL {
            return self.mysql_session("State = 'User sleep'").await;
        }
        self.session("wait_event = 'PgSleep' AND application_name LIKE 'slipway/%'")
            .await
    }

    /// Waits for a session of this database that fits.
    pub async fn session(&self, condition: &str) -> Result<i32> {
        let client = self.client().await?;
        let query = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {condition}"
        );
        wait::until("a session", LIMIT, async || {
            match client.query_opt(&query, &[]).await {
                Ok(Some(row)) => Ok(row.get::<_, i32>(0)),
                Ok(None) => Err("no such session".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Waits for a session of this MariaDB database that fits.
    pub async fn mysql_session(&self, condition: &str) -> Result<i32> {
        let mut client = self.mysql_client().await?;
        let query = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND {condition}"
        );
        wait::until("a session", LIMIT, async || {
            match client.query_first::<i32, _>(query.as_str()).await {
                Ok(found) => found.ok_or_else(|| "no such session".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// The versions in goose's table, in the order of their rows.
    pub async fn versions(&self) -> Result<Vec<i64>> {
        let query = "SELECT version_id FROM goose_db_version ORDER BY id";
        if self.parameters.engine == Engine::MySQL {
            return Ok(self.mysql_client().await?.query(query).await?);
        }
        let rows = self.client().await?.query(query, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// golang-migrate's row: version, and whether it is dirty.
    pub async fn row(&self) -> Result<Option<(i64, bool)>> {
        let query = "SELECT version, dirty FROM schema_migrations";
        if self.parameters.engine == Engine::MySQL {
            return Ok(self.mysql_client().await?.query_first(query).await?);
        }
        let row = self.client().await?.query_opt(query, &[]).await?;
        Ok(row.map(|row| (row.get(0), row.get(1))))
    }

    /// Whether a relation is there.
    pub async fn has(&self, relation: &str) -> Result<bool> {
        if self.parameters.engine == Engine::MySQL {
            let query = format!("SHOW TABLES LIKE '{relation}'");
            let found: Option<String> = self.mysql_client().await?.query_first(query).await?;
            return Ok(found.is_some());
        }
        let row = self
            .client()
            .await?
            .query_one("SELECT to_regclass($1) IS NOT NULL", &[&relation])
            .await?;
        Ok(row.get(0))
    }
}
