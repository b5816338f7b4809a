{{/* What things are called. */}}

{{- define "tocsin.name" -}}
{{- if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tocsin.serviceAccountName" -}}
{{- default (include "tocsin.name" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "tocsin.leaderElectionID" -}}
{{- include "tocsin.name" . }}-leader
{{- end }}

{{- define "tocsin.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tocsin.labels" -}}
{{ include "tocsin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "tocsin.image" -}}
{{- with .Values.image }}
{{- if .reference }}
{{- .reference }}
{{- else if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tocsin.spoolClaim" -}}
{{- default (printf "%s-spool" (include "tocsin.name" .)) .Values.gateway.spool.persistence.existingClaim }}
{{- end }}
