//! What bodies leave behind, and what a person makes of it.

use anyhow::Result;
use slipway::api::common::{Engine, Tool};

use super::Site;
use super::program::Promise;
use crate::bench::LIMIT;
use crate::cluster::wait;
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
        let text = match self.tool {
            Tool::Goose | Tool::Exec => format!("-- +goose Up\n{body}"),
            Tool::GolangMigrate | Tool::Flyway => body,
        };
        self.bench.write(&[(&self.file(plan), &text)])
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

    /// What the database says of a plan. Of a program that may be run again, only whether it has come to its end once.
    pub(super) async fn truth(&self, plan: u32) -> Result<Truth> {
        let begun = self.traces(plan, "begin").await?;
        let ended = self.traces(plan, "end").await?;
        if self.promise(plan) == Some(Promise::Idempotent) {
            return Ok(if ended > 0 {
                Truth::Done
            } else {
                Truth::Untouched
            });
        }
        let (has_row, is_dirty) = match self.table_of(plan) {
            Some(tool) => (self.has_row(tool, plan).await?, self.is_dirty(tool).await?),
            None => (ended > 0, false),
        };
        Ok(match (begun, ended, has_row, is_dirty) {
            (1, 1, true, false) => Truth::Done,
            (0, 0, false, false) => Truth::Untouched,
            _ => Truth::Half,
        })
    }

    async fn is_made(&self, table: &str) -> Result<bool> {
        let schema = match self.engine {
            Engine::PostgreSQL => "current_schema()",
            Engine::MySQL => "DATABASE()",
        };
        let sql = format!(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = {schema} AND table_name = '{table}'"
        );
        Ok(self.ask(&sql).await? > 0)
    }

    async fn count(&self, table: &str, condition: &str) -> Result<bool> {
        if !self.is_made(table).await? {
            return Ok(false);
        }
        let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
        Ok(self.ask(&sql).await? > 0)
    }

    async fn has_row(&self, tool: Tool, plan: u32) -> Result<bool> {
        let condition = match tool {
            Tool::Goose | Tool::Exec => format!("version_id = {plan}"),
            Tool::GolangMigrate => format!("version >= {plan}"),
            Tool::Flyway => format!("version = '{plan}' AND success = true"),
        };
        self.count(table(tool), &condition).await
    }

    async fn is_dirty(&self, tool: Tool) -> Result<bool> {
        match tool {
            Tool::Goose | Tool::Exec => Ok(false),
            Tool::GolangMigrate => self.count(table(tool), "dirty = true").await,
            Tool::Flyway => self.count(table(tool), "success = false").await,
        }
    }

    /// Waits until no session of a program is left. MySQL goes on with the statement of a client that was killed.
    async fn no_session(&self) -> Result<()> {
        if self.engine == Engine::PostgreSQL {
            return Ok(());
        }
        let name = &self.bench.parameters.database;
        let sql = format!(
            "SELECT count(*) FROM information_schema.processlist WHERE db = '{name}' AND user = '{name}'"
        );
        wait::until("the end of all sessions", LIMIT, async || {
            match self.ask(&sql).await {
                Ok(0) => Ok(()),
                Ok(left) => Err(format!("{left} sessions")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// A person sees to it that nobody is at work, undoes what is half done, as the message says, and asks for another try.
    pub(super) async fn repair(&mut self, plan: u32) -> Result<()> {
        self.end_ghosts().await?;
        self.no_session().await?;
        let tool = self.table_of(plan);
        if tool.is_none() || self.truth(plan).await? != Truth::Done {
            self.execute(&format!("DELETE FROM trace WHERE plan = {plan}"))
                .await?;
        }
        if let Some(tool) = tool
            && self.truth(plan).await? != Truth::Done
            && self.is_made(table(tool)).await?
        {
            for sql in undo(tool, plan) {
                self.execute(&sql).await?;
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
}

/// The version table of a tool.
fn table(tool: Tool) -> &'static str {
    match tool {
        Tool::Goose | Tool::Exec => "goose_db_version",
        Tool::GolangMigrate => "schema_migrations",
        Tool::Flyway => "flyway_schema_history",
    }
}

/// What takes a plan out of its tool's table.
fn undo(tool: Tool, plan: u32) -> Vec<String> {
    match tool {
        Tool::Goose | Tool::Exec => {
            vec![format!(
                "DELETE FROM goose_db_version WHERE version_id = {plan}"
            )]
        }
        Tool::GolangMigrate => {
            let before = plan - 1;
            let row = format!("INSERT INTO schema_migrations VALUES ({before}, false)");
            let row = (before > 0).then_some(row);
            let none = "DELETE FROM schema_migrations".to_owned();
            [none].into_iter().chain(row).collect()
        }
        Tool::Flyway => {
            vec![format!(
                "DELETE FROM flyway_schema_history WHERE version = '{plan}'"
            )]
        }
    }
}
