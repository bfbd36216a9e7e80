{{/* Name of the objects: that of the release, with the chart's where it does not hold it already. */}}
{{- define "sagewatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sagewatch.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sagewatch.labels" -}}
{{ include "sagewatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "sagewatch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sagewatch.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: with create: false, name the account that is there" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sagewatch.image" -}}
{{- $repository := required "image.repository: name the repository that you pushed the image to" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* sagewatch.yml: the config of the values, with the folder of rules where there are some. */}}
{{- define "sagewatch.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.sources }}{{ fail "config.sources: name at least one source (docs/config.md)" }}{{ end -}}
{{- if not $config.sinks }}{{ fail "config.sinks: name at least one sink (docs/config.md)" }}{{ end -}}
{{- if hasKey $config "http" }}{{ fail "config.http: leave it out, the chart sets it (listenHost) and its probes need it" }}{{ end -}}
{{- if dig "state" "dir" "" $config }}{{ fail "config.state.dir: leave it out, the chart sets it to the volume" }}{{ end -}}
{{- if and .Values.rules (not (dig "rules" "paths" "" $config)) -}}
{{- $_ := set $config "rules" (merge (dict "paths" (list "shipped" "/etc/sagewatch/rules")) (default dict $config.rules)) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
