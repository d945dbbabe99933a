//! Everything that a Backend's first release makes, at once: what `slipway render` prints. The same builders as the operator's.

use serde_json::Value;

use super::build::{
    controller_revision, deployment, headless_service, migration, pod_template, service,
    service_account,
};
use super::input_hash;
use super::problems;
use super::release::Release;
use super::resolve::{self, Invalid, Missing, surroundings};
use super::resolved::Account;
use super::seen::Seen;
use crate::api::backend::Problem;
use crate::core::migration::planned::Planned;

/// What would be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// In the order of their making. Without ControllerRevision and Deployment where something is missing.
    pub objects: Vec<Value>,
    pub problems: Vec<Problem>,
    /// A Database or ConfigMap that the spec names and that was not given.
    pub missing: Option<Missing>,
}

/// Renders a Backend of which nothing exists yet.
///
/// # Errors
/// The first field of the spec that cannot work.
pub fn render(seen: &Seen) -> Result<Rendered, Invalid> {
    let backend = resolve::resolve(&seen.backend)?;
    let problems = problems::problems(seen, &backend);
    let Planned {
        migrations: planned,
        missing_files,
        ..
    } = &seen.planned;
    let mut objects = Vec::new();
    if backend.account == Account::Own {
        objects.push(service_account::service_account(seen));
    }
    if !backend.ports.is_empty() {
        objects.push(service::service(seen, &backend));
    }
    objects.extend(headless_service::headless_service(seen, &backend));
    objects.extend(planned.iter().map(|plan| migration::migration(seen, plan)));
    let bound = match surroundings(&backend, &seen.databases, &seen.config_maps, missing_files) {
        Ok(bound) => bound,
        Err(missing) => {
            return Ok(Rendered {
                objects,
                problems,
                missing: Some(missing),
            });
        }
    };
    let release = Release {
        revision: 1,
        image: backend.program.image.as_str().to_owned(),
        input_hash: input_hash::input_hash(seen, &bound),
        generation: seen.generation(),
        migrations: Vec::new(),
        template: pod_template::pod_template(seen, &backend, &bound, 1),
    };
    objects.push(controller_revision::controller_revision(seen, &release));
    objects.push(deployment::deployment(seen, &backend, &release));
    Ok(Rendered {
        objects,
        problems,
        missing: None,
    })
}
