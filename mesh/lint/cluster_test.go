package lint

import (
	"bytes"
	"fmt"
)

// bigCluster writes the manifests of a cluster of 50 namespaces, 500 Deployments with a Service each, 5,000 pods with sidecars as an API
// server shows them, and 500 policies, of which 50 send plaintext to a STRICT server.
func bigCluster() []byte {
	var b bytes.Buffer
	for ns := range 50 {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns%d, labels: {istio-injection: enabled}}\n---\n", ns)
		for d := range 10 {
			fmt.Fprintf(&b, bigDeployment, d, ns, d, d, d, d, ns, d)
			for p := range 10 {
				fmt.Fprintf(&b, bigPod, d, p, ns, d, d, p)
			}
		}
	}
	for i := range 500 {
		bigPolicy(&b, i)
	}
	return b.Bytes()
}

func bigPolicy(b *bytes.Buffer, i int) {
	ns, d := i%50, i/50
	switch d {
	case 0, 1:
		fmt.Fprintf(b, "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pa%d, namespace: ns%d}\n"+
			"spec:\n  selector: {matchLabels: {app: web%d}}\n  mtls: {mode: STRICT}\n---\n", i, ns, d)
	case 2:
		fmt.Fprintf(b, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: dr%d, namespace: ns%d}\n"+
			"spec:\n  host: web1\n  trafficPolicy:\n    tls: {mode: DISABLE}\n---\n", i, ns)
	case 3, 4, 5:
		fmt.Fprintf(b, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: dr%d, namespace: ns%d}\n"+
			"spec:\n  host: web%d\n  trafficPolicy:\n    tls: {mode: ISTIO_MUTUAL}\n---\n", i, ns, d)
	case 6, 7, 8:
		fmt.Fprintf(b, "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: ap%d, namespace: ns%d}\n"+
			"spec:\n  selector: {matchLabels: {app: web%d}}\n  rules:\n  - from:\n    - source:\n"+
			"        principals: [cluster.local/ns/ns%d/sa/web1]\n---\n", i, ns, d, ns)
	default:
		fmt.Fprintf(b, "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: se%d, namespace: ns%d}\n"+
			"spec:\n  hosts: [api%d.example.com]\n  ports: [{number: 443, name: tls, protocol: TLS}]\n  resolution: DNS\n---\n", i, ns, i)
	}
}

const bigDeployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web%d
  namespace: ns%d
spec:
  replicas: 10
  selector: {matchLabels: {app: web%d}}
  template:
    metadata:
      labels: {app: web%d}
    spec:
      serviceAccountName: web%d
      containers:
      - name: web
        image: registry.example.com/shop/web:1.2.3
        ports: [{containerPort: 8080, name: http}]
---
apiVersion: v1
kind: Service
metadata: {name: web%d, namespace: ns%d}
spec:
  selector: {app: web%d}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
`

const bigPod = `apiVersion: v1
kind: Pod
metadata:
  annotations:
    istio.io/rev: default
    kubectl.kubernetes.io/default-container: web
    prometheus.io/path: /stats/prometheus
    prometheus.io/port: "15020"
    prometheus.io/scrape: "true"
    sidecar.istio.io/status: '{"initContainers":["istio-validation","istio-proxy"],"containers":["istio-proxy"],"volumes":["workload-socket","credential-socket"]}'
  creationTimestamp: "2026-01-31T15:04:05Z"
  generateName: web%[1]d-5d4d7b6c9-
  labels:
    app: web%[1]d
    pod-template-hash: 5d4d7b6c9
    security.istio.io/tlsMode: istio
    service.istio.io/canonical-name: web
    service.istio.io/canonical-revision: latest
  name: web%[1]d-5d4d7b6c9-p%[2]d
  namespace: ns%[3]d
  ownerReferences:
  - apiVersion: apps/v1
    blockOwnerDeletion: true
    controller: true
    kind: ReplicaSet
    name: web%[4]d-5d4d7b6c9
    uid: 6c0a2f1e-6a3b-4a53-8a9e-6a2c5a3b1c2d
  resourceVersion: "123456"
  uid: 7c0a2f1e-6a3b-4a53-8a9e-6a2c5a3b1c2d
spec:
  containers:
  - env:
    - name: JAVA_TOOL_OPTIONS
      value: -XX:MaxRAMPercentage=70
    image: registry.example.com/shop/web:1.2.3
    imagePullPolicy: IfNotPresent
    name: web
    ports:
    - containerPort: 8080
      name: http
      protocol: TCP
    readinessProbe:
      failureThreshold: 3
      httpGet:
        path: /app-health/web/readyz
        port: 15020
        scheme: HTTP
      periodSeconds: 10
      successThreshold: 1
      timeoutSeconds: 1
    resources:
      limits: {cpu: "1", memory: 512Mi}
      requests: {cpu: 100m, memory: 256Mi}
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
    volumeMounts:
    - mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      name: kube-api-access-x7x8z
      readOnly: true
  dnsPolicy: ClusterFirst
  initContainers:
  - args: [istio-iptables, -p, "15001", -z, "15006", -u, "1337", -m, REDIRECT, -i, '*', -x, "", -b, '*', -d, "15090,15021,15020", --log_output_level=default:info]
    image: docker.io/istio/proxyv2:1.29.1
    name: istio-validation
    resources:
      limits: {cpu: "2", memory: 1Gi}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
      readOnlyRootFilesystem: true
      runAsUser: 1337
  - args: [proxy, sidecar, --domain, $(POD_NAMESPACE).svc.cluster.local, --proxyLogLevel=warning, --proxyComponentLogLevel=misc:error]
    env:
    - name: PILOT_CERT_PROVIDER
      value: istiod
    - name: CA_ADDR
      value: istiod.istio-system.svc:15012
    - name: POD_NAME
      valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}
    - name: POD_NAMESPACE
      valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}
    - name: ISTIO_META_POD_PORTS
      value: '[{"name":"http","containerPort":8080,"protocol":"TCP"}]'
    - name: TRUST_DOMAIN
      value: cluster.local
    image: docker.io/istio/proxyv2:1.29.1
    name: istio-proxy
    ports:
    - containerPort: 15090
      name: http-envoy-prom
      protocol: TCP
    resources:
      limits: {cpu: "2", memory: 1Gi}
    restartPolicy: Always
    volumeMounts:
    - mountPath: /var/run/secrets/workload-spiffe-uds
      name: workload-socket
    - mountPath: /var/run/secrets/tokens
      name: istio-token
  nodeName: node-7
  serviceAccountName: web%[5]d
  tolerations:
  - {effect: NoExecute, key: node.kubernetes.io/not-ready, operator: Exists, tolerationSeconds: 300}
  volumes:
  - emptyDir: {}
    name: workload-socket
  - name: istio-token
    projected:
      defaultMode: 420
      sources:
      - serviceAccountToken: {audience: istio-ca, expirationSeconds: 43200, path: istio-token}
status:
  phase: Running
  podIP: 10.1.2.%[6]d
---
`
