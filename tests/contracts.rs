//! The contracts: what the real tools alone do on the real servers, where Slipway relies on it (`migrations.md` section 1). Where a new version
//! of a tool does something else, it shows here first.

#[allow(
    dead_code,
    reason = "the runner's tests use the rest of what is shared with them"
)]
#[path = "runner/bench.rs"]
mod bench;
#[path = "cluster/mod.rs"]
mod cluster;
#[path = "contracts/connections.rs"]
mod connections;
#[path = "contracts/flyway.rs"]
mod flyway;
#[path = "contracts/flyway_mysql.rs"]
mod flyway_mysql;
#[path = "contracts/flyway_settings.rs"]
mod flyway_settings;
#[path = "contracts/flyway_shell.rs"]
mod flyway_shell;
#[path = "contracts/golang_migrate.rs"]
mod golang_migrate;
#[path = "contracts/golang_migrate_connection.rs"]
mod golang_migrate_connection;
#[path = "contracts/golang_migrate_mysql.rs"]
mod golang_migrate_mysql;
#[path = "contracts/goose.rs"]
mod goose;
#[path = "contracts/goose_files.rs"]
mod goose_files;
#[path = "contracts/goose_mysql.rs"]
mod goose_mysql;
#[path = "contracts/ipv6.rs"]
mod ipv6;
#[path = "contracts/search_paths.rs"]
mod search_paths;
#[path = "contracts/tls.rs"]
mod tls;
