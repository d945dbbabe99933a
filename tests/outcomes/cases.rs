//! What may run: each tool on each engine, in both kinds of files, and programs of one's own.

use slipway::api::common::{Engine, Tool};
use slipway::core::migration::judge::{End, Evidence, Judgement, Left, judge};
use slipway::core::migration::program::{self, Proof};

use super::seen::Seen;

const ENGINES: [Engine; 2] = [Engine::PostgreSQL, Engine::MySQL];

const PROOFS: [(Proof, &str); 3] = [
    (Proof::ExitCode, "its exit code is all that is known"),
    (Proof::CleanTable, "`readBack` without files"),
    (Proof::TableAtTarget, "`readBack` with files"),
];

/// A tool with files or a program of one's own, on an engine, with the kind of file in which it stops.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub tool: Tool,
    pub engine: Engine,
    /// Where it stops: in a file that the tool runs in a transaction, or not.
    in_transaction: bool,
    pub proof: Proof,
    pub idempotent: bool,
}

/// Each tool with files on each engine, in both kinds of files.
pub fn tools() -> Vec<Case> {
    let mut cases = Vec::new();
    for tool in [Tool::Goose, Tool::Flyway, Tool::GolangMigrate] {
        for engine in ENGINES {
            for in_transaction in [true, false] {
                cases.push(Case {
                    tool,
                    engine,
                    in_transaction,
                    proof: Proof::TableAtTarget,
                    idempotent: false,
                });
            }
        }
    }
    cases
}

/// Each program of one's own on each engine, by what is known of its end.
pub fn programs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (proof, _) in PROOFS {
        for idempotent in [false, true] {
            for engine in ENGINES {
                cases.push(Case {
                    tool: Tool::Exec,
                    engine,
                    in_transaction: false,
                    proof,
                    idempotent,
                });
            }
        }
    }
    cases
}

impl Case {
    /// What is left of the file in which it stopped, as the runner tells it from file and table. golang-migrate marks a file before it begins
    /// it: without a mark none was begun.
    pub fn left(self) -> Option<Left> {
        let left = match (self.tool, self.in_transaction) {
            (Tool::Exec, _) => return None,
            (Tool::GolangMigrate, _) => Left::NotBegun,
            (Tool::Goose | Tool::Flyway, true) => Left::RolledBack,
            (Tool::Goose | Tool::Flyway, false) => Left::Half,
        };
        Some(left.on(self.engine))
    }

    /// What follows.
    pub fn judge(self, seen: Seen, end: &End, exit: Option<i64>) -> Judgement {
        let evidence = Evidence {
            lock: seen.lock,
            orphan: seen.orphan,
            read_back: seen.read_back,
            end: end.clone(),
            transactional: self.left().is_some_and(Left::is_nothing),
        };
        match self.tool {
            Tool::Exec => program::judge(&evidence, exit, self.proof, self.idempotent),
            Tool::Goose | Tool::GolangMigrate | Tool::Flyway => judge(&evidence),
        }
    }

    /// The column that it belongs to.
    pub fn name(self) -> String {
        let (tool, engine) = (self.tool.word(), self.engine.word());
        match (self.tool, self.in_transaction) {
            (Tool::Exec, _) => {
                let proof = PROOFS.iter().find(|(proof, _)| *proof == self.proof);
                let proof = proof.map_or("", |(_, name)| name);
                let idempotent = if self.idempotent {
                    ", `idempotent`"
                } else {
                    ""
                };
                format!("{proof}{idempotent}")
            }
            (Tool::GolangMigrate, _) => format!("{tool}, {engine}"),
            (_, true) => format!("{tool}, {engine}, file in a transaction"),
            (_, false) => format!("{tool}, {engine}, file without"),
        }
    }
}
