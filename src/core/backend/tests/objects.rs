//! The objects themselves, whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::resolve::surroundings;
use super::super::{Seen, render, resolve};
use super::server::{backend, database, spec_with_migration};
use crate::api::database::Database;
use crate::core::config_map::ConfigMapDigest;

fn rendered(spec: &Value) -> Vec<Value> {
    rendered_on(spec, database())
}

fn rendered_on(spec: &Value, database: Database) -> Vec<Value> {
    let mut seen = Seen::alone(backend(spec));
    seen.databases
        .insert("orders-db".to_owned(), Arc::new(database));
    seen.config_maps
        .insert("authority".to_owned(), Arc::new(authority("first")));
    render(&seen.with_plan())
        .expect("a spec that works")
        .objects
}

fn authority(certificate: &str) -> ConfigMapDigest {
    serde_json::from_value(
        json!({"metadata": {"name": "authority"}, "data": {"ca.crt": certificate}}),
    )
    .expect("a ConfigMap")
}

/// The Database on MySQL behind a pooler, with an authority, and with a user for migrations alone.
fn mysql() -> Database {
    let mut database = database();
    database.spec = serde_json::from_value(json!({
        "engine": "MySQL", "host": "db.acme.test", "name": "orders", "credentials": {"secret": "orders-db-app"},
        "direct": {"host": "server.acme.test"}, "migrationCredentials": {"secret": "orders-db-owner"},
        "tls": {"mode": "VerifyFull", "ca": {"configMap": "authority"}},
    }))
    .expect("a valid Database");
    database
}

fn pod_spec(spec: &Value) -> Value {
    pod_spec_of(&rendered(spec))
}

fn pod_spec_of(objects: &[Value]) -> Value {
    let deployment = objects
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .expect("a Deployment");
    deployment["spec"]["template"]["spec"].clone()
}

#[test]
fn an_http_service_gets_a_restricted_pod_that_drains_and_spreads() {
    let spread = |topology: &str| {
        json!({"topologyKey": topology, "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"slipway.dev/backend": "orders"}}, "matchLabelKeys": ["pod-template-hash"]})
    };
    let secret = |key: &str| json!({"secretKeyRef": {"name": "orders-db-app", "key": key}});
    let expected = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "serviceAccountName": "orders",
        "terminationGracePeriodSeconds": 35,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [{
            "name": "app",
            "image": "orders:1",
            "env": [
                {"name": "PORT", "value": "8080"},
                {"name": "SLIPWAY_GRACE_SECONDS", "value": "30"},
                {"name": "GOMEMLIMIT", "value": "483183820"},
                {"name": "PGHOST", "value": "db.acme.test"},
                {"name": "PGPORT", "value": "5432"},
                {"name": "PGDATABASE", "value": "orders"},
                {"name": "PGUSER", "valueFrom": secret("username")},
                {"name": "PGPASSWORD", "valueFrom": secret("password")},
                {"name": "PGSSLMODE", "value": "prefer"},
                {"name": "PGAPPNAME", "value": "orders"},
                {"name": "DB_MAX_OPEN_CONNS", "value": "10"},
                {"name": "DB_MAX_IDLE_CONNS", "value": "10"},
                {"name": "DB_CONN_MAX_LIFETIME", "value": "30m0s"},
            ],
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 3},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        }],
    });
    assert_eq!(pod_spec(&spec_with_migration("orders:1")), expected);
}

/// migrations.md 3 and backend.md 3: pods see neither the server behind the pooler nor the user of migrations.
#[test]
fn a_program_on_mysql_gets_its_variables_and_the_authoritys_certificate() {
    let pod = pod_spec_of(&rendered_on(&spec_with_migration("orders:1"), mysql()));
    let secret = |key: &str| json!({"secretKeyRef": {"name": "orders-db-app", "key": key}});
    let expected = json!([
        {"name": "PORT", "value": "8080"},
        {"name": "SLIPWAY_GRACE_SECONDS", "value": "30"},
        {"name": "GOMEMLIMIT", "value": "483183820"},
        {"name": "MYSQL_HOST", "value": "db.acme.test"},
        {"name": "MYSQL_PORT", "value": "3306"},
        {"name": "MYSQL_DATABASE", "value": "orders"},
        {"name": "MYSQL_USER", "valueFrom": secret("username")},
        {"name": "MYSQL_PASSWORD", "valueFrom": secret("password")},
        {"name": "MYSQL_SSL_CA", "value": "/slipway-databases/orders-db/ca.crt"},
        {"name": "DB_MAX_OPEN_CONNS", "value": "10"},
        {"name": "DB_MAX_IDLE_CONNS", "value": "10"},
        {"name": "DB_CONN_MAX_LIFETIME", "value": "4m0s"},
    ]);
    let container = &pod["containers"][0];
    assert_eq!(container["env"], expected);
    assert_eq!(
        (&pod["volumes"][1], &container["volumeMounts"][1]),
        (
            &json!({"name": "database-ca-0", "configMap": {"name": "authority", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}),
            &json!({"name": "database-ca-0", "mountPath": "/slipway-databases/orders-db", "readOnly": true}),
        )
    );
    assert!(!pod.to_string().contains("orders-db-owner"), "{pod}");
}

/// migrations.md 4.2: another certificate is another release, as any ConfigMap's change is; a missing one is waited for by its name.
#[test]
fn another_certificate_of_the_authority_is_another_release_and_a_missing_one_is_named() {
    let spec = spec_with_migration("orders:1");
    let resolved = resolve(&backend(&spec)).expect("a spec that works");
    let databases = BTreeMap::from([("orders-db".to_owned(), Arc::new(mysql()))]);
    let hash = |certificate: Option<&str>| {
        let config_maps = certificate
            .map(|certificate| ("authority".to_owned(), Arc::new(authority(certificate))))
            .into_iter()
            .collect();
        surroundings(&resolved, &databases, &config_maps, &[])
            .map(|bound| bound.config_hash)
            .map_err(|missing| missing.message("team-a"))
    };
    assert_ne!(hash(Some("first")), hash(Some("second")));
    assert_eq!(
        hash(None),
        Err(
            "configmap authority not found (named by database orders-db, spec.tls.ca). Next: kubectl get configmap authority -n team-a"
                .to_owned()
        )
    );
}

#[test]
fn the_users_variable_wins_over_slipways() {
    let mut spec = spec_with_migration("orders:1");
    spec["env"] =
        json!([{"name": "PGHOST", "value": "localhost"}, {"name": "URL", "value": "$(PGHOST)"}]);
    let env = pod_spec(&spec)["containers"][0]["env"].clone();
    let hosts: Vec<&Value> = env
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["name"] == "PGHOST")
        .collect();
    assert_eq!(hosts, [&json!({"name": "PGHOST", "value": "localhost"})]);
}

#[test]
fn a_low_port_gets_the_safe_sysctl_and_a_headless_twin_its_own_service() {
    let spec = json!({"image": "dns:1", "ports": [{"name": "grpc", "port": 90, "protocol": "GRPC", "servicePort": 443, "headless": true}]});
    assert_eq!(
        pod_spec(&spec)["securityContext"]["sysctls"],
        json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "90"}])
    );
    let objects = rendered(&spec);
    let ports: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "Service")
        .map(|object| &object["spec"]["ports"])
        .collect();
    let port = |number: i32| json!([{"name": "grpc", "port": number, "protocol": "TCP", "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"}]);
    assert_eq!(ports, [&port(443), &port(90)]);
}

#[test]
fn what_cannot_work_is_refused_with_field_fault_and_remedy() {
    let cases = [
        (json!({"image": "a:1"}), "spec.ports"),
        (json!({"type": "Worker", "image": "A:1"}), "spec.image"),
        (
            json!({"type": "Worker", "image": "a:1", "replicas": -1}),
            "spec.replicas",
        ),
        (
            json!({"type": "Worker", "image": "a:1", "security": {"runAsUser": 0}}),
            "spec.security.runAsUser",
        ),
        (
            json!({"type": "Worker", "image": "a:1", "env": [{"name": "SLIPWAY_X", "value": "1"}]}),
            "spec.env[SLIPWAY_X].name",
        ),
        (
            json!({"type": "Worker", "image": "a:1", "resources": {"limits": {"memory": "128m"}}}),
            "spec.resources.limits.memory",
        ),
        (
            json!({"type": "Worker", "image": "a:1", "rollout": {"strategy": {"maxSurge": 0}}}),
            "spec.rollout.strategy",
        ),
        (
            json!({"type": "Worker", "image": "a:1", "probes": {"readiness": {"path": "/"}}}),
            "spec.probes.readiness",
        ),
    ];
    for (spec, field) in cases {
        let invalid = resolve(&backend(&spec)).expect_err("a spec that cannot work");
        assert_eq!(invalid.field, field, "{invalid}");
        assert!(!invalid.remedy.is_empty());
    }
}

/// migrations.md 2, step 6: the sessions of a program on MySQL are known by their user alone.
#[test]
fn a_program_on_mysql_without_a_user_of_its_own_is_doubtful() {
    let codes = |tool: &str, database: Database| {
        let mut spec = spec_with_migration("orders:1");
        spec["migrations"][0] = if tool == "Exec" {
            json!({"name": "schema", "tool": "Exec", "command": ["/orders", "migrate"]})
        } else {
            json!({"name": "schema", "tool": tool, "source": {"path": "/migrations"}})
        };
        let mut seen = Seen::alone(backend(&spec));
        seen.databases
            .insert("orders-db".to_owned(), Arc::new(database));
        let problems = render(&seen.with_plan())
            .expect("a spec that works")
            .problems;
        problems
            .into_iter()
            .map(|problem| format!("{} {}", problem.code, problem.path))
            .filter(|problem| problem.starts_with("SLP0110"))
            .collect::<Vec<String>>()
    };
    let mut shared = mysql();
    shared.spec.migration_credentials = None;
    assert_eq!(
        [
            codes("Exec", shared.clone()),
            codes("Exec", mysql()),
            codes("Goose", shared),
            codes("Exec", database()),
        ],
        [
            vec!["SLP0110 spec.migrations[schema]".to_owned()],
            vec![],
            vec![],
            vec![],
        ]
    );
}
