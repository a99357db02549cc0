{{/* The file of --config: what the chart decides, and what the user set. */}}
{{- define "tlstrace.config" -}}
{{- $config := dict "listen" (printf ":%d" (int .Values.port)) "auth" .Values.events.auth "kubernetes" "on" -}}
{{- if eq .Values.events.auth "token" -}}
{{- $_ := required "events.tokenSecret must name the Secret with the token for events.auth token" .Values.events.tokenSecret -}}
{{- $_ := set $config "token-file" "/etc/tlstrace/token/token" -}}
{{- end -}}
{{- if .Values.tls.secretName -}}
{{- $_ := set $config "tls-cert" "/etc/tlstrace/tls/tls.crt" -}}
{{- $_ := set $config "tls-key" "/etc/tlstrace/tls/tls.key" -}}
{{- end -}}
{{- if .Values.otlp.headersSecret -}}
{{- $_ := set $config "otlp-headers-file" "/etc/tlstrace/otlp/headers" -}}
{{- end -}}
{{- if .Values.history.hostPath -}}
{{- $_ := set $config "history-dir" "/var/lib/tlstrace" -}}
{{- end -}}
{{- if .Values.proxyLogs.hostPath -}}
{{- $_ := set $config "proxy-logs" "/var/log/pods" -}}
{{- end -}}
{{- toYaml (merge $config .Values.config) -}}
{{- end }}

{{/* What of the file needs a restart when it changes; the agent reads the rest again by itself (docs/agent.md). */}}
{{- define "tlstrace.fixed" -}}
{{- $live := list "fold" "reason" "layer" "namespace" "pod" "from-pod" "to-pod" "from-workload" "to-workload" "sni" "port" "pid" "comm" -}}
{{- $fixed := include "tlstrace.config" . | fromYaml -}}
{{- range $live }}{{- $_ := unset $fixed . }}{{- end -}}
{{- toYaml $fixed -}}
{{- end }}

{{/* 90 % of the memory limit: what Go does not count needs the rest. Empty if the limit is not in Mi or Gi. */}}
{{- define "tlstrace.memory" -}}
{{- $limit := dig "memory" "" (default dict .Values.resources.limits) | toString -}}
{{- if regexMatch "^[0-9]+Mi$" $limit -}}
{{ div (mul (trimSuffix "Mi" $limit | int) 9) 10 }}MiB
{{- else if regexMatch "^[0-9]+Gi$" $limit -}}
{{ div (mul (trimSuffix "Gi" $limit | int) 9216) 10 }}MiB
{{- end -}}
{{- end }}

{{- define "tlstrace.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
{{- if .root.Values.tls.secretName }}
  scheme: HTTPS
{{- end }}
{{ toYaml .timing }}
{{- end }}

{{- define "tlstrace.securityContext" -}}
{{- with .Values.securityContext -}}
# Root, because a container's user other than root gets none of the capabilities: Kubernetes does not make them ambient.
runAsUser: 0
runAsGroup: 0
readOnlyRootFilesystem: true
{{- if .privileged }}
privileged: true
{{- else }}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  add: {{ toJson .capabilities }}
{{- with .seccompProfile }}
seccompProfile: {{ toJson . }}
{{- end }}
{{- with .seLinuxOptions }}
seLinuxOptions: {{ toJson . }}
{{- end }}
{{- if and .appArmorProfile (semverCompare ">=1.30.0-0" $.Capabilities.KubeVersion.Version) }}
appArmorProfile: {{ toJson .appArmorProfile }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* AppArmor before the field of Kubernetes 1.30: an annotation. */}}
{{- define "tlstrace.annotations" -}}
{{- $all := dict "checksum/config" (include "tlstrace.fixed" . | sha256sum) -}}
{{- $profile := .Values.securityContext.appArmorProfile -}}
{{- if and $profile (not .Values.securityContext.privileged) (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- $words := dict "Unconfined" "unconfined" "RuntimeDefault" "runtime/default" "Localhost" (printf "localhost/%s" (dig "localhostProfile" "" $profile)) -}}
{{- $_ := set $all "container.apparmor.security.beta.kubernetes.io/agent" (get $words $profile.type) -}}
{{- end -}}
{{- toYaml (merge $all .Values.podAnnotations) -}}
{{- end }}
