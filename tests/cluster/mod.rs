//! The test cluster: a real Kubernetes node on this machine, with what a test needs around it. Used by `cargo demo`, by the scenarios and by
//! the bench; each includes it by its path. It may start processes, use the network and write below `target/` and the user's cache folder.
//!
//! | file | is for |
//! |---|---|
//! | session | [`session::Cluster`]: start, attach, stop; kubectl, tokens, images |
//! | machine, kubeconfig | the one cluster of this machine; what a kubeconfig file leads to |
//! | command | a command and its answer |
//! | teardown, interrupt | the end, by process id, also after a crash or a signal |
//! | debian | what the machine must have |
//! | programs, build, progress | programs built from source, kept by version |
//! | flyway | Flyway, fetched with Maven |
//! | place | folders and locks |
//! | process, wait | processes by id; waiting with a limit |
//! | `pod_process` | the processes of a pod on the own node |
//! | certificates, `control_plane`, network, node | the parts of the cluster |
//! | image, application, product | images without a registry, of the test services and of Slipway |
//! | postgres, mariadb, server, pgbouncer | databases, what they have in common, a pooler in front |
//! | galera | a cluster of several MariaDB servers |
//! | `older_postgres` | the PostgreSQL of an older Debian |
//! | operator, memory | the operator as a process of this machine; a limit of memory for it |
//! | proxy | faults between the operator and the API server |
//! | read | objects as JSON |
//! | audit | the API server's audit log, read back |
//! | history | every version of migration Jobs, their pods and Databases
//! | release, http | what a story ships, and one question to a service |
//! | replicas | an installed Slipway: who leads, its process, its successor |
//! | chance | chance from a seed |
//! | canary | the password that tests give, and how it is found again |
//! | bodies | migrations that note when they begin and end |
//! | helm, kwok | the chart; nodes that are played |
//! | readme | the README's blocks |
#![allow(
    dead_code,
    reason = "each program that includes the harness uses a part of it"
)]

pub mod application;
pub mod audit;
pub mod bodies;
pub mod build;
pub mod canary;
pub mod certificates;
pub mod chance;
pub mod command;
pub mod control_plane;
pub mod debian;
pub mod flyway;
pub mod galera;
pub mod helm;
pub mod history;
pub mod http;
pub mod image;
pub mod interrupt;
pub mod kubeconfig;
pub mod kwok;
pub mod machine;
pub mod mariadb;
pub mod memory;
pub mod network;
pub mod node;
pub mod older_postgres;
pub mod operator;
pub mod pgbouncer;
pub mod place;
pub mod pod_process;
pub mod postgres;
pub mod process;
pub mod product;
pub mod programs;
pub mod progress;
pub mod proxy;
pub mod read;
pub mod readme;
pub mod release;
pub mod replicas;
pub mod server;
pub mod session;
pub mod teardown;
pub mod wait;
