//! What the admin server tells of a release, and what it must not tell.

use anyhow::{Result, ensure};

use crate::cluster::canary::WORD;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// `experience.md` 9, I-33, I-39: boards find the run, its times and the requests; no series holds a secret, and probes answer.
pub async fn metrics_tell_of_a_migration_and_of_every_request_and_of_no_secret(
    world: World,
) -> Result<()> {
    let operator = world.operator().await?;
    world.database("orders-db").await?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;

    let namespace = &world.namespace;
    let needed = [
        format!(
            r#"slipway_migration_runs_total{{namespace="{namespace}",backend="orders",tool="Goose",phase="BeforeRollout",outcome="Succeeded"}} 1"#
        ),
        r#"slipway_migration_duration_seconds_count{tool="Goose",phase="BeforeRollout"} 1"#
            .to_owned(),
        r#"slipway_migration_lock_wait_seconds_count{tool="Goose",phase="BeforeRollout"} 1"#
            .to_owned(),
        format!(
            r#"slipway_resource_ready{{kind="Backend",namespace="{namespace}",name="orders"}} 1"#
        ),
        r#"slipway_api_requests_total{verb="create",kind="Job",outcome="success"} 1"#.to_owned(),
        r#"leader_election_master_status{name="slipway"} 1"#.to_owned(),
        r#"workqueue_depth{name="backend"} 0"#.to_owned(),
        r"slipway_writes_withheld_total 0".to_owned(),
    ];
    let text = wait::until("the metrics of the run", PATIENCE, async || {
        let (code, text) = operator.admin("/metrics").await?;
        ensure!(code == 200, "{code}: {text}");
        for line in &needed {
            ensure!(
                text.lines().any(|found| found == line),
                "no {line} in\n{text}"
            );
        }
        Ok(text)
    })
    .await?;
    for counted in [
        r#"rest_client_requests_total{code="200",method="GET"}"#,
        r#"rest_client_requests_total{code="200",method="PATCH"}"#,
        r#"workqueue_queue_duration_seconds_count{name="migration"}"#,
        r#"controller_runtime_reconcile_total{controller="run",result="success"}"#,
    ] {
        let count = text.lines().find_map(|line| line.strip_prefix(counted));
        let count = count.and_then(|count| count.trim().parse::<f64>().ok());
        ensure!(
            count.is_some_and(|count| count >= 1.0),
            "{counted} is {count:?}"
        );
    }
    ensure!(!text.contains(WORD), "the password stands in the metrics");
    for probe in ["/livez", "/readyz?verbose"] {
        let (code, body) = operator.admin(probe).await?;
        ensure!(
            code == 200 && !body.contains(WORD),
            "{probe}: {code} {body}"
        );
    }
    Ok(())
}
