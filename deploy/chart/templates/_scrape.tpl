{{/* How the agents are asked for their metrics: the same for PodMonitor and ServiceMonitor. */}}
{{- define "tlstrace.scrape" -}}
- port: http
  path: /metrics
  # The labels namespace and workload of a series are those of the handshake, not of the agent.
  honorLabels: true
  {{- if .root.Values.tls.secretName }}
  scheme: https
  {{- end }}
  {{- with .monitor.tlsConfig }}
  tlsConfig: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .monitor.interval }}
  interval: {{ . }}
  {{- end }}
  {{- with .monitor.scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  relabelings:
  # One job, whatever the release is called: the alerts ask for it.
  - {targetLabel: job, replacement: tlstrace, action: replace}
  - {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: node, action: replace}
  {{- with .monitor.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .monitor.metricRelabelings }}
  metricRelabelings: {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
