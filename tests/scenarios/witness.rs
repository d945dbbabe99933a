//! A migration that is watched from inside its database. Its body writes a row when it begins and one when it ends, through a connection of its
//! own, so that the rows stay when the body is rolled back or killed; between the two it sleeps until the test lets it go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::cluster::canary::PASSWORD;
use crate::cluster::history::History;
use crate::cluster::postgres::{Postgres, SUPERUSER};
use crate::cluster::release;
use crate::cluster::session::Cluster;
use crate::cluster::wait;
use crate::sources::Sources;
use crate::world::{PATIENCE, World};

const FILES: Sources = Sources("witness");

/// What the migration is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    Transactional,
    Halves,
    /// The transactional one, and another that only writes down that it was there.
    More,
    /// The transactional one, and a third without the second.
    Other,
    /// The transactional one, another, and a third that the server refuses.
    Refused,
    /// For MariaDB: it makes its witness itself, and waits for nobody.
    MariaDb,
    /// Statement by statement, and the server refuses the last one.
    Partial,
    /// The first, second and third.
    Late,
}

impl Body {
    const ALL: [Self; 8] = [
        Self::Transactional,
        Self::Halves,
        Self::More,
        Self::Other,
        Self::Refused,
        Self::MariaDb,
        Self::Partial,
        Self::Late,
    ];

    /// Its image.
    pub fn image(self) -> String {
        FILES.image(self.folder())
    }

    /// An image of it that the user of migration pods may not read; there is one of the transactional.
    pub fn unreadable_image(self) -> String {
        FILES.unreadable_image(self.folder())
    }

    /// Its folder of migrations.
    const fn folder(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Halves => "halves",
            Self::More => "more",
            Self::Other => "other",
            Self::Refused => "refused",
            Self::MariaDb => "mariadb",
            Self::Partial => "partial",
            Self::Late => "late",
        }
    }
}

/// Loads the images.
pub async fn load_images(cluster: &Cluster) -> Result<()> {
    FILES.load(cluster, &Body::ALL.map(Body::folder)).await?;
    let unreadable = Body::Transactional.folder();
    FILES.load_unreadable(cluster, unreadable).await
}

/// What was seen in the database, in the ledger and among the Jobs, from the beginning to the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Story {
    /// The ledger's records, each `outcome/reason`.
    pub outcomes: Vec<String>,
    /// The Jobs that were armed: `1`, `c1` for a Check run, `2`.
    pub runs: Vec<String>,
    /// How often the body began, and came to its end.
    pub begun: i64,
    pub ended: i64,
    /// What the body does, once for each time that it came to stay.
    pub effects: i64,
    /// The versions that goose's table holds.
    pub versions: Vec<i64>,
}

impl Story {
    /// A migration that was done once in the end.
    pub fn done(outcomes: &[&str], runs: &[&str], begun: i64) -> Self {
        Self {
            outcomes: outcomes.iter().map(|text| (*text).to_owned()).collect(),
            runs: runs.iter().map(|text| (*text).to_owned()).collect(),
            begun,
            ended: 1,
            effects: 1,
            versions: vec![1],
        }
    }
}

/// A database with a witness in it.
pub struct Witnessed {
    pub name: String,
    rows: Client,
    kept: Arc<Kept>,
}

/// What is known of a witness when its scenario has ended: where it stands, and whether it was asked already.
pub struct Kept {
    database: String,
    address: SocketAddr,
    superuser: String,
    asked: AtomicBool,
}

impl Kept {
    /// Asks the witness, and one whose server is gone whether it was asked before.
    pub async fn overlaps(&self) -> Result<Vec<String>> {
        let Self {
            database, address, ..
        } = self;
        match Postgres::connect_to(*address, SUPERUSER, &self.superuser, database).await {
            Ok(rows) => overlaps(&rows).await,
            Err(_) if self.asked.load(Ordering::Relaxed) => Ok(Vec::new()),
            Err(error) => {
                Err(error.context(format!("nobody asked the witness of {database} in time")))
            }
        }
    }
}

impl Witnessed {
    /// Makes the database, the witness, Secret and Database object on a server.
    pub async fn on(world: &World, postgres: &Postgres, name: &str) -> Result<Self> {
        let manifest =
            release::database_on(world.cluster(), postgres, &world.namespace, name, PASSWORD)
                .await?;
        let rows = postgres.connect(&world.database_name(name)).await?;
        rows.batch_execute(&witness(postgres, &world.database_name(name)))
            .await?;
        world.apply(&manifest).await?;
        let kept = Arc::new(Kept {
            database: world.database_name(name),
            address: postgres.address(),
            superuser: postgres.superuser_password().to_owned(),
            asked: AtomicBool::new(false),
        });
        world.overlaps.keep(&kept);
        Ok(Self {
            name: name.to_owned(),
            rows,
            kept,
        })
    }

    /// Takes a new connection, after the server was away.
    pub async fn reconnect(&mut self, world: &World, postgres: &Postgres) -> Result<()> {
        self.rows = postgres.connect(&world.database_name(&self.name)).await?;
        Ok(())
    }

    /// Lets bodies come to their end.
    pub async fn let_go(&self) -> Result<()> {
        Ok(self.rows.batch_execute("delete from witness.held").await?)
    }

    /// What a person does who undoes the first half by hand. There must be one.
    pub async fn undo_by_hand(&self) -> Result<()> {
        Ok(self.rows.batch_execute("drop table effect").await?)
    }

    /// Waits until the body has begun so often, and asks nobody in the cluster.
    pub async fn until_begun(&self, times: i64) -> Result<()> {
        self.until("begin", times).await
    }

    /// Waits until the body has come to its end so often.
    pub async fn until_ended(&self, times: i64) -> Result<()> {
        self.until("end", times).await
    }

    /// Waits until a body that runs statement by statement has begun and its first half has come to stay, so that a person has something to
    /// undo. That it has begun does not say so: the witness writes that down before the body does anything.
    pub async fn until_half_done(&self) -> Result<()> {
        self.until_begun(1).await?;
        let sentence = format!("the first half of the body of {}", self.name);
        wait::until(&sentence, PATIENCE, async || {
            let effects = self.effects().await?;
            ensure!(effects == 1, "its effect is there {effects} times");
            anyhow::Ok(())
        })
        .await
    }

    async fn until(&self, what: &str, times: i64) -> Result<()> {
        let sentence = format!("the body of {} to {what} for the {times}. time", self.name);
        wait::until(&sentence, PATIENCE, async || {
            let count = self.count(what).await?;
            ensure!(count >= times, "it did {count} times");
            anyhow::Ok(())
        })
        .await
    }

    async fn count(&self, what: &str) -> Result<i64> {
        let query = "select count(*) from witness.rows where what = $1";
        Ok(self.rows.query_one(query, &[&what]).await?.get(0))
    }

    /// Bodies that met another one at work, by the witness' rows.
    pub async fn overlaps(&self) -> Result<Vec<String>> {
        self.kept.asked.store(true, Ordering::Relaxed);
        overlaps(&self.rows).await
    }

    /// How long after the first end of a body the next one began.
    pub async fn hand_over(&self) -> Result<Duration> {
        let query = "select extract(epoch from min(at) filter (where what = 'begin' and at > ended) - min(ended))::float8 \
                     from witness.rows, (select min(at) as ended from witness.rows where what = 'end') as first";
        let seconds: f64 = self.rows.query_one(query, &[]).await?.get(0);
        Ok(Duration::from_secs_f64(seconds))
    }

    /// The whole story of a Backend's only migration.
    pub async fn story(&self, history: &History, backend: &str) -> Result<Story> {
        Ok(Story {
            outcomes: history.outcomes(&self.name),
            runs: history.runs(backend),
            begun: self.count("begin").await?,
            ended: self.count("end").await?,
            effects: self.effects().await?,
            versions: self.versions().await?,
        })
    }

    /// How often the body's effect is there for others to see.
    async fn effects(&self) -> Result<i64> {
        let made = "select to_regclass('effect') is not null";
        Ok(if self.rows.query_one(made, &[]).await?.get(0) {
            let query = "select count(*) from effect";
            self.rows.query_one(query, &[]).await?.get(0)
        } else {
            0
        })
    }

    async fn versions(&self) -> Result<Vec<i64>> {
        let query = "select version_id from goose_db_version where is_applied and version_id > 0 order by id";
        let rows = self.rows.query(query, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

async fn overlaps(rows: &Client) -> Result<Vec<String>> {
    let query = "select format('session %s met %s others at %s', session, others, at) from witness.rows where others > 0";
    let rows = rows.query(query, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A Backend that has nothing but the migration.
pub fn backend(world: &World, name: &str, database: &str, body: Body) -> Value {
    let source = json!({"image": body.image(), "path": "/migrations"});
    let migration = json!({"name": "schema", "tool": "Goose", "source": source});
    world.migrating(name, "slipway.test/orders:1.0.0", database, &migration)
}

/// Only the superuser may connect from within; the functions run with its rights. A row counts the bodies that had begun, had not ended, and
/// whose session was still there when it was written.
fn witness(postgres: &Postgres, database: &str) -> String {
    let connection = format!(
        "host={} port={} dbname={database} user={SUPERUSER} password={}",
        postgres.address().ip(),
        postgres.port(),
        postgres.superuser_password()
    );
    format!(
        "create extension dblink;
         create schema witness;
         grant usage on schema witness to public;
         create table witness.rows (what text, session integer, others bigint, at timestamptz default clock_timestamp());
         create table witness.held (yes boolean);
         insert into witness.held values (true);
         create function witness.write(what text) returns void language plpgsql security definer as $body$
           begin
             perform public.dblink_exec('{connection}', format($row$
               insert into witness.rows select %L, %s, count(*) from witness.rows theirs
                 join pg_stat_activity session on session.pid = theirs.session and session.application_name like 'slipway/%%'
                 where theirs.what = 'begin' and theirs.session <> %s
                 and not exists (select from witness.rows ends where ends.what = 'end' and ends.session = theirs.session)
             $row$, what, pg_backend_pid(), pg_backend_pid()));
           end $body$;
         create function witness.hold() returns void language plpgsql security definer as $body$
           begin
             while exists (select from witness.held) loop perform pg_sleep(0.05); end loop;
           end $body$;"
    )
}
