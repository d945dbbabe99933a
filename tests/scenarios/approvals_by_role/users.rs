//! Two users of a namespace: `developer` has the role edit alone, `lead` may approve as well. The chart's policies are in force there.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use slipway::core::rights::{APPROVER_RULES, EDITOR_RULES, VIEWER_RULES};

use crate::approvals::policies;
use crate::cluster::command::Answer;
use crate::cluster::{release, wait};
use crate::world::{PATIENCE, World};

/// A server-side apply of what comes by standard input.
pub const APPLY: [&str; 4] = ["apply", "--server-side", "-f", "-"];

/// What every refusal says: the verb that is missing, and the command that tells who has it.
const REMEDY: [&str; 2] = [
    "the verb approve on migrations.slipway.dev",
    "kubectl auth can-i approve migrations.slipway.dev",
];

pub struct Users<'a> {
    pub world: &'a World,
    policies: String,
}

impl<'a> Users<'a> {
    pub async fn of(world: &'a World) -> Result<Self> {
        let policies = policies(world).await?;
        let people = [
            world.person("developer", &[VIEWER_RULES, EDITOR_RULES]),
            world.person("lead", &[VIEWER_RULES, EDITOR_RULES, APPROVER_RULES]),
        ];
        world.cluster().apply(&people.concat()).await?;
        world.cluster().apply(&policies).await?;
        Ok(Self { world, policies })
    }

    /// The API server needs a moment until it knows of a policy. Something must wait for an approval by then.
    pub async fn until_all_policies_are_in_force(&self) -> Result<()> {
        let remove = r#"[{"op": "remove", "path": "/spec/migrations/0/approval"}]"#;
        let edits: [&[&str]; 3] = [
            &["patch", "slb/b", "--type=json", "-p", remove],
            &["delete", "sldb/d"],
            &["annotate", "slm", "--all", "slipway.dev/approve=x"],
        ];
        for edit in edits {
            let edit = [edit, &["--dry-run=server"]].concat();
            wait::until("a policy to refuse", PATIENCE, async || {
                self.may_not(&edit, "").await
            })
            .await?;
            let refusal = self.types(&edit, "").await?.stderr;
            self.typed_as_told(&refusal).await?;
        }
        Ok(())
    }

    /// The command at the end of a refusal tells who may.
    async fn typed_as_told(&self, refusal: &str) -> Result<()> {
        let (_, command) = refusal
            .rsplit_once("kubectl ")
            .with_context(|| refusal.to_owned())?;
        let words: Vec<&str> = command.split_whitespace().collect();
        for (name, verdict) in [("developer", "no"), ("lead", "yes")] {
            let answer = self.types_as(name, &words, "").await?;
            ensure!(answer.stdout.trim() == verdict, "{name}: {answer:?}");
        }
        Ok(())
    }

    /// What the developer's kubectl answers.
    pub async fn types(&self, words: &[&str], input: &str) -> Result<Answer> {
        self.types_as("developer", words, input).await
    }

    async fn types_as(&self, name: &str, words: &[&str], input: &str) -> Result<Answer> {
        let namespace = &self.world.namespace;
        let user = format!("--as=system:serviceaccount:{namespace}:{name}");
        let all = [words, &["-n", namespace, &user]].concat();
        self.world.cluster().kubectl_with_input(&all, input).await
    }

    /// The developer does it.
    pub async fn does(&self, words: &[&str], input: &str) -> Result<()> {
        self.types(words, input).await?.success(&words.join(" "))?;
        Ok(())
    }

    /// The developer is refused, and told what to type.
    pub async fn may_not(&self, words: &[&str], input: &str) -> Result<()> {
        let Answer {
            succeeded, stderr, ..
        } = self.types(words, input).await?;
        let is_told = REMEDY.iter().all(|part| stderr.contains(part));
        ensure!(!succeeded && is_told, "{words:?} {input}: {stderr}");
        Ok(())
    }

    /// The developer merges this into an object.
    pub async fn changes(&self, object: &str, patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        self.does(&["patch", object, "--type=merge", "-p", &patch], "")
            .await
    }

    /// The developer may not.
    pub async fn may_not_change(&self, object: &str, patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        self.may_not(&["patch", object, "--type=merge", "-p", &patch], "")
            .await
    }

    /// The lead may.
    pub async fn lead_changes(&self, object: &str, patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        self.lead_does(&["patch", object, "--type=merge", "-p", &patch])
            .await
    }

    /// The lead does it.
    pub async fn lead_does(&self, words: &[&str]) -> Result<()> {
        let answer = self.types_as("lead", words, "").await?;
        answer.success(&words.join(" "))?;
        Ok(())
    }

    /// The lead types the command at the end of a message.
    pub async fn approve(&self, message: &str) -> Result<()> {
        let words = release::next_command(message)?;
        self.types_as("lead", &words, "").await?.success(message)?;
        Ok(())
    }

    /// The developer applies it, on the server's side.
    pub async fn apply(&self, manifest: &Value) -> Result<()> {
        self.does(&APPLY, &manifest.to_string()).await
    }

    /// The path of all objects of a kind in the namespace.
    pub fn all_of(&self, plural: &str) -> String {
        let namespace = &self.world.namespace;
        format!("/apis/slipway.dev/v1alpha1/namespaces/{namespace}/{plural}")
    }

    /// Takes the policies away: they belong to no namespace.
    pub async fn leave(&self) -> Result<()> {
        let delete = ["delete", "--wait=false", "-f", "-"];
        let answer = self
            .world
            .cluster()
            .kubectl_with_input(&delete, &self.policies);
        answer.await?.success("delete the policies")?;
        Ok(())
    }
}
