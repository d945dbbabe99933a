//! Whether two Databases name one database by the same address. Pure.

use std::collections::BTreeSet;

use super::planned::port;
use crate::api::database::DatabaseSpec;

/// Whether engine and name are equal and the two have an address in common, `direct` included. Two names of one server, or its name and its IP
/// address, are not recognised: only the database itself could tell.
#[must_use]
pub fn is_same(one: &DatabaseSpec, other: &DatabaseSpec) -> bool {
    one.engine == other.engine
        && one.name == other.name
        && !addresses(one).is_disjoint(&addresses(other))
}

/// Host and port of the Database, and of the server behind its pooler.
fn addresses(database: &DatabaseSpec) -> BTreeSet<(String, i32)> {
    let own = (host(&database.host), port(database));
    let direct = database.direct.iter().map(|direct| {
        let port = direct.port.unwrap_or(database.engine.port());
        (host(&direct.host), port)
    });
    direct.chain([own]).collect()
}

/// As DNS compares names: in lower case, without the dot of the root.
fn host(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::is_same;

    #[test]
    fn two_databases_are_one_by_engine_name_and_a_common_address() {
        let spec = |changes: Value| {
            let mut spec = json!({"engine": "PostgreSQL", "host": "db.test", "name": "d", "credentials": {"secret": "s"}});
            for (key, value) in changes.as_object().into_iter().flatten() {
                spec[key] = value.clone();
            }
            serde_json::from_value(spec).expect("a spec")
        };
        let own = spec(json!({}));
        for same in [
            json!({}),
            json!({"port": 5432, "credentials": {"secret": "other"}}),
            json!({"host": "DB.test."}),
            json!({"host": "pooler", "port": 6432, "direct": {"host": "db.test"}}),
        ] {
            assert!(is_same(&own, &spec(same.clone())), "{same}");
        }
        for another in [
            json!({"name": "e"}),
            json!({"engine": "MySQL", "port": 5432}),
            json!({"port": 5433}),
            json!({"host": "other"}),
            json!({"direct": {"host": "other"}, "host": "pooler"}),
        ] {
            assert!(!is_same(&own, &spec(another.clone())), "{another}");
        }
    }
}
