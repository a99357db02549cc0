package chart

// example sets one documented value, beside others that it needs to have an effect.
type example struct{ path, needs, set string }

// examples are one for each documented value.
var examples = []example{
	{"config", "", "config: {fold: 30s, layer: [certificate, protocol], ring-bytes: 4194304, otlp-endpoint: 'https://otel:4318'}"},
	{"image.repository", "", "image: {repository: registry.example/tlstrace}"},
	{"image.tag", "", "image: {tag: v9}"},
	{"image.digest", "", "image: {digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}"},
	{"image.pullPolicy", "", "image: {pullPolicy: Always}"},
	{"imagePullSecrets", "", "imagePullSecrets: [{name: registry}]"},
	{"nameOverride", "", "nameOverride: handshakes"},
	{"fullnameOverride", "", "fullnameOverride: mesh-tlstrace"},
	{"namespace.create", "", "namespace: {create: true}"},
	{"port", "", "port: 9500"},
	{"events.auth", "", "events: {auth: none}"},
	{"events.tokenSecret", "events: {auth: token, tokenSecret: a}", "events: {auth: token, tokenSecret: reader-token}"},
	{"events.readers", "", "events: {readers: [{kind: Group, name: sre, apiGroup: rbac.authorization.k8s.io}]}"},
	{"tls.secretName", "podMonitor: {create: true}", "{podMonitor: {create: true}, tls: {secretName: tlstrace-tls}}"},
	{"otlp.headersSecret", "config: {otlp-endpoint: 'https://otel:4318'}", "{config: {otlp-endpoint: 'https://otel:4318'}, otlp: {headersSecret: otel}}"},
	{"history.hostPath", "", "history: {hostPath: /var/lib/tlstrace}"},
	{"proxyLogs.hostPath", "", "proxyLogs: {hostPath: /var/log/pods}"},
	{"securityContext.privileged", "", "securityContext: {privileged: false}"},
	{
		"securityContext.capabilities", "securityContext: {privileged: false}",
		"securityContext: {privileged: false, capabilities: [BPF, PERFMON, NET_ADMIN, SYS_RESOURCE]}",
	},
	{
		"securityContext.seccompProfile", "securityContext: {privileged: false}",
		"securityContext: {privileged: false, seccompProfile: {type: RuntimeDefault}}",
	},
	{
		"securityContext.appArmorProfile", "securityContext: {privileged: false}",
		"securityContext: {privileged: false, appArmorProfile: {type: Localhost, localhostProfile: tlstrace}}",
	},
	{
		"securityContext.seLinuxOptions", "securityContext: {privileged: false}",
		"securityContext: {privileged: false, seLinuxOptions: {type: spc_t}}",
	},
	{"rbac.create", "", "rbac: {create: false}"},
	{"serviceAccount.create", "", "serviceAccount: {create: false}"},
	{"serviceAccount.name", "", "serviceAccount: {name: tracer}"},
	{"serviceAccount.annotations", "", "serviceAccount: {annotations: {a: b}}"},
	{"resources.requests", "", "resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}"},
	{"resources.limits", "", "resources: {limits: {cpu: 1, memory: 2Gi}}"},
	{"tolerations", "", "tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]"},
	{"nodeSelector", "", "nodeSelector: {mesh: 'true'}"},
	{
		"affinity", "",
		"affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: mesh, operator: Exists}]}]}}}",
	},
	{"priorityClass.create", "", "priorityClass: {create: false}"},
	{"priorityClass.value", "", "priorityClass: {value: 5}"},
	{"priorityClass.preemptionPolicy", "", "priorityClass: {preemptionPolicy: Never}"},
	{"priorityClassName", "priorityClass: {create: false}", "{priorityClass: {create: false}, priorityClassName: system-node-critical}"},
	{"updateStrategy", "", "updateStrategy: {type: OnDelete, rollingUpdate: null}"},
	{"terminationGracePeriodSeconds", "", "terminationGracePeriodSeconds: 60"},
	{"probes.liveness", "", "probes: {liveness: {periodSeconds: 60}}"},
	{"probes.readiness", "", "probes: {readiness: {periodSeconds: 60}}"},
	{"podLabels", "", "podLabels: {team: mesh}"},
	{"podAnnotations", "", "podAnnotations: {team: mesh}"},
	{"commonLabels", "", "commonLabels: {team: mesh}"},
	{"env", "", "env: [{name: TLSTRACE_PPROF, value: 'true'}]"},
	{"volumes", "", "volumes: [{name: extra, emptyDir: {}}]"},
	{"volumeMounts", "volumes: [{name: extra, emptyDir: {}}]", "{volumes: [{name: extra, emptyDir: {}}], volumeMounts: [{name: extra, mountPath: /extra}]}"},
	{"service.create", "", "service: {create: true}"},
	{"service.annotations", "service: {create: true}", "service: {create: true, annotations: {prometheus.io/scrape: 'true'}}"},
	{"podMonitor.create", "", "podMonitor: {create: true}"},
	{"podMonitor.labels", "podMonitor: {create: true}", "podMonitor: {create: true, labels: {release: prometheus}}"},
	{"podMonitor.interval", "podMonitor: {create: true}", "podMonitor: {create: true, interval: 15s}"},
	{"podMonitor.scrapeTimeout", "podMonitor: {create: true}", "podMonitor: {create: true, scrapeTimeout: 10s}"},
	{
		"podMonitor.tlsConfig", "podMonitor: {create: true}",
		"podMonitor: {create: true, tlsConfig: {ca: {secret: {name: tlstrace, key: ca.crt}}, serverName: tlstrace}}",
	},
	{"podMonitor.relabelings", "podMonitor: {create: true}", "podMonitor: {create: true, relabelings: [{targetLabel: cluster, replacement: a, action: replace}]}"},
	{
		"podMonitor.metricRelabelings", "podMonitor: {create: true}",
		"podMonitor: {create: true, metricRelabelings: [{sourceLabels: [__name__], regex: go_.*, action: drop}]}",
	},
	{"serviceMonitor.create", "service: {create: true}", "{service: {create: true}, serviceMonitor: {create: true}}"},
	{"serviceMonitor.labels", serviceMonitor(""), serviceMonitor("labels: {release: prometheus}")},
	{"serviceMonitor.interval", serviceMonitor(""), serviceMonitor("interval: 15s")},
	{"serviceMonitor.scrapeTimeout", serviceMonitor(""), serviceMonitor("scrapeTimeout: 10s")},
	{"serviceMonitor.tlsConfig", serviceMonitor(""), serviceMonitor("tlsConfig: {insecureSkipVerify: true}")},
	{"serviceMonitor.relabelings", serviceMonitor(""), serviceMonitor("relabelings: [{targetLabel: cluster, replacement: a, action: replace}]")},
	{"serviceMonitor.metricRelabelings", serviceMonitor(""), serviceMonitor("metricRelabelings: [{sourceLabels: [__name__], regex: go_.*, action: drop}]")},
	{"prometheusRule.create", "", "prometheusRule: {create: true}"},
	{"prometheusRule.labels", "prometheusRule: {create: true}", "prometheusRule: {create: true, labels: {release: prometheus}}"},
	{"prometheusRule.alertLabels", "prometheusRule: {create: true}", "prometheusRule: {create: true, alertLabels: {team: mesh}}"},
	{
		"prometheusRule.overrides", "prometheusRule: {create: true}",
		"prometheusRule: {create: true, overrides: {TLSServerFailing: {for: 9m, labels: {severity: ticket}}, TlstraceNoAgent: {enabled: false}}}",
	},
	{"dashboard.create", "", "dashboard: {create: true}"},
	{"dashboard.namespace", "dashboard: {create: true}", "dashboard: {create: true, namespace: monitoring}"},
	{"dashboard.labels", "dashboard: {create: true}", "dashboard: {create: true, labels: {grafana: 'yes'}}"},
	{"dashboard.annotations", "dashboard: {create: true}", "dashboard: {create: true, annotations: {grafana_folder: TLS}}"},
	{"networkPolicy.create", "", "networkPolicy: {create: true}"},
	{
		"networkPolicy.from", "networkPolicy: {create: true}",
		"networkPolicy: {create: true, from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]}",
	},
	{"drill.enabled", "", "drill: {enabled: true}"},
	{"drill.schedule", "drill: {enabled: true}", "drill: {enabled: true, schedule: '1 1 * * *'}"},
	{"drill.reasons", "drill: {enabled: true}", "drill: {enabled: true, reasons: [unknown_ca]}"},
	{"drill.wait", "drill: {enabled: true}", "drill: {enabled: true, wait: 9m}"},
	{"drill.prometheus", "drill: {enabled: true}", "drill: {enabled: true, prometheus: 'http://prometheus:9090'}"},
	{"drill.activeDeadlineSeconds", "drill: {enabled: true}", "drill: {enabled: true, activeDeadlineSeconds: 60}"},
	{"drill.resources", "drill: {enabled: true}", "drill: {enabled: true, resources: {limits: {memory: 64Mi}}}"},
	{"drill.until", "drill: {enabled: true, prometheus: 'http://prometheus:9090'}", "drill: {enabled: true, prometheus: 'http://prometheus:9090', until: firing}"},
}

// serviceMonitor are the values of one, with its Service.
func serviceMonitor(field string) string {
	if field != "" {
		field = ", " + field
	}
	return "{service: {create: true}, serviceMonitor: {create: true" + field + "}}"
}
