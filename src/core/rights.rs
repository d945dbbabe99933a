//! What the operator may do: the one place of it. The roles in `config/rbac` and in the chart are written from this table
//! (`UPDATE_GENERATED=1 cargo test --test rights`), and a scenario compares it with what the API server's audit log shows as used.
//! A new write is a new verb here, or it is refused.
//!
//! Owner references are made with `blockOwnerDeletion`. Where the admission plugin `OwnerReferencesPermissionEnforcement` is on, that
//! asks for `update` on the subresource `finalizers` of the owner as well; no usual cluster has it on, so it is not granted.

use std::fmt::Write as _;

use crate::api::common::GROUP;

/// One rule of a role. There is no wildcard in any of its parts, and no Secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    /// API group; empty: the core group.
    pub group: &'static str,
    /// Resources, subresources as `resource/subresource`.
    pub resources: &'static [&'static str],
    pub verbs: &'static [&'static str],
    /// Only the Lease whose name the flag `--lease-name` says.
    pub only_the_lease: bool,
}

const fn rule(
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
) -> Rule {
    Rule {
        group,
        resources,
        verbs,
        only_the_lease: false,
    }
}

/// In every namespace that is watched.
pub const RULES: &[Rule] = &[
    // `get` is the quorum read before something that cannot be taken back.
    rule(GROUP, &["backends"], &["get", "list", "watch"]),
    // `patch` is for the finalizer of a Database that a migration holds: no verb of its own exists for that.
    rule(GROUP, &["databases"], &["list", "watch", "patch"]),
    rule(GROUP, &["migrations"], &["get", "list", "watch", "create"]),
    rule(GROUP, &["backends/status", "migrations/status"], &["patch"]),
    // The ledger is taken by compare-and-swap, which is an update; what people read is patched.
    rule(GROUP, &["databases/status"], &["patch", "update"]),
    // A server-side apply of a new object needs `create` besides `patch`; `get` looks whose an object is that stands in the way.
    rule(
        "",
        &["serviceaccounts", "services"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    rule(
        "apps",
        &["deployments"],
        &["get", "list", "watch", "create", "patch"],
    ),
    rule(
        "apps",
        &["controllerrevisions"],
        &["get", "list", "watch", "create", "delete"],
    ),
    rule(
        "batch",
        &["jobs"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    rule(
        "networking.k8s.io",
        &["networkpolicies"],
        &["get", "create"],
    ),
    // Of the events those by which the kubelet tells that a probe failed: what the probe was answered stands nowhere else.
    rule("", &["pods", "configmaps", "events"], &["list", "watch"]),
    rule("events.k8s.io", &["events"], &["create", "patch"]),
];

/// In the operator's own namespace. A `create` cannot be bound to a name: the name is not known to the authorizer.
pub const LEASE_RULES: &[Rule] = &[
    rule("coordination.k8s.io", &["leases"], &["create"]),
    Rule {
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["get", "update", "watch"],
        only_the_lease: true,
    },
];

/// What people with the role `view` may do besides.
pub const VIEWER_RULES: &[Rule] = &[rule(
    GROUP,
    &["backends", "databases", "migrations"],
    &["get", "list", "watch"],
)];

/// What people with the roles `edit` and `admin` may do besides. A Migration is changed only to set `slipway.dev/retry`, or `slipway.dev/approve`
/// where no policy asks for more; who writes one by hand may do no more by it than by a Backend. To lower a demand for approval takes the verb of
/// [`APPROVER_RULES`].
pub const EDITOR_RULES: &[Rule] = &[
    rule(
        GROUP,
        &["backends", "databases", "migrations"],
        &["create", "update", "patch", "delete", "deletecollection"],
    ),
    rule(GROUP, &["backends/scale"], &["get", "update", "patch"]),
];

/// What people with the role `admin` may do besides: the verb that the admission policies of `charts/slipway/files/policies` ask for.
pub const APPROVER_RULES: &[Rule] = &[rule(GROUP, &["migrations"], &["approve"])];

/// The rules as YAML: the list under `rules:`. `lease` stands for the Lease's name, a template expression in the chart.
#[must_use]
pub fn rules_yaml(rules: &[Rule], lease: &str) -> String {
    let mut yaml = String::from("rules:\n");
    for rule in rules {
        let Rule {
            group,
            resources,
            verbs,
            only_the_lease,
        } = rule;
        push(&mut yaml, format_args!("  - apiGroups: [\"{group}\"]\n"));
        push(
            &mut yaml,
            format_args!("    resources: [{}]\n", resources.join(", ")),
        );
        if *only_the_lease {
            push(&mut yaml, format_args!("    resourceNames: [{lease}]\n"));
        }
        push(
            &mut yaml,
            format_args!("    verbs: [{}]\n", verbs.join(", ")),
        );
    }
    yaml
}

fn push(yaml: &mut String, text: std::fmt::Arguments<'_>) {
    yaml.write_fmt(text)
        .expect("a String takes all that is written to it");
}

#[cfg(test)]
mod tests {
    use super::{APPROVER_RULES, EDITOR_RULES, LEASE_RULES, RULES, VIEWER_RULES};
    use crate::core::plan::ObjectKind;

    #[test]
    fn no_role_has_a_wildcard_or_a_secret() {
        for rule in [
            RULES,
            LEASE_RULES,
            VIEWER_RULES,
            EDITOR_RULES,
            APPROVER_RULES,
        ]
        .concat()
        {
            for word in rule.resources.iter().chain(rule.verbs) {
                assert!(
                    !word.contains('*') && !word.starts_with("secrets"),
                    "{rule:?}"
                );
            }
        }
    }

    #[test]
    fn every_kind_that_the_operator_looks_at_may_be_watched() {
        for kind in [
            ObjectKind::Backend,
            ObjectKind::Database,
            ObjectKind::Migration,
            ObjectKind::ServiceAccount,
            ObjectKind::Service,
            ObjectKind::Deployment,
            ObjectKind::ControllerRevision,
            ObjectKind::Job,
            ObjectKind::Pod,
            ObjectKind::ConfigMap,
            ObjectKind::Event,
        ] {
            let group = kind
                .api_version()
                .split_once('/')
                .map_or("", |(group, _)| group);
            let watched = RULES.iter().any(|rule| {
                rule.group == group
                    && rule.resources.contains(&kind.plural())
                    && ["list", "watch"]
                        .iter()
                        .all(|verb| rule.verbs.contains(verb))
            });
            assert!(watched, "{kind:?}");
        }
    }
}
