//! CEL rules on a Backend that look at more than one field. An absent field is read as its default. Each message names the field, what is
//! wrong, and what to write instead.
//!
//! They sit on `spec`, not on a field, or removing the field would slip past them; and not on the root, or an object that was stored before
//! a rule became stricter could not even be reported on. The name is the exception: it never changes.

use kube::core::Rule;

/// Transport of a port: all protocols but UDP ride on TCP.
const UDP: &str = "has(PORT.protocol) && PORT.protocol == 'UDP'";

/// The database of a migration; the first one is the default.
const DATABASE_OF: &str = "(has(MIGRATION.database) ? MIGRATION.database : SPEC.databases[0].name)";

fn udp(port: &str) -> String {
    format!("({})", UDP.replace("PORT", port))
}

fn database_of(migration: &str, spec: &str) -> String {
    DATABASE_OF
        .replace("MIGRATION", migration)
        .replace("SPEC", spec)
}

fn rule(field: &str, expression: impl Into<String>, message: &str) -> Rule {
    Rule::new(expression).message(message).field_path(field)
}

/// Children take the Backend's name, and a Service's name is a DNS label that starts with a letter. 40 leaves room for `-headless` and
/// for a migration's hash and attempt number.
pub(super) fn name() -> Rule {
    Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message(
        "metadata.name of a Backend: at most 40 characters, lower case, digits, dashes, a letter first, no dot; choose another name",
    )
}

/// The type decides which object the program is: changing it would mean to delete one and make another.
pub(super) fn type_is_immutable() -> Rule {
    rule(
        ".type",
        "(has(self.type) ? self.type : 'Service') == (has(oldSelf.type) ? oldSelf.type : 'Service')",
        "spec.type (Service when absent) cannot be changed; delete the Backend and make it anew, or choose another name",
    )
}

/// A Service without a port has nothing to serve.
pub(super) fn a_service_has_a_port() -> Rule {
    rule(
        ".ports",
        "(has(self.type) && self.type != 'Service') || (has(self.ports) && self.ports.size() > 0)",
        "spec.ports: a Service (the type when absent) needs a port; add one, or set type: Worker",
    )
}

/// Two ports of one number and transport cannot both be listened on.
pub(super) fn ports_differ() -> Rule {
    rule(
        ".ports",
        format!(
            "!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, p.port == q.port && {} == {}))",
            udp("p"),
            udp("q")
        ),
        "spec.ports: two entries have the same port and transport (all protocols but UDP are TCP); change or remove one",
    )
}

/// The same for the Service in front of them.
pub(super) fn service_ports_differ() -> Rule {
    let number =
        |port: &str| format!("(has({port}.servicePort) ? {port}.servicePort : {port}.port)");
    rule(
        ".ports",
        format!(
            "!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, {} == {} && {} == {}))",
            number("p"),
            number("q"),
            udp("p"),
            udp("q")
        ),
        "spec.ports: two entries have the same servicePort (port when absent) and transport; change or remove one",
    )
}

/// Reads `PROBE` in an expression as one of the three probes, and lets pass what is absent or switched off.
fn on_probe(probe: &str, expression: &str) -> String {
    format!("!has(self.probes) || !has(PROBE) || (has(PROBE.disabled) && PROBE.disabled) || {expression}")
        .replace("PROBE", &format!("self.probes.{probe}"))
}

/// Whether the probe is asked over a port, in words of [`on_probe`].
const BY_COMMAND: &str = "(has(PROBE.command) && PROBE.command.size() > 0)";

/// Everything but a command is asked over a port.
pub(super) fn probe_has_a_port(probe: &str) -> Rule {
    rule(
        &format!(".probes.{probe}"),
        on_probe(
            probe,
            &format!("{BY_COMMAND} || (has(self.ports) && self.ports.size() > 0)"),
        ),
        &format!(
            "spec.probes.{probe} is asked over a port, and spec.ports is empty; add a port, or give the probe a command"
        ),
    )
}

/// A probe names one of the ports.
pub(super) fn probe_port_is_known(probe: &str) -> Rule {
    rule(
        &format!(".probes.{probe}"),
        on_probe(
            probe,
            "!has(PROBE.port) || !has(self.ports) || self.ports.exists(p, p.name == PROBE.port)",
        ),
        &format!(
            "spec.probes.{probe}.port names no entry of spec.ports; correct the name or add the port"
        ),
    )
}

/// No probe can tell whether somebody listens on a UDP port.
pub(super) fn probe_speaks_no_udp(probe: &str) -> Rule {
    rule(
        &format!(".probes.{probe}"),
        on_probe(
            probe,
            &format!(
                "{BY_COMMAND} || !has(self.ports) || self.ports.size() == 0 || (has(PROBE.port) ? !self.ports.exists(p, p.name == PROBE.port && {}) : !{})",
                udp("p"),
                udp("self.ports[0]")
            ),
        ),
        &format!(
            "spec.probes.{probe} would be asked over a UDP port (the first when absent); name another port, or give the probe a command"
        ),
    )
}

/// GOMAXPROCS from a limit that is not there would be a guess.
pub(super) fn threads_need_a_limit() -> Rule {
    rule(
        ".go.maxProcs",
        concat!(
            "!has(self.go) || !has(self.go.maxProcs) || string(self.go.maxProcs) != 'Limit'",
            " || (has(self.resources) && has(self.resources.limits) && 'cpu' in self.resources.limits)"
        ),
        "spec.go.maxProcs: Limit needs a CPU limit; set resources.limits.cpu, or write a number",
    )
}

/// Without a Service nobody sends requests that could drain.
pub(super) fn drain_needs_ports() -> Rule {
    rule(
        ".shutdown",
        concat!(
            "!has(self.shutdown) || !has(self.shutdown.drainSeconds) || self.shutdown.drainSeconds == 0",
            " || (has(self.ports) && self.ports.size() > 0)"
        ),
        "spec.shutdown.drainSeconds needs spec.ports, as only requests through a Service drain; remove it, or use graceSeconds",
    )
}

/// The first database has the plain variables.
pub(super) fn first_database_has_no_prefix() -> Rule {
    rule(
        ".databases",
        "!has(self.databases) || self.databases.size() == 0 || !has(self.databases[0].envPrefix)",
        "spec.databases: the first entry has the plain variables (PGHOST) and takes no envPrefix; remove it there",
    )
}

/// A further one would overwrite them.
pub(super) fn further_databases_have_a_prefix() -> Rule {
    rule(
        ".databases",
        "!has(self.databases) || self.databases.all(d, d.name == self.databases[0].name || has(d.envPrefix))",
        "spec.databases: every entry but the first needs an envPrefix, or its variables would meet those of the first; example AUDIT_",
    )
}

/// So would two of the same prefix.
pub(super) fn database_prefixes_differ() -> Rule {
    rule(
        ".databases",
        "!has(self.databases) || self.databases.all(d, !has(d.envPrefix) || self.databases.exists_one(e, has(e.envPrefix) && e.envPrefix == d.envPrefix))",
        "spec.databases: two entries have the same envPrefix, so their variables would meet; change one",
    )
}

/// A migration changes a database.
pub(super) fn migrations_need_databases() -> Rule {
    rule(
        ".migrations",
        "!has(self.migrations) || self.migrations.size() == 0 || (has(self.databases) && self.databases.size() > 0)",
        "spec.migrations needs spec.databases; name the Database to migrate there",
    )
}

/// It is one of those that the program uses.
pub(super) fn migration_names_a_known_database() -> Rule {
    rule(
        ".migrations",
        "!has(self.migrations) || !has(self.databases) || self.migrations.all(m, !has(m.database) || self.databases.exists(d, d.name == m.database))",
        "spec.migrations: database names no entry of spec.databases; correct the name or add the entry",
    )
}

/// The history of an entry belongs to one database. To move, a new entry is made, whose history starts anew.
pub(super) fn migration_keeps_its_database() -> Rule {
    let usable = |spec: &str| {
        format!("has({spec}.migrations) && has({spec}.databases) && {spec}.databases.size() > 0")
    };
    rule(
        ".migrations",
        format!(
            "!({} && {}) || self.migrations.all(m, oldSelf.migrations.all(o, m.name != o.name || {} == {}))",
            usable("self"),
            usable("oldSelf"),
            database_of("m", "self"),
            database_of("o", "oldSelf")
        ),
        "spec.migrations: the database of an entry (the first of spec.databases when absent) cannot be changed; remove the entry and add one of another name",
    )
}
