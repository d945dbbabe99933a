{{- /* Written by `UPDATE_GENERATED=1 cargo test --test rights` from src/core/rights.rs. Do not edit. */ -}}
{{- define "slipway.rules.operator" -}}
rules:
  - apiGroups: ["slipway.dev"]
    resources: [backends]
    verbs: [get, list, watch]
  - apiGroups: ["slipway.dev"]
    resources: [databases]
    verbs: [list, watch, patch]
  - apiGroups: ["slipway.dev"]
    resources: [migrations]
    verbs: [get, list, watch, create]
  - apiGroups: ["slipway.dev"]
    resources: [backends/status, migrations/status]
    verbs: [patch]
  - apiGroups: ["slipway.dev"]
    resources: [databases/status]
    verbs: [patch, update]
  - apiGroups: [""]
    resources: [serviceaccounts, services]
    verbs: [get, list, watch, create, patch, delete]
  - apiGroups: ["apps"]
    resources: [deployments]
    verbs: [get, list, watch, create, patch]
  - apiGroups: ["apps"]
    resources: [controllerrevisions]
    verbs: [get, list, watch, create, delete]
  - apiGroups: ["batch"]
    resources: [jobs]
    verbs: [get, list, watch, create, patch, delete]
  - apiGroups: ["networking.k8s.io"]
    resources: [networkpolicies]
    verbs: [get, create]
  - apiGroups: [""]
    resources: [pods, configmaps, events]
    verbs: [list, watch]
  - apiGroups: ["events.k8s.io"]
    resources: [events]
    verbs: [create, patch]
{{- end }}
{{- define "slipway.rules.lease" -}}
rules:
  - apiGroups: ["coordination.k8s.io"]
    resources: [leases]
    verbs: [create]
  - apiGroups: ["coordination.k8s.io"]
    resources: [leases]
    resourceNames: [{{ include "slipway.fullname" . | quote }}]
    verbs: [get, update, watch]
{{- end }}
{{- define "slipway.rules.viewer" -}}
rules:
  - apiGroups: ["slipway.dev"]
    resources: [backends, databases, migrations]
    verbs: [get, list, watch]
{{- end }}
{{- define "slipway.rules.editor" -}}
rules:
  - apiGroups: ["slipway.dev"]
    resources: [backends, databases, migrations]
    verbs: [create, update, patch, delete, deletecollection]
  - apiGroups: ["slipway.dev"]
    resources: [backends/scale]
    verbs: [get, update, patch]
{{- end }}
{{- define "slipway.rules.approver" -}}
rules:
  - apiGroups: ["slipway.dev"]
    resources: [migrations]
    verbs: [approve]
{{- end }}
