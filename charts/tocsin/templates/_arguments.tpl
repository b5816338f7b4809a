{{/* The command line of the manager; see cmd/manager. */}}

{{- define "tocsin.arguments" -}}
- --leader-election-namespace={{ .Release.Namespace }}
- --leader-election-id={{ include "tocsin.leaderElectionID" . }}
- --investigator-image={{ include "tocsin.image" . }}
- --protected-namespaces={{ join "," .Values.protectedNamespaces }}
{{- with .Values.tenants }}
- --namespaces={{ join "," . }}
{{- end }}
- --metrics-address={{ ternary ":8080" "0" .Values.metrics.enabled }}
- --health-address=:8081
- --gateway-address=:9443
{{- if not .Values.gateway.tls.plaintext }}
- --gateway-cert-dir=/etc/tocsin/gateway-tls
{{- end }}
- --ignored-users=system:serviceaccount:{{ .Release.Namespace }}:{{ include "tocsin.serviceAccountName" . }}
- --spool-dir=/var/lib/tocsin/spool
- --zap-log-level={{ .Values.log.level }}
- --zap-encoder={{ .Values.log.encoder }}
{{- end }}
