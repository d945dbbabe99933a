//! The runner as a process, against real databases and the real tools. Numbers are those of the cases of the migrations page.

#[path = "runner/approval.rs"]
mod approval;
#[path = "runner/bench.rs"]
mod bench;
#[path = "runner/cases.rs"]
mod cases;
#[path = "cluster/mod.rs"]
mod cluster;
#[path = "runner/config_map.rs"]
mod config_map;
#[path = "runner/copies.rs"]
mod copies;
#[path = "runner/edges.rs"]
mod edges;
#[path = "runner/ends.rs"]
mod ends;
#[path = "runner/exec.rs"]
mod exec;
#[path = "runner/exec_mysql.rs"]
mod exec_mysql;
#[path = "runner/flyway.rs"]
mod flyway;
#[path = "runner/flyway_mysql.rs"]
mod flyway_mysql;
#[path = "runner/flyway_sessions.rs"]
mod flyway_sessions;
#[path = "runner/flyway_settings.rs"]
mod flyway_settings;
#[path = "runner/galera.rs"]
mod galera;
#[path = "runner/golang_migrate.rs"]
mod golang_migrate;
#[path = "runner/golang_migrate_mysql.rs"]
mod golang_migrate_mysql;
#[path = "runner/goose.rs"]
mod goose;
#[path = "runner/image_volume.rs"]
mod image_volume;
#[path = "runner/lock_guard.rs"]
mod lock_guard;
#[path = "runner/mysql.rs"]
mod mysql;
#[path = "runner/mysql_sessions.rs"]
mod mysql_sessions;
#[path = "runner/own_commit.rs"]
mod own_commit;
#[path = "runner/postgresql_servers.rs"]
mod postgresql_servers;
#[path = "runner/postgresql_sessions.rs"]
mod postgresql_sessions;
#[path = "runner/search_paths.rs"]
mod search_paths;
#[path = "runner/tls.rs"]
mod tls;
