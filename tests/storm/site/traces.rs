//! What bodies leave behind, and what a person makes of it.

use anyhow::Result;
use slipway::api::common::{Engine, Tool};

use super::Site;
use crate::world::Truth;

impl Site<'_> {
    /// The file of a plan. On PostgreSQL sequences remember what a rollback takes away; on MySQL the table knows no rollback.
    pub(super) async fn write(&self, plan: u32) -> Result<()> {
        let body = match self.engine {
            Engine::PostgreSQL => {
                let sequence = format!("CREATE SEQUENCE IF NOT EXISTS begun_{plan}");
                self.execute(&sequence).await?;
                format!(
                    "SELECT nextval('begun_{plan}');\n\
                     SELECT CASE WHEN NOT pg_try_advisory_xact_lock(4711) THEN nextval('overlapped') END;\n\
                     INSERT INTO trace VALUES ({plan}, 'begin', clock_timestamp());\n\
                     SELECT pg_sleep(0.3);\n\
                     INSERT INTO trace VALUES ({plan}, 'end', clock_timestamp());\n"
                )
            }
            Engine::MySQL => {
                let lock = format!("witness.{}", self.bench.parameters.database);
                format!(
                    "INSERT INTO trace SELECT 0, 'overlap', NOW(6) FROM DUAL WHERE GET_LOCK('{lock}', 0) = 0;\n\
                     INSERT INTO trace VALUES ({plan}, 'begin', NOW(6));\n\
                     INSERT INTO trace SELECT -1, 'sleep', NOW(6) FROM DUAL WHERE SLEEP(0.3) = 1;\n\
                     INSERT INTO trace VALUES ({plan}, 'end', NOW(6));\n"
                )
            }
        };
        match self.tool {
            Tool::Goose => {
                let text = format!("-- +goose Up\n{body}");
                self.bench.write(&[(&format!("{plan}_body.sql"), &text)])
            }
            _ => self.bench.write(&[(&format!("{plan}_body.up.sql"), &body)]),
        }
    }

    /// How often a body has begun.
    pub(super) async fn begun(&self, plan: u32) -> Result<i64> {
        match self.engine {
            Engine::PostgreSQL => {
                let sql = format!(
                    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM begun_{plan}"
                );
                self.ask(&sql).await
            }
            Engine::MySQL => self.traces(plan, "begin").await,
        }
    }

    pub(super) async fn overlaps(&self) -> Result<i64> {
        match self.engine {
            Engine::PostgreSQL => {
                let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM overlapped";
                self.ask(sql).await
            }
            Engine::MySQL => self.traces(0, "overlap").await,
        }
    }

    async fn traces(&self, plan: u32, what: &str) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM trace WHERE plan = {plan} AND what = '{what}'");
        self.ask(&sql).await
    }

    /// What the database says of a plan.
    pub(super) async fn truth(&self, plan: u32) -> Result<Truth> {
        let begun = self.traces(plan, "begin").await?;
        let ended = self.traces(plan, "end").await?;
        let (row, dirty) = (self.has_row(plan).await?, self.is_dirty().await?);
        Ok(match (begun, ended, row, dirty) {
            (1, 1, true, false) => Truth::Done,
            (0, 0, false, false) => Truth::Untouched,
            _ => Truth::Half,
        })
    }

    async fn has_table(&self) -> Result<bool> {
        let schema = match self.engine {
            Engine::PostgreSQL => "current_schema()",
            Engine::MySQL => "DATABASE()",
        };
        let table = &self.bench.parameters.version_table;
        let sql = format!(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = {schema} AND table_name = '{table}'"
        );
        Ok(self.ask(&sql).await? > 0)
    }

    async fn has_row(&self, plan: u32) -> Result<bool> {
        if !self.has_table().await? {
            return Ok(false);
        }
        let sql = match self.tool {
            Tool::Goose => {
                format!("SELECT count(*) FROM goose_db_version WHERE version_id = {plan}")
            }
            _ => format!("SELECT count(*) FROM schema_migrations WHERE version >= {plan}"),
        };
        Ok(self.ask(&sql).await? > 0)
    }

    async fn is_dirty(&self) -> Result<bool> {
        if self.tool != Tool::GolangMigrate || !self.has_table().await? {
            return Ok(false);
        }
        let sql = "SELECT count(*) FROM schema_migrations WHERE dirty = true";
        Ok(self.ask(sql).await? > 0)
    }

    /// A person undoes what is half done, as the message says, and asks for another try.
    pub(super) async fn repair(&mut self, plan: u32) -> Result<()> {
        if self.truth(plan).await? != Truth::Done {
            self.execute(&format!("DELETE FROM trace WHERE plan = {plan}"))
                .await?;
            let goose = format!("DELETE FROM goose_db_version WHERE version_id = {plan}");
            match (self.tool, self.has_table().await?) {
                (_, false) => {}
                (Tool::Goose, true) => self.execute(&goose).await?,
                (_, true) => {
                    self.execute("DELETE FROM schema_migrations").await?;
                    if plan > 1 {
                        let row =
                            format!("INSERT INTO schema_migrations VALUES ({}, false)", plan - 1);
                        self.execute(&row).await?;
                    }
                }
            }
        }
        self.figures.repairs += 1;
        let image = format!("orders:{plan}");
        let migrations = self.world.server.migrations.iter();
        let mut asked = migrations.filter(|(_, one)| one.object.spec.source.image == image);
        let name = asked.next().map(|(name, _)| name.to_string());
        let token = u8::try_from(self.figures.repairs % 256)?;
        if let Some(name) = name {
            self.world.ask_again(&name, token);
        }
        Ok(())
    }

    async fn ask(&self, sql: &str) -> Result<i64> {
        let database = &self.bench.parameters.database;
        self.yard.ask(self.engine, database, sql).await
    }

    async fn execute(&self, sql: &str) -> Result<()> {
        self.ask(sql).await.map(drop)
    }
}
