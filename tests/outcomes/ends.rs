//! How a tool or a program may end, by meaning: on each engine the codes for it.

use slipway::api::common::Engine;
use slipway::core::migration::judge::{Cause, End};

/// Ends that mean the same: what it is called, and on each engine the codes for it.
pub struct Meaning {
    pub name: &'static str,
    pub ends: fn(Engine) -> Vec<End>,
}

fn sql(codes: &[&str]) -> Vec<End> {
    codes
        .iter()
        .map(|code| End::Sql((*code).to_owned()))
        .collect()
}

fn refused(codes: &[&str]) -> Vec<End> {
    codes
        .iter()
        .map(|code| End::Refused((*code).to_owned()))
        .collect()
}

/// How a tool with files may end.
pub const MEANINGS: [Meaning; 16] = [
    Meaning {
        name: "it exits with 0",
        ends: |_| vec![End::Zero],
    },
    Meaning {
        name: "it cannot read or parse its files",
        ends: |_| vec![End::Files],
    },
    Meaning {
        name: "it cannot connect, and says no more",
        ends: |_| vec![End::Unreachable],
    },
    Meaning {
        name: "its own lock in the database is not to be had",
        ends: |_| vec![End::Locked],
    },
    Meaning {
        name: "it is not let in: user or password",
        ends: |engine| match engine {
            Engine::PostgreSQL => refused(&["28P01", "28000"]),
            Engine::MySQL => refused(&["1044", "1045", "1130", "1698"]),
        },
    },
    Meaning {
        name: "it is not let in: too many sessions, starting up, no such database",
        ends: |engine| match engine {
            Engine::PostgreSQL => refused(&["53300", "57P03", "3D000", "08001", "08006"]),
            Engine::MySQL => refused(&["1040", "1203", "1226", "1049", "1129", "08000"]),
        },
    },
    Meaning {
        name: "it is not let in: the server is read-only",
        ends: |engine| match engine {
            Engine::PostgreSQL => refused(&["25006"]),
            Engine::MySQL => refused(&["1290", "1792", "1836"]),
        },
    },
    Meaning {
        name: "inside a file: lock timeout, deadlock, serialization",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["55P03", "40P01", "40001"]),
            Engine::MySQL => sql(&["1205", "1213"]),
        },
    },
    Meaning {
        name: "inside a file: the session is ended by the server",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&[
                "57P01", "57P02", "57P03", "57P05", "08006", "08003", "08001",
            ]),
            Engine::MySQL => sql(&["1927", "1317", "1053"]),
        },
    },
    Meaning {
        name: "inside a file: the server is short of something",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["53100", "53200", "53300"]),
            Engine::MySQL => sql(&["1021", "1037", "1041"]),
        },
    },
    Meaning {
        name: "inside a file: the server has become read-only",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["25006"]),
            Engine::MySQL => sql(&["1290", "1792", "1836"]),
        },
    },
    Meaning {
        name: "inside a file: any other error",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&[
                "23505", "42601", "42703", "57014", "P0001", "22001", "3D000", "28P01",
            ]),
            Engine::MySQL => sql(&["1062", "1064", "1054", "1644", "1146", "1050"]),
        },
    },
    Meaning {
        name: "ended by the runner at the run deadline",
        ends: |_| vec![End::Cut(Cause::RunDeadline)],
    },
    Meaning {
        name: "ended by the runner, as the pod is told to stop",
        ends: |_| vec![End::Cut(Cause::Stop)],
    },
    Meaning {
        name: "killed by a signal",
        ends: |_| vec![End::Cut(Cause::Other)],
    },
    Meaning {
        name: "another code than 0, for no reason that Slipway understands",
        ends: |_| vec![End::Cut(Cause::Other)],
    },
];

/// How a program of one's own may end: what it is called, what the runner makes of it, and its code.
pub const PROGRAM_ENDS: [(&str, End, Option<i64>); 6] = [
    ("it exits with 0", End::Zero, Some(0)),
    ("another code than 0", End::Cut(Cause::Other), Some(3)),
    (
        "a shell's code for a killed program (129 to 192)",
        End::Cut(Cause::Other),
        Some(137),
    ),
    ("killed by a signal", End::Cut(Cause::Other), None),
    (
        "ended by the runner at the run deadline",
        End::Cut(Cause::RunDeadline),
        None,
    ),
    (
        "ended by the runner, as the pod is told to stop",
        End::Cut(Cause::Stop),
        None,
    ),
];
