//! CEL rules on `spec.resources`. An absent amount is read as its default, as everywhere.

use kube::core::Rule;

/// A misspelt resource (`mem`) would be accepted by Kubernetes and wait for a node that offers it.
pub(super) fn known_names(side: &str) -> Rule {
    Rule::new(format!(
        "!has(self.{side}) || self.{side}.all(r, r in ['cpu', 'memory', 'ephemeral-storage'] || r.contains('/') || r.startsWith('hugepages-'))"
    ))
    .message(format!("spec.resources.{side} knows cpu, memory, ephemeral-storage and extended resources such as example.com/gpu; correct the name").as_str())
    .field_path(format!(".{side}"))
}

/// `128m` of memory is an eighth of a byte; Kubernetes takes it.
pub(super) fn no_thousandths_of_a_byte() -> Rule {
    let side = |side: &str| {
        format!(
            "(!has(self.{side}) || ['memory', 'ephemeral-storage'].all(r, !(r in self.{side}) || !string(self.{side}[r]).endsWith('m')))"
        )
    };
    Rule::new(format!("{} && {}", side("requests"), side("limits"))).message(
        "spec.resources: memory in m is thousandths of a byte; did you mean Mi? Example: 128Mi",
    )
}

/// Kubernetes refuses it too, but only when the pods are made.
pub(super) fn request_within_limit() -> Rule {
    Rule::new(concat!(
        "!has(self.requests) || !has(self.limits) || ['cpu', 'memory', 'ephemeral-storage'].all(r, !(r in self.requests) || !(r in self.limits)",
        " || !quantity(string(self.requests[r])).isGreaterThan(quantity(string(self.limits[r]))))"
    ))
    .message("spec.resources: a request is above its limit; raise limits or lower requests of that resource")
    .field_path(".requests")
}
