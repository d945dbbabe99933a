//! Resources, identity, stopping and rolling out.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Answer, Input, Kind, backend, backend_passes, row};

pub(super) fn resources() -> Vec<Input> {
    let mut rows: Vec<Input> = [
        "1 core", "-100m", "1e400", "0.0001m", "", "1.Gi", "1Mb", ".5",
    ]
    .iter()
    .map(|amount| {
        backend(
            "B-20",
            &format!("resources: {{requests: {{cpu: \"{amount}\"}}}}"),
            "spec.resources.requests",
        )
    })
    .collect();
    rows.extend([
        backend("B-20", "resources: {requests: {cpu: -1}}", "spec.resources.requests"),
        backend("B-20", "resources: {requests: {cpu: 0.5}}", "spec.resources.requests"),
        backend("B-21", "resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}", "a request is above its limit"),
        backend("B-21", "resources: {requests: {memory: 1025Mi}, limits: {memory: 1Gi}}", "a request is above its limit"),
        backend("B-22", "resources: {requests: {memory: 128m}}", "did you mean Mi?"),
        backend("B-22", "resources: {limits: {memory: 128m}}", "did you mean Mi?"),
        backend("", "resources: {requests: {mem: 128Mi}}", "spec.resources.requests knows cpu, memory"),
        backend("", "resources: {limits: {CPU: 1}}", "spec.resources.limits knows cpu, memory"),
        backend_passes("resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: \"1.5\", memory: 1024Mi, example.com/gpu: 1}}"),
        backend_passes("resources: {requests: {memory: 4Gi}}"),
        backend_passes("resources: {limits: {memory: 32Mi, ephemeral-storage: 1G}}"),
        backend("", "go: {memoryLimitPercent: 9}", "10 to 100; write 0 to switch GOMEMLIMIT off"),
        backend("", "go: {memoryLimitPercent: 101}", "spec.go.memoryLimitPercent"),
        backend("", "go: {maxProcs: 0}", "spec.go.maxProcs"),
        backend("", "go: {maxProcs: limit}", "spec.go.maxProcs"),
        backend("", "go: {maxProcs: Limit}", "Limit needs a CPU limit"),
        backend("", "go: {maxProcs: Limit}, resources: {limits: {memory: 1Gi}}", "Limit needs a CPU limit"),
        backend_passes("go: {memoryLimitPercent: 0, maxProcs: Limit}, resources: {limits: {cpu: 2}}"),
        backend_passes("go: {memoryLimitPercent: 10, maxProcs: 4}"),
    ]);
    rows
}

pub(super) fn rest() -> Vec<Input> {
    vec![
        backend("B-5", "replicas: -1", "spec.replicas"),
        backend("B-5", "replicas: 2147483648", "spec.replicas"),
        backend("B-5", "replicas: 10001", "spec.replicas"),
        backend("B-5", "replicas: 1.5", "spec.replicas"),
        backend("B-5", "replicas: \"3\"", "spec.replicas"),
        row(
            "B-6",
            Kind::Backend,
            "{spec: {replicas: 0}}",
            Answer::Accepted,
        ),
        backend_passes("replicas: 10000"),
        backend(
            "",
            "shutdown: {drainSeconds: 601}",
            "spec.shutdown.drainSeconds",
        ),
        backend(
            "",
            "shutdown: {graceSeconds: 0}",
            "spec.shutdown.graceSeconds",
        ),
        backend(
            "",
            "type: Worker, ports: [], shutdown: {drainSeconds: 5}",
            "spec.shutdown.drainSeconds needs spec.ports",
        ),
        backend_passes("type: Worker, ports: [], shutdown: {drainSeconds: 0, graceSeconds: 3600}"),
        backend_passes("shutdown: {drainSeconds: 600, graceSeconds: 1}"),
        backend(
            "B-44",
            "security: {runAsUser: 0}",
            "is root, which is refused",
        ),
        backend("", "security: {runAsUser: -1}", "spec.security.runAsUser"),
        backend(
            "",
            "security: {runAsUser: 5, useImageUser: true}",
            "runAsUser and useImageUser exclude each other",
        ),
        backend("B-44", "security: {privileged: true}", "spec.security"),
        backend("B-44", "hostNetwork: true", "spec"),
        backend("B-45", "podTemplate: {}", "spec"),
        backend_passes(
            "security: {runAsUser: 1, runAsGroup: 0, fsGroup: 0, useImageUser: false, writableRootFilesystem: true}",
        ),
        backend("", "serviceAccountName: Cleaner", "spec.serviceAccountName"),
        backend_passes("serviceAccountName: cleaner"),
        backend(
            "B-50",
            "rollout: {strategy: {maxSurge: 0}}",
            "are both 0, so no pod could be replaced",
        ),
        backend(
            "B-50",
            "rollout: {strategy: {maxSurge: 0%, maxUnavailable: 0}}",
            "are both 0, so no pod could be replaced",
        ),
        backend(
            "",
            "rollout: {strategy: {type: Recreate, maxSurge: 1}}",
            "Recreate takes neither maxSurge nor maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxUnavailable: 101%}}",
            "spec.rollout.strategy.maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxUnavailable: \"-1\"}}",
            "spec.rollout.strategy.maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxUnavailable: -1}}",
            "spec.rollout.strategy.maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxSurge: ten}}",
            "spec.rollout.strategy.maxSurge",
        ),
        backend(
            "B-52",
            "rollout: {minReadySeconds: 600}",
            "progressDeadlineSeconds (600 when absent) must be above minReadySeconds",
        ),
        backend(
            "B-52",
            "rollout: {progressDeadlineSeconds: 60, minReadySeconds: 60}",
            "progressDeadlineSeconds (600 when absent) must be above",
        ),
        backend(
            "",
            "rollout: {progressDeadlineSeconds: 59}",
            "spec.rollout.progressDeadlineSeconds",
        ),
        backend(
            "",
            "rollout: {progressDeadlineSeconds: 7201}",
            "spec.rollout.progressDeadlineSeconds",
        ),
        backend("B-62", "rollout: {paused: \"yes\"}", "spec.rollout.paused"),
        backend_passes(
            "rollout: {strategy: {maxSurge: 0, maxUnavailable: 1}, progressDeadlineSeconds: 60, minReadySeconds: 59, paused: true}",
        ),
        backend_passes(
            "rollout: {strategy: {type: RollingUpdate, maxSurge: 100%, maxUnavailable: 0%}}",
        ),
        backend_passes("rollout: {strategy: {type: Recreate}}, restartOnConfigChange: false"),
    ]
}
