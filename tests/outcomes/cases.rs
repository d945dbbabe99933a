//! What may run: each tool on each engine, in both kinds of files, and programs of one's own.

use slipway::api::common::{Engine, Tool};
use slipway::core::migration::judge::{End, Evidence, Judgement, Left, judge};
use slipway::core::migration::program::{Program, Proof};

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
    /// Of tool Exec.
    pub program: Option<Program>,
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
                    program: None,
                });
            }
        }
    }
    cases
}

/// Each program of one's own, by what is known of its end and by what is seen of its sessions.
pub fn programs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (proof, _) in PROOFS {
        for (idempotent, own_user) in [(false, true), (false, false), (true, true), (true, false)] {
            for engine in ENGINES {
                for (in_transaction, marks_begun) in
                    [(true, false), (true, true), (false, false), (false, true)]
                {
                    let program = Program {
                        engine,
                        own_user,
                        proof,
                        marks_begun,
                        idempotent,
                    };
                    cases.push(Case {
                        tool: Tool::Exec,
                        engine,
                        in_transaction,
                        program: Some(program),
                    });
                }
            }
        }
    }
    cases
}

impl Case {
    /// What is left of the file in which it stopped, as the runner tells it from file and table. golang-migrate marks a file before it begins
    /// it: without a mark none was begun.
    pub fn left(self) -> Option<Left> {
        let marks = |program: Program| program.marks_begun;
        let left = match (self.tool, self.in_transaction) {
            (Tool::Exec, _) if self.proof() != Proof::TableAtTarget => return None,
            (Tool::Exec, _) if self.program.is_some_and(marks) => Left::NotBegun,
            (Tool::GolangMigrate, _) => Left::NotBegun,
            (_, true) => Left::RolledBack,
            (_, false) => Left::Half,
        };
        Some(left.on(self.engine))
    }

    /// What proves that it is done: of a tool with files its table.
    pub fn proof(self) -> Proof {
        self.program
            .map_or(Proof::TableAtTarget, |program| program.proof)
    }

    /// Whether the user says that it may be repeated.
    pub fn is_idempotent(self) -> bool {
        self.program.is_some_and(|program| program.idempotent)
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
        match self.program {
            Some(program) => program.judge(&evidence, exit),
            None => judge(&evidence),
        }
    }

    /// The column that it belongs to.
    pub fn name(self) -> String {
        if let Some(program) = self.program {
            return self.name_of(program);
        }
        let (tool, engine) = (self.tool.word(), self.engine.word());
        match (self.tool, self.in_transaction) {
            (Tool::GolangMigrate, _) => format!("{tool}, {engine}"),
            (_, true) => format!("{tool}, {engine}, file in a transaction"),
            (_, false) => format!("{tool}, {engine}, file without"),
        }
    }

    /// Words only for what matters to it.
    fn name_of(self, program: Program) -> String {
        let proof = PROOFS.iter().find(|(proof, _)| *proof == program.proof);
        let engine = self.engine.word();
        let file = match (program.proof, self.left().is_some_and(Left::is_nothing)) {
            _ if program.idempotent => "",
            (Proof::TableAtTarget, true) => ", nothing left of the file",
            (Proof::TableAtTarget, false) => ", half of the file may be left",
            (Proof::CleanTable, _) if self.engine == Engine::MySQL && program.marks_begun => {
                " (GolangMigrate)"
            }
            _ => "",
        };
        let idempotent = if program.idempotent {
            ", `idempotent`"
        } else {
            ""
        };
        let proof = proof.map_or("", |(_, name)| name);
        format!("{proof}{idempotent}, {engine}{file}")
    }
}
