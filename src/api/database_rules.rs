//! CEL rules on a Database.
//!
//! The host's form is said by rules, not by a pattern: the API server quotes a value that misses its pattern, and somebody who writes a whole
//! URL there would find the password in the answer, and in the log of whatever applied it.

use kube::core::Rule;

/// A URL in place of a host.
pub(super) fn host_holds_no_credentials() -> Rule {
    Rule::new("!self.host.contains('@') && !self.host.contains('/')")
        .message("spec.host holds a user, a scheme or a path; write the host alone, user and password belong in the Secret of spec.credentials")
        .field_path(".host")
}

/// DNS name (with `_`, which some servers have), IPv4 or IPv6 address.
pub(super) fn host_is_a_name_or_an_address() -> Rule {
    Rule::new(concat!(
        "self.host.contains('@') || self.host.contains('/')",
        " || self.host.matches('^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?([.][A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*[.]?$')",
        " || self.host.matches('^[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$')"
    ))
    .message("spec.host is one host name or IP address; the port belongs in spec.port; example orders-db.acme.test")
    .field_path(".host")
}

/// Both rules of the host, for `direct`.
pub(super) fn direct_is_said_as_host_is() -> Rule {
    Rule::new(concat!(
        "!has(self.direct)",
        " || self.direct.host.matches('^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?([.][A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*[.]?$')",
        " || self.direct.host.matches('^[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$')"
    ))
    .message("spec.direct.host is one host name or IP address, without scheme, user or path; the port belongs in spec.direct.port; example orders-db-0.acme.test")
    .field_path(".direct")
}

/// Any other mode takes whatever certificate the server shows: an authority there would look like a check that is not made.
pub(super) fn an_authority_is_asked_for_with_verify_full() -> Rule {
    Rule::new("!has(self.tls) || !has(self.tls.ca) || (has(self.tls.mode) && self.tls.mode == 'VerifyFull')")
        .message("spec.tls.ca is used with spec.tls.mode: VerifyFull only; set the mode, or remove ca")
        .field_path(".tls")
}

pub(super) fn one_holder_of_the_certificate() -> Rule {
    Rule::new("has(self.configMap) != has(self.secret)")
        .message("spec.tls.ca needs exactly one of configMap and secret; example {configMap: company-authority}")
}

/// What Backends have migrated and remember stands in this Database's ledger; another server under the same name would inherit it. The
/// rule sits on the root to see the status. It compares old with new only, so that a status write always passes.
pub(super) fn stays_while_bound() -> Rule {
    Rule::new(concat!(
        "!has(oldSelf.status) || !has(oldSelf.status.backends) || oldSelf.status.backends == 0",
        " || (self.spec.engine == oldSelf.spec.engine && self.spec.host == oldSelf.spec.host && self.spec.name == oldSelf.spec.name)"
    ))
    .message("spec.engine, spec.host and spec.name of a Database cannot be changed while Backends are bound (status.backends); make a second Database and name it in spec.databases of the Backends")
}
