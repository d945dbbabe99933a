//! The Backends of a scenario: what is asked for, shipped and waited for.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{PATIENCE, World};
use crate::cluster::wait;

impl World {
    /// A Backend of the orders service with its migrations.
    pub fn orders(&self, name: &str, version: &str, database: &str) -> Value {
        json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "image": format!("slipway.test/orders:{version}"),
                "ports": [{"name": "http", "port": 8080}],
                "probes": {"readiness": {"path": "/readyz"}},
                "shutdown": {"drainSeconds": 2, "graceSeconds": 5},
                "databases": [{"name": database}],
                "migrations": [{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}],
            },
        })
    }

    /// A Backend that has nothing but this migration: no pods, so it is Ready as soon as the schema is there.
    pub fn migrating(&self, name: &str, image: &str, database: &str, migration: &Value) -> Value {
        json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "type": "Worker",
                "image": image,
                "replicas": 0,
                "databases": [{"name": database}],
                "migrations": [migration],
            },
        })
    }

    /// The Database `orders-db`, and the Backend `orders` with release 1.0.0 of the orders service on it.
    pub async fn ask_for_orders(&self) -> Result<()> {
        self.database("orders-db").await?;
        self.apply(&self.orders("orders", "1.0.0", "orders-db"))
            .await
    }

    /// The same, and waits until it is out.
    pub async fn release_orders(&self) -> Result<()> {
        self.ask_for_orders().await?;
        self.ready("orders").await?;
        self.jobs_let_go().await
    }

    /// Waits until no Job is held back by Slipway's finalizer: a success is recorded, and a release may be Ready, before its Job says so.
    pub async fn jobs_let_go(&self) -> Result<()> {
        wait::until("the Jobs to be let go", PATIENCE, async || {
            self.no_job_is_held().await
        })
        .await
    }

    /// The look of [`World::jobs_let_go`].
    pub async fn no_job_is_held(&self) -> Result<()> {
        let jobs = self.list("jobs").await?;
        let held: Vec<_> = jobs
            .iter()
            .map(|job| job["metadata"]["finalizers"].to_string())
            .filter(|finalizers| finalizers.contains("slipway.dev/outcome"))
            .collect();
        ensure!(held.is_empty(), "{} Jobs are held", held.len());
        Ok(())
    }

    /// Sets the image of a Backend.
    pub async fn ship(&self, backend: &str, image: &str) -> Result<()> {
        let image = json!({"spec": {"image": image}});
        self.patch(&format!("slb/{backend}"), &image).await
    }

    /// Waits for `Ready=True` of the newest generation.
    pub async fn ready(&self, backend: &str) -> Result<()> {
        self.condition(&format!("slb/{backend}"), "Ready", "True")
            .await?;
        Ok(())
    }
}
