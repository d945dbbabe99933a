//! What a scenario's operator asked the API server for, by the audit log.

use std::time::Duration;

use anyhow::Result;

use super::{ACCOUNT, World};
use crate::cluster::audit::{Entries, Mark};
use crate::cluster::wait;

/// So late the last request of a change may come, which lets a Job go, and its line in the log.
const LOGGED: Duration = Duration::from_secs(30);

impl World {
    /// The end of the log, from which requests can be counted.
    pub fn mark(&self) -> Result<Mark> {
        self.cluster().audit_log()?.mark()
    }

    /// The operator's requests so far, or from a mark on.
    pub fn requests(&self, since: Option<Mark>) -> Result<Entries> {
        let all = self
            .cluster()
            .audit_log()?
            .since(since.unwrap_or(self.mark))?;
        Ok(all.of_service_account(&self.namespace, ACCOUNT))
    }

    /// The operator's requests since a mark, once they are as `check` wants them; its words, if they do not become so soon. What a request
    /// has done shows before the log has its line.
    pub async fn requests_as(
        &self,
        mark: Mark,
        check: impl Fn(&Entries) -> Result<()>,
    ) -> Result<Entries> {
        wait::until("the log of requests", LOGGED, async || {
            let requests = self.requests(Some(mark))?;
            check(&requests)?;
            anyhow::Ok(requests)
        })
        .await
    }

    /// The requests of a pod of this scenario's namespace so far.
    pub fn requests_of_pod(&self, pod: &str) -> Result<Entries> {
        let all = self.cluster().audit_log()?.since(self.mark)?;
        let accounts = format!("system:serviceaccount:{}:", self.namespace);
        Ok(all.filter(|entry| entry.pod == pod && entry.user.starts_with(&accounts)))
    }
}
