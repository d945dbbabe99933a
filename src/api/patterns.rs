//! The forms that names and texts may have, as regular expressions for the schema. RE2: the API server's dialect, and the `regex` crate's.
//!
//! What a user writes is shown again in columns, messages and events, so none of these lets through a blank, a control character or
//! anything that is not ASCII.

/// A DNS label as RFC 1123 has it: names of entries that never become part of a longer name. At most 63 characters.
pub const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A DNS subdomain: what the API server takes as the name of a ConfigMap, Secret, ServiceAccount or custom resource. At most 253.
pub const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A port's name (`IANA_SVC_NAME`): lower case, digits, single dashes inside, and a letter in it. At most 15 characters.
pub const PORT_NAME: &str = "^([a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/// An image reference: registry (optional), lower-case path, tag (optional), digest (optional, `sha256:` and 64 digits). At most 512.
pub const IMAGE: &str = concat!(
    r"^(([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?/)?",
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$"
);

/// A command or argument: anything but NUL, which no operating system can pass on.
pub const ARGUMENT: &str = r"^[^\x00]*$";

/// Name of an environment variable, as Kubernetes takes it everywhere: letters, digits, `_`, `-`, `.`; no digit first.
pub const VARIABLE: &str = "^[-._a-zA-Z][-._a-zA-Z0-9]*$";

/// Front part of environment variables' names: what a shell takes as a name.
pub const VARIABLE_PREFIX: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// A key of a ConfigMap or Secret.
pub const KEY: &str = "^[-._a-zA-Z0-9]+$";

/// An absolute path without a slash at its end. That no part of it is `.` or `..` is said by a rule, RE2 cannot.
pub const ABSOLUTE_PATH: &str = "^(/[A-Za-z0-9._@+-]+)+$";

/// Path of an HTTP request: a slash, then printable ASCII without blanks.
pub const REQUEST_PATH: &str = "^/[!-~]*$";

/// Name of a gRPC service as `grpc.health.v1` knows it; empty asks for the whole server.
pub const GRPC_SERVICE: &str = "^[A-Za-z0-9._/-]*$";

/// A field of the pod that Kubernetes gives to a variable.
pub const POD_FIELD: &str = concat!(
    r"^(metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[A-Za-z0-9._/-]+'\]|spec\.(nodeName|serviceAccountName)|",
    r"status\.(hostIPs?|podIPs?))$"
);

/// A resource of the container that Kubernetes gives to a variable.
pub const CONTAINER_RESOURCE: &str = r"^(requests|limits)\.(cpu|memory|ephemeral-storage)$";

/// An amount of CPU or memory. Narrower than Kubernetes' own: no sign, no exponent, no more than three decimals (finer is rounded up).
pub const QUANTITY: &str = r"^[0-9]{1,15}(\.[0-9]{1,3})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";

/// An amount of bytes: a quantity without the unit `m`, which would be thousandths of a byte.
pub const BYTES: &str = r"^[0-9]{1,15}(\.[0-9]{1,3})?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";

/// A share of the replicas.
pub const PERCENT: &str = "^([0-9]|[1-9][0-9]|100)%$";

/// The one word that `go.maxProcs` knows.
pub const LIMIT: &str = "^Limit$";

/// Number of a migration file. Flyway has several, divided by dots or underscores; the others one, see `migration_rules`.
pub const FILE_VERSION: &str = "^[0-9]+([._][0-9]+)*$";

/// Name of a database on its server. Narrower than PostgreSQL's: no blank, slash or quote, no dash first, no `..`.
pub const DATABASE_NAME: &str = r"^[A-Za-z0-9_][A-Za-z0-9_$-]*(\.[A-Za-z0-9_$-]+)*$";

/// Name of a table, unquoted, with its schema if need be.
pub const TABLE: &str = r"^([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$";

/// A plan key: base32 of SHA-256, see `core::hash`.
pub const PLAN_KEY: &str = "^[a-z2-7]{52}$";
