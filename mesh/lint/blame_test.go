package lint

import (
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// blamed is a mesh in which two servers are reached in ways that cannot work, and one in a way that does.
const blamed = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: legacy}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: payments, namespace: shop}
spec:
  template:
    metadata: {labels: {app: payments}}
    spec: {serviceAccountName: payments, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: payments, namespace: shop}
spec: {selector: {app: payments}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  template:
    metadata: {labels: {app: orders}}
    spec: {serviceAccountName: orders, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {selector: {app: orders}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: batch, namespace: legacy}
spec:
  template:
    metadata: {labels: {app: batch}}
    spec: {containers: [{name: c, ports: [{name: http, containerPort: 9000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: batch, namespace: legacy}
spec: {selector: {app: batch}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: plaintext, namespace: shop}
spec: {host: payments, trafficPolicy: {tls: {mode: DISABLE}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: mutual, namespace: shop}
spec: {host: batch.legacy.svc.cluster.local, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
`

func workloadEnd(namespace, workload string, port uint16) event.Endpoint {
	return event.Endpoint{Port: port, K8s: &event.K8s{Namespace: namespace, Workload: workload}}
}

func TestBlame(t *testing.T) {
	w := Build(Options{Now: time.Unix(1800000000, 0)}, readText(t, blamed))
	findings := Run(w, Checks()).Findings
	orders, payments, batch := workloadEnd("shop", "orders", 8080), workloadEnd("shop", "payments", 8080), workloadEnd("legacy", "batch", 9000)
	for _, c := range []struct {
		name           string
		reason         event.Reason
		client, server event.Endpoint
		mesh           *event.Mesh
		want, check    string
		confidence     event.Confidence
	}{
		{
			name: "plaintext by a rule", reason: event.PlaintextToTLS, client: orders, server: payments,
			want: "DestinationRule shop/plaintext", check: "TLT0401", confidence: event.Derived,
		},
		{
			name: "a reset, which has other causes as well", reason: event.ResetByServer, client: orders, server: payments,
			want: "DestinationRule shop/plaintext", check: "TLT0401", confidence: event.Inferred,
		},
		{
			name: "a server that is known by its service only", reason: event.PlaintextToTLS, client: orders,
			server: event.Endpoint{Port: 8080, K8s: &event.K8s{Namespace: "shop", Service: "payments"}},
			want:   "DestinationRule shop/plaintext", check: "TLT0401", confidence: event.Derived,
		},
		{
			name: "a server that is known by the mesh's SNI only", reason: event.TLSToPlaintext, client: orders,
			mesh: &event.Mesh{Direction: "outbound", Service: "batch.legacy.svc.cluster.local", Port: 80},
			want: "DestinationRule shop/mutual", check: "TLT0404", confidence: event.Derived,
		},
		{
			name: "a client without a sidecar: the policy does what it is for", reason: event.PlaintextToTLS, client: batch, server: orders,
			want: "PeerAuthentication shop/default", confidence: event.Derived,
		},
		{name: "the rule of another server is not to blame", reason: event.PlaintextToTLS, client: payments, server: orders},
		{name: "a reason that the rule does not lead to", reason: event.CertificateExpired, client: orders, server: payments},
		{name: "a server that is not known", reason: event.PlaintextToTLS, client: event.Endpoint{Port: 1}, server: event.Endpoint{Port: 443}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: c.reason}, Client: c.client, Server: c.server, Mesh: c.mesh}
			b, ok := w.Blame(e, findings)
			got, check := "", ""
			if ok {
				got = titled(Meta{Ref: b.Object})
			}
			if b.Check != nil {
				check = b.Check.ID
			}
			if got != c.want || check != c.check || b.Confidence != c.confidence {
				t.Errorf("%q by %q, %q; want %q by %q, %q\n%s", got, check, b.Confidence, c.want, c.check, c.confidence, b.Message)
			}
			e.Outcome = event.Succeeded
			if _, ok := w.Blame(e, findings); ok {
				t.Error("an object is to blame for a success")
			}
		})
	}
}
