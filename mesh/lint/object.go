package lint

import (
	"time"

	"istio.io/api/networking/v1alpha3"
	"istio.io/api/security/v1beta1"
	corev1 "k8s.io/api/core/v1"
)

// Meta is what every object has.
type Meta struct {
	Ref
	Labels      map[string]string
	Annotations map[string]string
	Created     time.Time // zero for an object that is not live
	// Overlaid says that the object comes from a file that is laid over a live cluster.
	Overlaid bool

	doc  *document // where it was read; nil for a live object
	path string    // of the object within its document: "" or items[3]
}

// Object is an object with its specification in the one form that all versions of its API converge on.
type Object[S any] struct {
	Meta
	Spec S
}

// The specifications of Istio's kinds, each one form for v1, v1beta1 and v1alpha3.
type (
	// PeerAuthentication says what servers accept.
	PeerAuthentication = Object[*v1beta1.PeerAuthentication]
	// AuthorizationPolicy says which identities servers let in.
	AuthorizationPolicy = Object[*v1beta1.AuthorizationPolicy]
	// DestinationRule says what clients send.
	DestinationRule = Object[*v1alpha3.DestinationRule]
	// ServiceEntry is a service outside of the cluster.
	ServiceEntry = Object[*v1alpha3.ServiceEntry]
	// Gateway says on which ports, for which hosts and with which certificates a gateway's proxy listens.
	Gateway = Object[*v1alpha3.Gateway]
	// VirtualService routes.
	VirtualService = Object[*v1alpha3.VirtualService]
	// Sidecar limits what a proxy knows of.
	Sidecar = Object[*v1alpha3.Sidecar]
	// WorkloadEntry is a workload that is no pod.
	WorkloadEntry = Object[*v1alpha3.WorkloadEntry]
)

type (
	// Service is a service of the cluster.
	Service = Object[*corev1.ServiceSpec]
	// Secret is a Secret that may hold a certificate.
	Secret = Object[SecretData]
	// ConfigMap is a ConfigMap; its specification is its data.
	ConfigMap = Object[map[string]string]
	// Waypoint is a Gateway of the Gateway API, a waypoint or not.
	Waypoint = Object[WaypointSpec]
	// Namespace is known by its labels.
	Namespace struct{ Meta }
	// ServiceAccount is the identity of pods.
	ServiceAccount struct{ Meta }
)

// SecretData is what is kept of a Secret that could serve TLS. It is never printed.
type SecretData struct {
	Type string // kubernetes.io/tls, Opaque, ...
	// Data are the keys that Istio takes certificates from (tls.crt, tls.key, ca.crt, ca.crl, cert, key, cacert, crl, and ca-cert.pem,
	// cert-chain.pem, root-cert.pem of a CA). Other keys are dropped.
	Data map[string][]byte
	// Sealed says that values are encrypted in the file (sops), or placeholders: nothing is known of what they will be.
	Sealed bool
}

// WaypointSpec is a Gateway of the Gateway API, as far as ambient mode and TLS are concerned.
type WaypointSpec struct {
	Class     string // istio-waypoint for a waypoint
	Listeners []WaypointListener
}

// WaypointListener is one listener of it.
type WaypointListener struct {
	Name, Hostname, Protocol string
	Port                     int32
	TLSMode                  string   // Terminate, Passthrough, or empty
	Certificates             []string // names of Secrets ("namespace/name", or "name" in the Gateway's own namespace)
}
