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
#[path = "contracts/flyway.rs"]
mod flyway;
#[path = "contracts/golang_migrate.rs"]
mod golang_migrate;
#[path = "contracts/golang_migrate_connection.rs"]
mod golang_migrate_connection;
#[path = "contracts/goose.rs"]
mod goose;
