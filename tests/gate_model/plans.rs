//! What each image asks for, by the product's own planning: the names and plan keys of its migrations.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use slipway::core::migration::planned::{PlannedMigration, planned};

use crate::kept::object;
use crate::world::{DATABASE, IMAGES, backend, database};

static PLANS: LazyLock<BTreeMap<&'static str, Vec<PlannedMigration>>> = LazyLock::new(|| {
    let databases = BTreeMap::from([(DATABASE.to_owned(), Arc::new(object(database())))]);
    let of = |image: &'static str| {
        let backend = object(backend(image));
        let plans = planned(&backend, &databases, &BTreeMap::new()).migrations;
        (image, plans)
    };
    IMAGES.into_iter().map(of).collect()
});

/// The migrations that must be done before this image goes out, in their order.
pub fn before_rollout(image: &str) -> impl Iterator<Item = &'static PlannedMigration> {
    let plans = PLANS.get(image).into_iter().flatten();
    plans.filter(|plan| plan.is_before_rollout())
}

/// The plan of this Migration, and those that come before it.
pub fn plan_of(name: &str) -> (&'static PlannedMigration, &'static [PlannedMigration]) {
    let found = PLANS.values().find_map(|plans| {
        let at = plans.iter().position(|plan| plan.object_name == name)?;
        Some((&plans[at], &plans[..at]))
    });
    found.expect("a Migration of one of the images")
}
