//! From what a user wrote to what is meant: defaults put in, wrong values refused with the field, the fault and the remedy.
//!
//! CEL refuses most of it at admission; what is checked here as well is what CEL cannot say, and objects that were stored before a rule.

mod binding;
mod config;
mod environment;
mod files;
mod migrations;
mod missing;
mod ports;
mod probes;
mod resources;
mod rollout;
mod surroundings;

use kube::ResourceExt;

use super::resolved::{Account, Image, Program, ResolvedBackend, ResolvedSecurity};
use crate::api::backend::{Backend, BackendSpec, BackendType};
use crate::api::workload::Security;
use crate::core::size::{self, TooLarge};

pub use self::missing::Missing;
pub use self::surroundings::surroundings;

/// Longest name of a Backend; children's names and labels are made of it.
const NAME_LIMIT: usize = 40;

/// Longest image reference.
const IMAGE_LIMIT: usize = 512;

/// What to do about a spec that is too large.
pub(super) const MOVE_IT: &str =
    "move long values into a ConfigMap or Secret, and name it in spec.envFrom or spec.files";

/// User and group of a program whose image may have none (`scratch` has no USER and would start as root). The number of distroless' `nonroot`.
const NOBODY: i64 = 65532;

/// A spec that cannot work.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: {fault}. {remedy}")]
pub struct Invalid {
    /// Path of the field. Example: `spec.ports[http].port`.
    pub field: String,
    pub fault: String,
    /// What to do about it: a sentence without its full stop.
    pub remedy: String,
}

/// Makes an [`Invalid`].
pub(super) fn invalid(
    field: impl Into<String>,
    fault: impl Into<String>,
    remedy: impl Into<String>,
) -> Invalid {
    Invalid {
        field: field.into(),
        fault: fault.into(),
        remedy: remedy.into(),
    }
}

/// The whole spec with its defaults.
///
/// # Errors
/// The first field that cannot work.
pub fn resolve(backend: &Backend) -> Result<ResolvedBackend, Invalid> {
    check_name(&backend.name_any())?;
    let spec = &backend.spec;
    check_size(spec)?;
    let shape = spec.type_.unwrap_or(BackendType::Service);
    let ports = ports::resolve(spec, shape)?;
    let files = files::resolve(&spec.files)?;
    let resources = resources::resolve(spec.resources.as_ref())?;
    let bindings = binding::resolve(spec)?;
    migrations::check(&spec.migrations)?;
    Ok(ResolvedBackend {
        shape,
        program: program(spec)?,
        environment: environment::variables("spec.env", &spec.env, 200)?,
        environment_sources: environment::sources(&spec.env_from)?,
        restart_on_config_change: spec.restart_on_config_change.unwrap_or(true),
        probes: probes::resolve(spec.probes.as_ref(), &ports)?,
        go: resources::go(spec.go.as_ref(), &resources, &files)?,
        replicas: replicas(spec, shape)?,
        shutdown: ports::seconds(spec.shutdown.as_ref(), &ports)?,
        security: security(spec.security.as_ref())?,
        account: account(spec)?,
        rollout: rollout::resolve(spec.rollout.as_ref(), &files)?,
        bindings,
        ports,
        files,
        resources,
    })
}

/// Before anything is copied from it.
fn check_size(spec: &BackendSpec) -> Result<(), Invalid> {
    size::check(spec, size::LARGEST_SPEC).map_err(|too_large| {
        let TooLarge {
            bytes,
            limit,
            largest,
        } = too_large;
        let field = match largest.as_str() {
            "" => "spec".to_owned(),
            largest => format!("spec.{largest}"),
        };
        let fault = format!(
            "the spec has {bytes} bytes of JSON, most of them here, and Slipway takes at most {limit}"
        );
        let mut remedy = MOVE_IT.to_owned();
        if let Some(first) = remedy.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        invalid(field, fault, remedy)
    })
}

fn check_name(name: &str) -> Result<(), Invalid> {
    let starts = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    let rest = name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if name.len() <= NAME_LIMIT && starts && rest && !name.ends_with('-') {
        return Ok(());
    }
    let remedy =
        format!("Use at most {NAME_LIMIT} lower case letters, digits and dashes, a letter first");
    Err(invalid(
        "metadata.name",
        format!("`{name}` cannot name the children"),
        remedy,
    ))
}

fn program(spec: &BackendSpec) -> Result<Program, Invalid> {
    for (field, items) in [("spec.command", &spec.command), ("spec.args", &spec.args)] {
        if items.len() > 64 || items.iter().any(|item| item.contains('\0')) {
            return Err(invalid(
                field,
                "more than 64 items, or a NUL in one",
                "Give at most 64 items without NUL",
            ));
        }
    }
    if spec
        .image_pull_secrets
        .iter()
        .any(|secret| secret.name.is_empty())
    {
        return Err(invalid(
            "spec.imagePullSecrets",
            "a name is empty",
            "Name a Secret of this namespace",
        ));
    }
    Ok(Program {
        image: image("spec.image", &spec.image)?,
        command: spec.command.clone(),
        args: spec.args.clone(),
        pull_policy: spec.image_pull_policy,
        pull_secrets: spec
            .image_pull_secrets
            .iter()
            .map(|secret| secret.name.clone())
            .collect(),
    })
}

/// An image reference that a node can at least try to pull.
pub(super) fn image(field: &str, reference: &str) -> Result<Image, Invalid> {
    let example = "Give a reference like registry.example/orders:1.4.0";
    let repository = reference.split(['@']).next().unwrap_or(reference);
    let path = repository
        .rsplit('/')
        .next()
        .and_then(|last| last.split(':').next())
        .unwrap_or_default();
    if reference.is_empty() || reference.len() > IMAGE_LIMIT {
        return Err(invalid(
            field,
            format!("empty, or longer than {IMAGE_LIMIT} characters"),
            example,
        ));
    }
    if reference
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err(invalid(field, "holds a blank", example));
    }
    if path.is_empty() || path.chars().any(|letter| letter.is_ascii_uppercase()) {
        return Err(invalid(
            field,
            "the name of the repository is missing or not lower case",
            example,
        ));
    }
    if let Some((_, digest)) = reference.split_once('@') {
        let digits = digest.strip_prefix("sha256:").unwrap_or_default();
        if digits.len() != 64 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid(
                field,
                "the digest is not sha256: and 64 hexadecimal digits",
                "Copy the digest again",
            ));
        }
    }
    Ok(Image(reference.to_owned()))
}

fn replicas(spec: &BackendSpec, shape: BackendType) -> Result<i32, Invalid> {
    let replicas = spec.replicas.unwrap_or(match shape {
        BackendType::Service => 2,
        BackendType::Worker => 1,
    });
    if (0..=10_000).contains(&replicas) {
        return Ok(replicas);
    }
    Err(invalid(
        "spec.replicas",
        format!("{replicas} is out of range"),
        "Give 0 to 10000",
    ))
}

fn security(security: Option<&Security>) -> Result<ResolvedSecurity, Invalid> {
    let security = security.cloned().unwrap_or_default();
    if security.run_as_user == Some(0) {
        return Err(invalid(
            "spec.security.runAsUser",
            "0 is root",
            "Give a number above 0, or leave it out for 65532",
        ));
    }
    let by_image = security.use_image_user == Some(true);
    if by_image && security.run_as_user.is_some() {
        let remedy = "Remove one of the two";
        return Err(invalid(
            "spec.security",
            "useImageUser and runAsUser exclude each other",
            remedy,
        ));
    }
    let numbers = [
        security.run_as_user,
        security.run_as_group,
        security.fs_group,
    ];
    if numbers
        .iter()
        .flatten()
        .any(|number| !(0..=i64::from(i32::MAX)).contains(number))
    {
        return Err(invalid(
            "spec.security",
            "a user or group is out of range",
            "Give numbers of 0 to 2147483647",
        ));
    }
    let fallback = (!by_image).then_some(NOBODY);
    let group = security.run_as_group.or(fallback);
    Ok(ResolvedSecurity {
        user: security.run_as_user.or(fallback),
        group,
        fs_group: security.fs_group.or(group),
        writable_root: security.writable_root_filesystem == Some(true),
    })
}

fn account(spec: &BackendSpec) -> Result<Account, Invalid> {
    match spec.service_account_name.as_deref() {
        None => Ok(Account::Own),
        Some("") => Err(invalid(
            "spec.serviceAccountName",
            "empty",
            "Name a ServiceAccount of this namespace, or remove the field",
        )),
        Some(name) => Ok(Account::Named(name.to_owned())),
    }
}
