//! Whether the tools of two attempts were ever at work at once in a database of a bench. Each statement that defines something is witnessed when
//! it begins, which no body is without, and the server's own log keeps what was seen, also when the body is rolled back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::cluster::postgres::Postgres;

/// What a line of the server's log begins with that tells of two.
const MET: &str = "two attempts at work at once in";

/// A witness in one database.
#[derive(Clone, Debug)]
pub struct Witness {
    database: String,
    log: PathBuf,
}

impl Witness {
    pub async fn place(server: &Postgres, database: &str) -> Result<Self> {
        let client = server.connect(database).await?;
        client.batch_execute(&trigger()).await?;
        Ok(Self {
            database: database.to_owned(),
            log: server.log_path(),
        })
    }

    pub fn saw_none_meet(&self) -> Result<()> {
        let log = fs::read(&self.log).context("the log of the witness' server")?;
        let log = String::from_utf8_lossy(&log);
        let begin = format!("{MET} {}:", self.database);
        let met = log.lines().find(|line| line.contains(&begin));
        ensure!(met.is_none(), "{}", met.unwrap_or_default());
        Ok(())
    }
}

/// A tool's session is called by its attempt. One that waits for a lock of the tool's own does nothing.
fn trigger() -> String {
    format!(
        "create schema witness;
         create function witness.see() returns event_trigger language plpgsql security definer as $body$
           declare own text := current_setting('application_name');
           declare other text;
           begin
             if not starts_with(own, 'slipway/') then return; end if;
             select application_name into other from pg_stat_activity
               where datname = current_database() and starts_with(application_name, 'slipway/') and application_name <> own
               and state <> 'idle' and wait_event_type is distinct from 'Lock' limit 1;
             if found then raise log '{MET} %: % beside %', current_database(), own, other; end if;
           end $body$;
         create event trigger witness on ddl_command_start execute function witness.see();"
    )
}
