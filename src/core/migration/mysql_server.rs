//! What a server of the MySQL family says of itself: whether it can be written to, and whether it is one of several that can. Pure.
//!
//! A server leaves out what it does not know, so that one question serves MariaDB (10.11 tried), MySQL 8.0 to 9, Percona XtraDB Cluster and
//! Aurora. That a name exists where is said beside it, by the manuals of their makers.

use std::collections::BTreeMap;

/// The variables that are asked for, all global. MySQL shows them to every user, whatever `performance_schema` says.
pub const VARIABLES: [&str; 10] = [
    "hostname",
    "port",
    "server_id",
    // Everywhere; MariaDB 12 has words of its own beside OFF and ON.
    "read_only",
    // MySQL: also a member of a group that is no primary, that recovers, or that has failed.
    "super_read_only",
    // A server started on files that it may not change; a reader of Aurora's.
    "innodb_read_only",
    // Galera, of MariaDB and of Percona.
    "wsrep_on",
    "wsrep_provider",
    // MySQL, with the plug-in of group replication only.
    "group_replication_group_name",
    "group_replication_single_primary_mode",
];

/// What a node of Galera says of its state; asked for only there.
pub const GALERA_STATUS: [&str; 2] = ["wsrep_cluster_size", "wsrep_ready"];

/// Why a node that is not ready takes no statement, in words for people.
pub const NOT_READY: &str = "this node of the Galera cluster takes no statements: it is cut off from most of the others, or still joins them";

/// Whether an error of any statement means that: Galera's own words, under a number (1047) that is an unknown command's elsewhere.
#[must_use]
pub fn is_not_ready(said: &str) -> bool {
    said.starts_with("WSREP has not yet prepared node")
}

/// What to do where an error says that the server refuses the function by which Slipway keeps two migrations apart.
///
/// MariaDB refused it in a Galera cluster in the releases of May 2023 alone (MDEV-30473: 10.4.29 to 10.11.3; taken back by MDEV-31325).
/// Percona XtraDB Cluster refuses it by `pxc_strict_mode=ENFORCING`, its default; `MASTER` is for clusters that are written to by one server.
#[must_use]
pub fn refused_locks(said: &str) -> Option<&'static str> {
    if !said.contains("GET_LOCK") {
        return None;
    }
    if said.contains("pxc_strict_mode") {
        return Some(
            "the server refuses GET_LOCK, by which Slipway keeps two migrations apart; let pxc_strict_mode be MASTER there",
        );
    }
    said.contains("in cluster").then_some(
        "the server refuses GET_LOCK in a cluster, by which Slipway keeps two migrations apart; a later release of MariaDB allows it \
         (MDEV-31325)",
    )
}

/// What is asked about variables of the session: those of the same names as in MariaDB before 11.1 and in MySQL before 8, and of today.
pub const SESSION_VARIABLES: [&str; 2] = ["tx_read_only", "transaction_read_only"];

/// A server by its own answers, name and value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Server {
    answers: BTreeMap<String, String>,
}

impl Server {
    /// Adds answers.
    pub fn learn(&mut self, answers: impl IntoIterator<Item = (String, String)>) {
        let answers = answers.into_iter();
        self.answers
            .extend(answers.map(|(name, value)| (name.to_ascii_lowercase(), value)));
    }

    /// Whether it is a replica, or was told to take no writes.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let names = ["read_only", "super_read_only", "innodb_read_only"];
        names
            .into_iter()
            .chain(SESSION_VARIABLES)
            .any(|name| self.is_on(name))
    }

    /// Whether it is a node of a Galera cluster. `wsrep_on` alone does not say so: without a provider it has no effect.
    #[must_use]
    pub fn is_galera(&self) -> bool {
        let provider = self.answer("wsrep_provider");
        self.is_on("wsrep_on") && !["", "none"].contains(&provider)
    }

    /// Whether it takes statements, if it is a node of Galera's.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_galera() || self.is_on("wsrep_ready")
    }

    /// Whether there are others that take writes of the same databases, and know nothing of its locks.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        self.peers().is_some()
    }

    /// What a person should know of it before two migrations meet.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.peers().map(|peers| {
            format!(
                "the server is {peers}, each with locks of its own, so spec.direct of the Database (without it spec.host) must name one of them \
                 and no balancer"
            )
        })
    }

    fn peers(&self) -> Option<String> {
        if self.is_galera() {
            let size = self.answer("wsrep_cluster_size");
            let servers: u32 = size.parse().unwrap_or(0);
            return (servers > 1).then(|| format!("one of {servers} of a Galera cluster"));
        }
        let in_group = !self.answer("group_replication_group_name").is_empty();
        let one_primary = self.is_on("group_replication_single_primary_mode");
        (in_group && !one_primary)
            .then(|| "one of a replication group with several primaries".to_owned())
    }

    /// Whether both are one server: a cluster's nodes count their sessions each from 1, so a session's number says nothing there.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        ["hostname", "port", "server_id"]
            .into_iter()
            .all(|name| self.answer(name) == other.answer(name))
    }

    fn answer(&self, name: &str) -> &str {
        self.answers.get(name).map_or("", String::as_str)
    }

    fn is_on(&self, name: &str) -> bool {
        !["", "OFF", "0"].contains(&self.answer(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Server, is_not_ready, refused_locks};

    fn server(answers: &[(&str, &str)]) -> Server {
        let mut server = Server::default();
        let answers = answers.iter();
        server.learn(answers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        server
    }

    /// The answers are those of MariaDB 10.11 as Debian has it, and by their manuals of MySQL 8.0 and 8.4, of a member of a group that is no
    /// primary, of a reader of Aurora's, and of MariaDB 12.
    #[test]
    fn a_server_that_takes_no_writes_is_known_by_whatever_word_it_has_for_that() {
        let cases: [(&[(&str, &str)], bool); 8] = [
            (
                &[
                    ("innodb_read_only", "OFF"),
                    ("read_only", "OFF"),
                    ("tx_read_only", "OFF"),
                ],
                false,
            ),
            (&[("read_only", "ON")], true),
            (
                &[
                    ("innodb_read_only", "OFF"),
                    ("read_only", "OFF"),
                    ("super_read_only", "OFF"),
                    ("transaction_read_only", "OFF"),
                ],
                false,
            ),
            (&[("read_only", "ON"), ("super_read_only", "ON")], true),
            (&[("read_only", "OFF"), ("innodb_read_only", "ON")], true),
            (&[("read_only", "NO_LOCK")], true),
            (&[("read_only", "0"), ("transaction_read_only", "1")], true),
            (&[], false),
        ];
        for (answers, read_only) in cases {
            assert_eq!(server(answers).is_read_only(), read_only, "{answers:?}");
        }
    }

    /// migrations.md 2, step 4: only where several servers take writes does the lock of one not suffice.
    #[test]
    fn only_a_server_with_peers_that_take_writes_too_is_warned_of() {
        let galera = |size| {
            let known = [
                ("wsrep_on", "ON"),
                ("wsrep_provider", "/usr/lib/libgalera_smm.so"),
            ];
            let mut server = server(&known);
            server.learn([("wsrep_cluster_size".to_owned(), size)]);
            server
        };
        let group = |single| {
            server(&[
                ("group_replication_group_name", "aaaaaaaa-0000"),
                ("group_replication_single_primary_mode", single),
            ])
        };
        let of = |what: &str| {
            Some(format!(
                "the server is {what}, each with locks of its own, so spec.direct of the Database (without it spec.host) must name one of them and no balancer"
            ))
        };
        let cases = [
            (galera("3".to_owned()), of("one of 3 of a Galera cluster")),
            (galera("1".to_owned()), None),
            (galera("junk".to_owned()), None),
            (
                group("OFF"),
                of("one of a replication group with several primaries"),
            ),
            (group("ON"), None),
            // The plug-in is there, and no group.
            (
                server(&[
                    ("group_replication_group_name", ""),
                    ("group_replication_single_primary_mode", "OFF"),
                ]),
                None,
            ),
            (
                server(&[("wsrep_on", "OFF"), ("wsrep_cluster_size", "3")]),
                None,
            ),
            (
                server(&[("wsrep_on", "ON"), ("wsrep_provider", "none")]),
                None,
            ),
            (server(&[]), None),
        ];
        for (server, warning) in cases {
            assert_eq!(server.warning(), warning, "{server:?}");
        }
    }

    #[test]
    fn readiness_is_asked_of_a_node_of_galeras_only() {
        let node = [
            ("wsrep_on", "ON"),
            ("wsrep_provider", "/usr/lib/libgalera_smm.so"),
        ];
        let with = |ready| server(&[node[0], node[1], ("wsrep_ready", ready)]);
        assert_eq!(
            [
                with("ON").is_ready(),
                with("OFF").is_ready(),
                server(&node).is_ready(),
                server(&[("wsrep_ready", "OFF")]).is_ready()
            ],
            [true, false, false, true]
        );
    }

    /// The words of Debian's MariaDB 10.11 with Galera, of MariaDB 10.11.3 (MDEV-30473) and of Percona XtraDB Cluster.
    #[test]
    fn what_a_cluster_refuses_is_told_with_a_way_out() {
        assert!(is_not_ready(
            "WSREP has not yet prepared node for application use"
        ));
        assert!(!is_not_ready("Unknown command"));
        let first_words = |said| refused_locks(said).map(|text| text.rsplit("; ").next());
        assert_eq!(
            [
                first_words(
                    "This version of MariaDB doesn't yet support 'GET_LOCK in cluster (WSREP_ON=ON)'"
                ),
                first_words(
                    "Percona-XtraDB-Cluster prohibits use of GET_LOCK with pxc_strict_mode = ENFORCING"
                ),
                first_words("Incorrect user-level lock name for GET_LOCK"),
                first_words("Table 'a' already exists"),
            ],
            [
                Some(Some("a later release of MariaDB allows it (MDEV-31325)")),
                Some(Some("let pxc_strict_mode be MASTER there")),
                None,
                None,
            ]
        );
    }

    #[test]
    fn two_servers_of_one_host_are_told_apart_by_their_ports() {
        let at = |port| server(&[("hostname", "db-0"), ("port", port), ("server_id", "1")]);
        assert!(at("3306").is(&at("3306")));
        assert!(!at("3306").is(&at("3307")));
    }
}
