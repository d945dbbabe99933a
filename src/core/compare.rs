//! Structural comparison of what Slipway wants with what is there. Only our fields count: what a server, a user or another controller
//! added beside them is not a difference.
//!
//! Lists are compared as server-side apply merges them: by key where Kubernetes' schema gives them one, whole where it does not.
//! Quantities are compared by amount. A zero value of ours that is absent there is none: the server leaves those out.

use serde_json::{Map, Value};

use super::quantity;

/// Keys of lists that server-side apply merges by key (`x-kubernetes-list-map-keys` of Kubernetes 1.33), by the list's field name.
const KEYED: [(&str, &[&str]); 9] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("imagePullSecrets", &["name"]),
    ("ownerReferences", &["uid"]),
    (
        "topologySpreadConstraints",
        &["topologyKey", "whenUnsatisfiable"],
    ),
    ("conditions", &["type"]),
];

/// Objects of which only one member may be set: a foreign member beside ours is refused by the server, so ours replaces all.
const UNIONS: [&str; 6] = [
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
    "lifecycle",
    "preStop",
    "strategy",
];

/// Lists whose entries are such objects.
const UNION_LISTS: [&str; 2] = ["volumes", "env"];

/// Paths of our fields that are missing or different there; empty: all of ours is in place. Example: `spec.template.spec.containers[app].image`.
#[must_use]
pub fn differences(ours: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", "", ours, live, &mut found);
    found
}

/// `live` with our fields put into it, without the foreign entries that the server would refuse beside ours.
#[must_use]
pub fn mended(ours: &Value, live: &Value) -> Value {
    mend("", ours, live)
}

/// Whether an apply of `ours` would be refused for something foreign in `live` (`kube.md` section 5: doubled names, two members of a union).
#[must_use]
pub fn apply_is_refused(ours: &Value, live: &Value) -> bool {
    clashes("", ours, live)
}

/// The JSON merge patch (RFC 7386) that makes `to` of `from`.
#[must_use]
pub fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return to.clone();
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in to {
        match from.get(key) {
            Some(there) if there == wanted => {}
            Some(there) => {
                patch.insert(key.clone(), merge_patch(there, wanted));
            }
            None => {
                patch.insert(key.clone(), wanted.clone());
            }
        }
    }
    Value::Object(patch)
}

fn walk(path: &str, field: &str, ours: &Value, live: &Value, found: &mut Vec<String>) {
    match (ours, live) {
        (Value::Object(ours), Value::Object(live)) => {
            for (key, wanted) in ours {
                let there = live.get(key).unwrap_or(&Value::Null);
                walk(
                    &join(path, key),
                    &field_of(field, key),
                    wanted,
                    there,
                    found,
                );
            }
        }
        (Value::Array(ours), Value::Array(live)) => walk_list(path, field, ours, live, found),
        (ours, Value::Null) if is_zero(ours) => {}
        (Value::String(ours), Value::String(live))
            if is_quantity(field) && quantity::same(ours, live) => {}
        (ours, live) if ours == live => {}
        _ => found.push(path.to_owned()),
    }
}

fn walk_list(path: &str, field: &str, ours: &[Value], live: &[Value], found: &mut Vec<String>) {
    let Some(keys) = keys_of(field, ours) else {
        if ours.len() == live.len() {
            for (index, (wanted, there)) in ours.iter().zip(live).enumerate() {
                walk(&format!("{path}[{index}]"), field, wanted, there, found);
            }
        } else {
            found.push(path.to_owned());
        }
        return;
    };
    for wanted in ours {
        let entry_path = format!("{path}[{}]", entry_name(wanted, keys));
        match live.iter().find(|there| same_entry(wanted, there, keys)) {
            Some(there) => walk(&entry_path, "", wanted, there, found),
            None => found.push(entry_path),
        }
    }
}

fn mend(field: &str, ours: &Value, live: &Value) -> Value {
    match (ours, live) {
        (Value::Object(_), Value::Object(_)) if UNIONS.contains(&field) => ours.clone(),
        (Value::Object(ours), Value::Object(live)) => {
            let mut merged = live.clone();
            for (key, wanted) in ours {
                let there = live.get(key).unwrap_or(&Value::Null);
                merged.insert(key.clone(), mend(&field_of(field, key), wanted, there));
            }
            Value::Object(merged)
        }
        (Value::Array(ours), Value::Array(live)) => match keys_of(field, ours) {
            Some(keys) => mend_list(field, ours, live, keys),
            None => Value::Array(ours.clone()),
        },
        (ours, Value::Null) => ours.clone(),
        (Value::String(text), Value::String(there))
            if is_quantity(field) && quantity::same(text, there) =>
        {
            live.clone()
        }
        _ => ours.clone(),
    }
}

fn mend_list(field: &str, ours: &[Value], live: &[Value], keys: &[&str]) -> Value {
    let mut merged: Vec<Value> = ours
        .iter()
        .map(
            |wanted| match live.iter().find(|there| same_entry(wanted, there, keys)) {
                Some(there) if !UNION_LISTS.contains(&field) => mend("", wanted, there),
                Some(there) if walked(wanted, there).is_empty() && !union_clash(wanted, there) => {
                    there.clone()
                }
                _ => wanted.clone(),
            },
        )
        .collect();
    merged.extend(
        live.iter()
            .filter(|there| {
                !ours
                    .iter()
                    .any(|wanted| same_entry(wanted, there, keys) || same_name(wanted, there))
            })
            .cloned(),
    );
    Value::Array(merged)
}

fn clashes(field: &str, ours: &Value, live: &Value) -> bool {
    match (ours, live) {
        (Value::Object(ours_map), Value::Object(live_map)) => {
            (UNIONS.contains(&field) && !walked(ours, live).is_empty() && union_clash(ours, live))
                || ours_map.iter().any(|(key, wanted)| {
                    live_map
                        .get(key)
                        .is_some_and(|there| clashes(&field_of(field, key), wanted, there))
                })
        }
        (Value::Array(ours), Value::Array(live)) => {
            let Some(keys) = keys_of(field, ours) else {
                return false;
            };
            let doubled = live.iter().any(|there| {
                ours.iter()
                    .any(|wanted| !same_entry(wanted, there, keys) && same_name(wanted, there))
            });
            doubled
                || ours.iter().any(|wanted| {
                    live.iter()
                        .filter(|there| same_entry(wanted, there, keys))
                        .any(|there| {
                            (UNION_LISTS.contains(&field) && union_clash(wanted, there))
                                || clashes("", wanted, there)
                        })
                })
        }
        _ => false,
    }
}

/// A member that only the live object has, and that is an object: the other arm of a union (server defaults there are scalars).
fn union_clash(ours: &Value, live: &Value) -> bool {
    let (Value::Object(ours), Value::Object(live)) = (ours, live) else {
        return false;
    };
    live.iter()
        .any(|(key, there)| (there.is_object() || key == "value") && !ours.contains_key(key))
}

fn walked(ours: &Value, live: &Value) -> Vec<String> {
    differences(ours, live)
}

/// The keys by which a list is merged. Ports have other keys in a Service than in a container.
fn keys_of(field: &str, entries: &[Value]) -> Option<&'static [&'static str]> {
    if field == "ports" {
        let container = entries
            .iter()
            .any(|entry| entry.get("containerPort").is_some());
        return Some(if container {
            &["containerPort", "protocol"]
        } else {
            &["port", "protocol"]
        });
    }
    KEYED
        .iter()
        .find(|(name, _)| *name == field)
        .map(|(_, keys)| *keys)
}

fn same_entry(left: &Value, right: &Value, keys: &[&str]) -> bool {
    keys.iter().all(|key| left.get(key) == right.get(key))
}

fn same_name(left: &Value, right: &Value) -> bool {
    left.get("name")
        .is_some_and(|name| right.get("name") == Some(name))
}

fn entry_name(entry: &Value, keys: &[&str]) -> String {
    let named = entry
        .get("name")
        .or_else(|| keys.first().and_then(|key| entry.get(key)));
    named.map_or_else(String::new, |value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    })
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_zero),
    }
}

fn is_quantity(field: &str) -> bool {
    ["limits", "requests", "sizeLimit", "divisor"].contains(&field)
}

/// The name that rules go by: that of the field, but members of `limits` and `requests` are quantities whatever they are called.
fn field_of(parent: &str, key: &str) -> String {
    if ["limits", "requests"].contains(&parent) {
        parent.to_owned()
    } else {
        key.to_owned()
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{apply_is_refused, differences, mended, merge_patch};

    #[test]
    fn what_others_added_is_no_difference() {
        let ours = json!({"spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "1"}]}], "minReadySeconds": 0}});
        let live = json!({"spec": {"containers": [
            {"name": "injected"},
            {"name": "app", "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}], "terminationMessagePath": "/dev/x"}
        ]}, "status": {}});
        assert_eq!(differences(&ours, &live), Vec::<String>::new());
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        let ours = json!({"spec": {"args": ["a"], "containers": [{"name": "app", "image": "a"}, {"name": "b"}]}});
        let live =
            json!({"spec": {"args": ["a", "b"], "containers": [{"name": "app", "image": "b"}]}});
        assert_eq!(
            differences(&ours, &live),
            [
                "spec.args",
                "spec.containers[app].image",
                "spec.containers[b]"
            ]
        );
    }

    #[test]
    fn quantities_are_compared_by_amount() {
        let ours = json!({"resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m"}}});
        let live =
            json!({"resources": {"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.1"}}});
        assert_eq!(differences(&ours, &live), Vec::<String>::new());
    }

    /// `kube.md` section 5, tried: the doubled name is refused with 422.
    #[test]
    fn a_service_port_changed_by_hand_is_mended_before_the_apply() {
        let ours = json!({"spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}});
        let live = json!({"spec": {"clusterIP": "10.0.0.1", "ports": [
            {"name": "http", "port": 8081, "protocol": "TCP"}, {"name": "debug", "port": 99, "protocol": "TCP"}]}});
        let to = mended(&ours, &live);
        assert!(apply_is_refused(&ours, &live) && !apply_is_refused(&ours, &to));
        assert_eq!(
            merge_patch(&live, &to),
            json!({"spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "debug", "port": 99, "protocol": "TCP"}]}})
        );
    }

    #[test]
    fn a_volume_or_variable_of_another_kind_is_mended_before_the_apply() {
        let ours = json!({"volumes": [{"name": "tmp", "emptyDir": {}}],
            "containers": [{"name": "app", "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]});
        let live = json!({"volumes": [{"name": "tmp", "configMap": {"name": "x", "defaultMode": 420}}, {"name": "more", "emptyDir": {}}],
            "containers": [{"name": "app", "image": "kept", "env": [{"name": "P", "value": "x"}]}]});
        let to = mended(&ours, &live);
        assert!(apply_is_refused(&ours, &live) && !apply_is_refused(&ours, &to));
        assert_eq!(
            to,
            json!({"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "more", "emptyDir": {}}],
                "containers": [{"name": "app", "image": "kept",
                    "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]})
        );
    }

    #[test]
    fn a_merge_patch_removes_what_goes_and_sets_what_comes() {
        let patch = merge_patch(
            &json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}),
            &json!({"b": {"c": 2, "d": 4}, "e": [2], "f": 5}),
        );
        assert_eq!(patch, json!({"a": null, "b": {"d": 4}, "e": [2], "f": 5}));
    }
}
