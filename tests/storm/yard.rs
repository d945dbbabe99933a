//! Where the storm goes on: two servers that may be restarted under everybody.

use anyhow::Result;
use mysql_async::prelude::Queryable;
use slipway::api::common::Engine;
use tokio::sync::RwLock;

use crate::bench::{Bench, LIMIT, PASSWORD};
use crate::cluster::mariadb::MariaDb;
use crate::cluster::postgres::Postgres;
use crate::cluster::server::Options;
use crate::cluster::{debian, wait};

/// The servers of the storm.
pub struct Yard {
    postgres: RwLock<Postgres>,
    mariadb: RwLock<MariaDb>,
}

impl Yard {
    pub async fn open() -> Result<Self> {
        debian::prepare()?;
        Ok(Self {
            postgres: RwLock::new(Postgres::start(Options::scratch()).await?),
            mariadb: RwLock::new(MariaDb::start(Options::scratch()).await?),
        })
    }

    pub async fn bench(&self, engine: Engine) -> Result<Bench> {
        match engine {
            Engine::PostgreSQL => Bench::on(&*self.postgres.read().await, &[]).await,
            Engine::MySQL => Bench::on_mariadb(&*self.mariadb.read().await, &[]).await,
        }
    }

    pub async fn restart(&self, engine: Engine) -> Result<()> {
        match engine {
            Engine::PostgreSQL => self.postgres.write().await.restart().await,
            Engine::MySQL => self.mariadb.write().await.restart().await,
        }
    }

    /// Carries out SQL as the superuser; a server that is just restarting is waited for.
    pub async fn execute(&self, engine: Engine, database: &str, sql: &str) -> Result<()> {
        self.ask(engine, database, sql).await.map(drop)
    }

    /// The first number of the first row; 0 where there is none.
    pub async fn ask(&self, engine: Engine, database: &str, sql: &str) -> Result<i64> {
        wait::until("an answer of the database", LIMIT, async || {
            self.try_ask(engine, database, sql).await
        })
        .await
    }

    async fn try_ask(&self, engine: Engine, database: &str, sql: &str) -> Result<i64, String> {
        match engine {
            Engine::PostgreSQL => {
                let server = self.postgres.read().await;
                let client = server.connect_as(database, PASSWORD, database).await;
                let client = client.map_err(|error| error.to_string())?;
                let answers = client.simple_query(sql).await;
                let answers = answers.map_err(|error| format!("{error:?}"))?;
                let number = answers.iter().find_map(|answer| match answer {
                    tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                    _ => None,
                });
                Ok(number.unwrap_or_default())
            }
            Engine::MySQL => {
                let server = self.mariadb.read().await;
                let connection = server.connect(Some(database)).await;
                let mut connection = connection.map_err(|error| error.to_string())?;
                let answer: Result<Option<mysql_async::Row>, _> = connection.query_first(sql).await;
                let row = answer.map_err(|error| error.to_string())?;
                Ok(row.and_then(|row| row.get(0)).unwrap_or_default())
            }
        }
    }
}
