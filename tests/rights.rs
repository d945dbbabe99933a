//! The roles in `config/rbac` and in the chart are what `core::rights` says. After a change there:
//! `UPDATE_GENERATED=1 cargo test --test rights` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use slipway::core::rights::{
    APPROVER_RULES, EDITOR_RULES, LEASE_RULES, RULES, VIEWER_RULES, rules_yaml,
};

const HEAD: &str = "# Written by `UPDATE_GENERATED=1 cargo test --test rights` from src/core/rights.rs. Do not edit.\n";

fn kustomize(kind: &str, name: &str, labels: &str, rules: &str) -> String {
    format!(
        "{HEAD}apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\n{labels}{rules}"
    )
}

fn aggregated(roles: &[&str]) -> String {
    let labels = roles
        .iter()
        .map(|role| format!("    rbac.authorization.k8s.io/aggregate-to-{role}: \"true\"\n"));
    format!("  labels:\n{}", labels.collect::<String>())
}

/// A named piece of template; `templates/rbac.yaml` of the chart says which role holds it.
fn piece(name: &str, rules: &str) -> String {
    format!("{{{{- define \"slipway.{name}\" -}}}}\n{rules}{{{{- end }}}}\n")
}

/// The admission policies, by file name: the chart's list of them is in `templates/policies.yaml`.
const POLICIES: [&str; 3] = ["approve", "approve-backends", "approve-databases"];

/// One of the chart's policies, for all namespaces.
fn policy(root: &Path, name: &str) -> String {
    let spec = fs::read_to_string(root.join(format!("charts/slipway/files/policies/{name}.yaml")))
        .expect("the chart has the policy");
    let spec = spec.trim_end().replace('\n', "\n  ");
    format!(
        "# Written by `UPDATE_GENERATED=1 cargo test --test rights` from charts/slipway/files/policies. Do not edit.\n\
         apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: slipway-{name}\nspec:\n  {spec}\n---\n\
         apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata:\n  name: slipway-{name}\nspec:\n  \
         policyName: slipway-{name}\n  validationActions: [Deny]\n"
    )
}

fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chart_lease = "{{ include \"slipway.fullname\" . | quote }}";
    let operator = rules_yaml(RULES, "slipway");
    let lease = rules_yaml(LEASE_RULES, "slipway");
    let viewer = rules_yaml(VIEWER_RULES, "slipway");
    let editor = rules_yaml(EDITOR_RULES, "slipway");
    let approver = rules_yaml(APPROVER_RULES, "slipway");
    let chart = [
        format!(
            "{{{{- /* {} */ -}}}}\n",
            HEAD.trim_start_matches("# ").trim_end()
        ),
        piece("rules.operator", &operator),
        piece("rules.lease", &rules_yaml(LEASE_RULES, chart_lease)),
        piece("rules.viewer", &viewer),
        piece("rules.editor", &editor),
        piece("rules.approver", &approver),
    ];
    let policies = POLICIES.map(|name| {
        let path = root.join(format!("config/policy/{name}.yaml"));
        (path, policy(root, name))
    });
    let mut files = vec![
        (
            root.join("config/rbac/operator.yaml"),
            kustomize("ClusterRole", "slipway", "", &operator),
        ),
        (
            root.join("config/rbac/lease.yaml"),
            kustomize(
                "Role",
                "slipway-lease",
                "  namespace: slipway-system\n",
                &lease,
            ),
        ),
        (
            root.join("config/rbac/viewer.yaml"),
            kustomize(
                "ClusterRole",
                "slipway-view",
                &aggregated(&["view", "edit", "admin"]),
                &viewer,
            ),
        ),
        (
            root.join("config/rbac/editor.yaml"),
            kustomize(
                "ClusterRole",
                "slipway-edit",
                &aggregated(&["edit", "admin"]),
                &editor,
            ),
        ),
        (
            root.join("config/rbac/approver.yaml"),
            kustomize(
                "ClusterRole",
                "slipway-approve",
                &aggregated(&["admin"]),
                &approver,
            ),
        ),
        (
            root.join("charts/slipway/templates/_rules.tpl"),
            chart.concat(),
        ),
    ];
    files.extend(policies);
    files
}

#[test]
fn chart_and_kustomize_hold_the_roles_of_the_table() {
    let update = std::env::var_os("UPDATE_GENERATED").is_some();
    for (path, wanted) in files() {
        if update {
            fs::create_dir_all(path.parent().expect("a file has a folder"))
                .expect("the folder can be made");
            fs::write(&path, &wanted).expect("the file can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        similar_asserts::assert_eq!(
            found,
            wanted,
            "{} differs: UPDATE_GENERATED=1 cargo test --test rights",
            path.display()
        );
    }
}
