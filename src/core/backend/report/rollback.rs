//! A release whose migration files end below what a contract did to the schema: older code may not work with it.

use super::super::contract::UnsafeRollback;
use super::super::seen::Seen;
use super::assessment::{Assessment, stalled};
use super::progress::serving;

/// Seen before it goes out.
pub(super) fn held_below(seen: &Seen, image: &str, found: &UnsafeRollback) -> Assessment {
    let back = seen
        .backend
        .status
        .as_ref()
        .and_then(|status| status.release.as_ref())
        .map_or_else(String::new, |release| {
            format!(
                "; or stay with the image that serves: kubectl patch slb/{} -n {} --type=merge -p '{{\"spec\":{{\"image\":\"{}\"}}}}'",
                seen.name(),
                seen.namespace(),
                release.image
            )
        });
    let text = format!(
        "image {image} must not go out: {}; {}. {}{back}",
        below(found),
        serving(seen),
        remedy(found)
    );
    Assessment::about(&found.by, stalled("RollbackUnsafe", text))
}

/// The same of one that is out: only its own migration after the rollout told how far its files reach.
pub(super) fn released_below(seen: &Seen, found: &UnsafeRollback) -> Assessment {
    let look = if found.by.is_empty() {
        String::new()
    } else {
        format!(
            ". Which image has them stands in spec.source.image of it. Next: kubectl get slm/{} -n {} -o yaml",
            found.by,
            seen.namespace()
        )
    };
    let text = format!(
        "{}; {}. {}{look}",
        below(found),
        serving(seen),
        remedy(found)
    );
    Assessment::about(&found.by, stalled("RollbackUnsafe", text))
}

fn below(found: &UnsafeRollback) -> String {
    let UnsafeRollback {
        database,
        files_top,
        version,
        by,
    } = found;
    let by = if by.is_empty() {
        "a migration".to_owned()
    } else {
        format!("migration {by}")
    };
    format!(
        "its migration files end at version {files_top}, and {by} (AfterRollout) took database {database} to version {version}, which older code may not work with"
    )
}

fn remedy(found: &UnsafeRollback) -> String {
    format!(
        "Ship an image with files up to version {} or higher",
        found.version
    )
}
