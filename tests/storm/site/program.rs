//! What a site migrates with: a tool with its files, or a program of one's own. That is goose, called in three ways: as a program whose
//! table is read back, as one of which only the exit code is known, and as one that may be run again.

use anyhow::Result;
use serde_json::{Value, json};
use slipway::api::common::{Engine, Tool};

use super::Site;
use crate::bench::{Bench, program};

/// What a program of one's own says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Promise {
    ReadBack,
    ExitCode,
    Idempotent,
}

/// The bench with what its tool reads beside the product's own variables.
pub(super) fn equipped(bench: Bench, tool: Tool) -> Result<Bench> {
    let mut bench = match tool {
        Tool::Exec => bench,
        tool => bench.with(tool)?,
    };
    let connection = match bench.parameters.engine {
        Engine::PostgreSQL => ("postgres", "sslmode=prefer".to_owned()),
        Engine::MySQL => {
            let (name, port) = (&bench.user, bench.parameters.port);
            let password = &bench.password;
            (
                "mysql",
                format!("{name}:{password}@tcp(127.0.0.1:{port})/{name}?parseTime=true"),
            )
        }
    };
    let variables = match tool {
        Tool::Goose | Tool::GolangMigrate => Vec::new(),
        // The traces are there before Flyway is.
        Tool::Flyway => vec![
            ("FLYWAY_BASELINE_ON_MIGRATE", "true".to_owned()),
            ("FLYWAY_BASELINE_VERSION", "0".to_owned()),
        ],
        Tool::Exec => vec![
            ("GOOSE_DRIVER", connection.0.to_owned()),
            ("GOOSE_DBSTRING", connection.1),
        ],
    };
    let variables = variables.into_iter();
    bench.environment = variables
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Ok(bench)
}

impl Site<'_> {
    pub(super) fn promise(&self, plan: u32) -> Option<Promise> {
        let promises = [Promise::ReadBack, Promise::ExitCode, Promise::Idempotent];
        let which = usize::try_from(plan % 3).unwrap_or_default();
        (self.tool == Tool::Exec).then(|| promises[which])
    }

    /// The tool in whose table a plan has a row when it is done.
    pub(super) fn table_of(&self, plan: u32) -> Option<Tool> {
        match (self.tool, self.promise(plan)) {
            (_, Some(Promise::ReadBack)) => Some(Tool::Goose),
            (_, Some(_)) => None,
            (tool, None) => Some(tool),
        }
    }

    /// Whether a runner that comes too late can know it. Of a program without a table only Kubernetes knows whether it ran.
    pub(super) fn has_table(&self, plan: u32) -> bool {
        self.table_of(plan).is_some()
    }

    /// The entry of the Backend's `spec.migrations`.
    pub(super) fn migration(&self, plan: u32) -> Value {
        let mut migration =
            json!({"name": "schema", "tool": self.tool, "source": {"path": "/migrations"}});
        if let Some(promise) = self.promise(plan) {
            migration["command"] = json!(["/app/migrate"]);
            match promise {
                Promise::ReadBack => migration["readBack"] = json!("Goose"),
                Promise::ExitCode => {}
                Promise::Idempotent => migration["idempotent"] = json!(true),
            }
        }
        migration
    }

    /// Where the body of a plan is.
    pub(super) fn file(&self, plan: u32) -> String {
        match (self.tool, self.promise(plan)) {
            (Tool::Flyway, _) => format!("V{plan}__body.sql"),
            (Tool::GolangMigrate, _) => format!("{plan}_body.up.sql"),
            (Tool::Goose, _) | (_, Some(Promise::ReadBack)) => format!("{plan}_body.sql"),
            (Tool::Exec, _) => format!("alone{plan}/{plan}_body.sql"),
        }
    }

    /// The program and its arguments, of tool Exec.
    pub(super) fn command(&self, plan: u32) -> Result<Vec<String>> {
        let Some(promise) = self.promise(plan) else {
            return Ok(Vec::new());
        };
        let goose = program(Tool::Goose)?.display().to_string();
        let files = &self.bench.parameters.files;
        let words = match promise {
            Promise::ReadBack => vec![
                goose,
                "-env=none".to_owned(),
                "-dir".to_owned(),
                files.clone(),
            ],
            Promise::ExitCode | Promise::Idempotent => vec![
                goose,
                "-env=none".to_owned(),
                "-no-versioning".to_owned(),
                "-dir".to_owned(),
                format!("{files}/alone{plan}"),
            ],
        };
        Ok([words, vec!["up".to_owned()]].concat())
    }
}
