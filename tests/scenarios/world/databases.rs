//! The databases of a scenario, on the server that all scenarios share.

use anyhow::Result;
use serde_json::json;

use super::World;
use crate::cluster::canary::PASSWORD;
use crate::cluster::postgres::Postgres;
use crate::cluster::release;

impl World {
    /// Makes a database with a user of its own, its Secret and the Database object.
    pub async fn database(&self, name: &str) -> Result<()> {
        let manifest =
            release::database_with_secret(self.cluster(), &self.namespace, name, PASSWORD).await?;
        self.apply(&manifest).await
    }

    /// Gives the user of a database another password, on the server and in the Secret.
    pub async fn rotate_password(&self, name: &str, password: &str) -> Result<()> {
        let user = self.database_name(name);
        self.postgres().await?.set_password(&user, password).await?;
        let data = json!({"stringData": {"password": password}});
        self.patch(&format!("secret/{name}-app"), &data).await
    }

    /// The server that all databases of the scenarios stand on.
    pub async fn postgres(&self) -> Result<Postgres> {
        self.cluster().postgres().await
    }

    /// The name of the database on the server.
    pub fn database_name(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    /// The versions that goose has noted in a database, in the order of its rows; the row 0 that it begins with left out.
    pub async fn versions(&self, name: &str) -> Result<Vec<i64>> {
        let client = self
            .postgres()
            .await?
            .connect(&self.database_name(name))
            .await?;
        let statement = "select version_id from goose_db_version where is_applied and version_id > 0 order by id";
        let rows = client.query(statement, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
