//! What the pod tells the runner of its attempt.

use std::time::Duration;

use serde_json::{Value, json};

use super::attempt::Attempt;
use super::environment;
use super::volumes::{CONFIG_MAP_FOLDER, FILES_FOLDER, image_folder};
use crate::api::common::Tool;
use crate::core::migration::parameters::{ConfigMapFiles, PARAMETERS_VARIABLE, RunParameters};
use crate::core::migration::program::has_own_user;
use crate::core::run::ticket::Ticket;

/// The environment variable that holds them.
pub(super) fn variable(attempt: &Attempt, ticket: &Ticket) -> Value {
    let text = serde_json::to_string(&parameters(attempt, ticket)).unwrap_or_default();
    json!({"name": PARAMETERS_VARIABLE, "value": text})
}

fn parameters(attempt: &Attempt, ticket: &Ticket) -> RunParameters {
    let database = attempt.endpoint();
    let times = attempt.times();
    let options = &attempt.spec.options;
    let source = &attempt.spec.source;
    let files = source.path.as_ref().or(source.config_map.as_ref());
    let config_map = source.config_map.as_ref().map(|name| ConfigMapFiles {
        name: name.clone(),
        folder: CONFIG_MAP_FOLDER.to_owned(),
        digest: source.digest.clone().unwrap_or_default(),
    });
    RunParameters {
        migration_uid: ticket.migration_uid.clone(),
        plan_key: ticket.plan_key.clone(),
        attempt: attempt.number,
        mode: attempt.mode,
        tool: ticket.tool,
        engine: database.engine,
        host: database.host,
        port: database.port,
        database: database.name,
        tls: database.tls,
        authority: database.authority.map(|_| environment::authority_file()),
        own_user: has_own_user(&attempt.database.spec),
        files: files.map(|_| FILES_FOLDER.to_owned()).unwrap_or_default(),
        image_folder: image_folder(attempt),
        config_map,
        target: attempt.spec.target.clone(),
        known: attempt.known.cloned(),
        may_have_run: attempt.may_have_run,
        out_of_order: options.out_of_order.unwrap_or_default(),
        tool_path: options.tool_path.clone(),
        command: Vec::new(),
        read_back: options.read_back,
        idempotent: options.idempotent == Some(true),
        secrets: environment::secrets(&options.env),
        version_table: ticket.version_table.clone(),
        // A program has no list to compare: its approval is bound to the plan key.
        approved: attempt
            .approved
            .clone()
            .filter(|_| ticket.tool != Tool::Exec),
        lock_wait_seconds: seconds(times.lock_wait),
        run_seconds: seconds(times.run),
        grace_seconds: seconds(times.grace),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
