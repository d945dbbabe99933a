//! What a request to the API server asks for, read from its method and its address. Pure.

use std::fmt;

/// The API server's own words for what a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// Whether it changes something.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

/// A request, as far as faults care. The texts are empty where the address has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub verb: Verb,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural name, such as `jobs`; empty for paths such as `/readyz`.
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

impl Call {
    /// Reads `POST`, `/apis/batch/v1/namespaces/team-a/jobs` and the query.
    pub fn read(method: &str, path: &str, query: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => ("", [].as_slice()),
        };
        let (namespace, rest) = match rest {
            // `/namespaces/NAME` and its subresources are the namespace itself.
            ["namespaces", namespace, "status" | "finalize"] | ["namespaces", namespace] => {
                (*namespace, rest)
            }
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
        let watches = query
            .split('&')
            .any(|pair| matches!(pair, "watch=true" | "watch=1"));
        let verb = verb(method, watches, rest.len() > 1);
        Self {
            verb,
            group: group.to_owned(),
            resource: part(0),
            name: part(1),
            subresource: part(2),
            namespace: namespace.to_owned(),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(formatter, "/{}", self.subresource)?;
        }
        if !self.namespace.is_empty() || !self.name.is_empty() {
            write!(formatter, " {}/{}", self.namespace, self.name)?;
        }
        Ok(())
    }
}

fn verb(method: &str, watches: bool, named: bool) -> Verb {
    match method {
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" => Verb::Patch,
        "DELETE" if named => Verb::Delete,
        "DELETE" => Verb::DeleteCollection,
        _ if watches => Verb::Watch,
        _ if named => Verb::Get,
        _ => Verb::List,
    }
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn a_request_is_known_by_its_address() {
        let shown =
            |method: &str, path: &str, query: &str| Call::read(method, path, query).to_string();
        assert_eq!(
            shown("POST", "/apis/batch/v1/namespaces/a/jobs", ""),
            "Create jobs a/"
        );
        assert_eq!(
            shown("GET", "/api/v1/pods", "labelSelector=x&watch=true"),
            "Watch pods"
        );
        assert_eq!(shown("GET", "/api/v1/pods", "limit=500"), "List pods");
        assert_eq!(
            shown(
                "PUT",
                "/apis/slipway.dev/v1/namespaces/a/databases/d/status",
                ""
            ),
            "Update databases/status a/d"
        );
        assert_eq!(
            shown("GET", "/api/v1/namespaces/a", ""),
            "Get namespaces a/a"
        );
        assert_eq!(
            shown("DELETE", "/api/v1/namespaces/a/pods", ""),
            "DeleteCollection pods a/"
        );
        assert_eq!(shown("GET", "/readyz", ""), "List ");
    }
}
