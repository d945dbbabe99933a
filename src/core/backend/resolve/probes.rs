//! Probes. Readiness follows from the first port's protocol; there is no liveness probe by default, as one that looks at the database
//! turns its outage into a restart storm.

use super::super::resolved::{Check, ResolvedPort, ResolvedProbe, ResolvedProbes};
use super::{Invalid, invalid};
use crate::api::ports::{Probe, Probes, Protocol};

/// What a probe has when the user gives no numbers.
#[derive(Clone, Copy)]
struct Pace {
    period_seconds: i32,
    failure_threshold: i32,
}

const USUAL: Pace = Pace {
    period_seconds: 5,
    failure_threshold: 3,
};

/// A slow start may take 2 s x 60 before liveness counts.
const STARTUP: Pace = Pace {
    period_seconds: 2,
    failure_threshold: 60,
};

/// Seconds a check may take; never more than the period.
const TIMEOUT_SECONDS: i32 = 2;

/// The three probes that are in force.
pub(super) fn resolve(
    probes: Option<&Probes>,
    ports: &[ResolvedPort],
) -> Result<ResolvedProbes, Invalid> {
    let asked = probes.cloned().unwrap_or_default();
    let readiness = match asked.readiness.as_ref() {
        Some(probe) => one("readiness", probe, ports, USUAL)?,
        None => ports
            .first()
            .and_then(default_check)
            .map(|check| with_pace(check, USUAL)),
    };
    let liveness = match asked.liveness.as_ref() {
        Some(probe) => one("liveness", probe, ports, USUAL)?,
        None => None,
    };
    let startup = match asked.startup.as_ref() {
        Some(probe) => one("startup", probe, ports, STARTUP)?,
        None => liveness
            .as_ref()
            .map(|probe| with_pace(probe.check.clone(), STARTUP)),
    };
    Ok(ResolvedProbes {
        startup,
        readiness,
        liveness,
    })
}

fn one(
    name: &str,
    probe: &Probe,
    ports: &[ResolvedPort],
    pace: Pace,
) -> Result<Option<ResolvedProbe>, Invalid> {
    if probe.disabled == Some(true) {
        return Ok(None);
    }
    let field = format!("spec.probes.{name}");
    let check = check(&field, probe, ports)?;
    let period_seconds = in_range(
        &field,
        "periodSeconds",
        probe.period_seconds,
        pace.period_seconds,
    )?;
    let timeout_seconds = in_range(
        &field,
        "timeoutSeconds",
        probe.timeout_seconds,
        TIMEOUT_SECONDS.min(period_seconds),
    )?;
    let failure_threshold = in_range(
        &field,
        "failureThreshold",
        probe.failure_threshold,
        pace.failure_threshold,
    )?;
    if timeout_seconds > period_seconds {
        let fault = format!("{timeout_seconds} is longer than periodSeconds ({period_seconds})");
        return Err(invalid(
            format!("{field}.timeoutSeconds"),
            fault,
            "Give at most the period",
        ));
    }
    Ok(Some(ResolvedProbe {
        check,
        period_seconds,
        timeout_seconds,
        failure_threshold,
    }))
}

fn check(field: &str, probe: &Probe, ports: &[ResolvedPort]) -> Result<Check, Invalid> {
    let ways = [
        probe.path.is_some(),
        probe.service.is_some(),
        probe.tcp == Some(true),
        !probe.command.is_empty(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(invalid(
            field,
            "path, service, tcp and command exclude each other",
            "Keep one of them",
        ));
    }
    if !probe.command.is_empty() {
        return Ok(Check::Run {
            command: probe.command.clone(),
        });
    }
    let port = port_of(field, probe, ports)?;
    if let Some(path) = &probe.path {
        if !path.starts_with('/') {
            return Err(invalid(
                format!("{field}.path"),
                format!("`{path}` has no slash in front"),
                "Give a path like /readyz",
            ));
        }
        return Ok(Check::Get {
            path: path.clone(),
            port: port.number,
        });
    }
    if let Some(service) = &probe.service {
        return Ok(Check::Grpc {
            service: Some(service.clone()).filter(|name| !name.is_empty()),
            port: port.number,
        });
    }
    if probe.tcp == Some(true) {
        return Ok(Check::Connect { port: port.number });
    }
    default_check(port).ok_or_else(|| {
        let remedy = "Give a command, a port of another protocol, or disabled: true";
        invalid(
            field,
            format!("port {} speaks UDP, which no probe can ask", port.name),
            remedy,
        )
    })
}

fn port_of<'a>(
    field: &str,
    probe: &Probe,
    ports: &'a [ResolvedPort],
) -> Result<&'a ResolvedPort, Invalid> {
    let Some(name) = &probe.port else {
        return ports.first().ok_or_else(|| {
            invalid(
                field,
                "there is no port to ask",
                "Give a command, or disabled: true, or add a port",
            )
        });
    };
    ports.iter().find(|port| port.name == *name).ok_or_else(|| {
        let known: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        let remedy = format!("Name one of spec.ports: {}", known.join(", "));
        invalid(
            format!("{field}.port"),
            format!("no port is called `{name}`"),
            remedy,
        )
    })
}

/// The check that a protocol suggests.
fn default_check(port: &ResolvedPort) -> Option<Check> {
    match port.protocol {
        Protocol::HTTP | Protocol::WebSocket | Protocol::TCP => {
            Some(Check::Connect { port: port.number })
        }
        Protocol::GRPC => Some(Check::Grpc {
            service: None,
            port: port.number,
        }),
        Protocol::UDP => None,
    }
}

const fn with_pace(check: Check, pace: Pace) -> ResolvedProbe {
    ResolvedProbe {
        check,
        period_seconds: pace.period_seconds,
        timeout_seconds: TIMEOUT_SECONDS,
        failure_threshold: pace.failure_threshold,
    }
}

fn in_range(field: &str, part: &str, asked: Option<i32>, default: i32) -> Result<i32, Invalid> {
    match asked {
        None => Ok(default),
        Some(number) if (1..=3600).contains(&number) => Ok(number),
        Some(number) => Err(invalid(
            format!("{field}.{part}"),
            format!("{number} is out of range"),
            "Give 1 to 3600",
        )),
    }
}
