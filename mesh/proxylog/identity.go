package proxylog

import (
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// Bounds for what is taken from a line into an event, in bytes.
const (
	maxName  = 253 // of a DNS name, and so of a namespace or pod (RFC 1035 section 2.3.4)
	maxWords = 128 // of an error
)

// name returns what may be a name, or "" for "-", which is how Envoy spells nothing, and for what is too long.
func name(s string) string {
	if s == "-" || len(s) > maxName {
		return ""
	}
	return s
}

// bounded cuts a text.
func bounded(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// identity takes an identity of the mesh apart: spiffe://cluster.local/ns/shop/sa/payments (Istio's documentation, "Security: Istio
// identity"). It returns nil for anything else.
func identity(id string) *event.K8s {
	parts := strings.Split(strings.TrimPrefix(id, "spiffe://"), "/")
	if len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa" || name(parts[2]) == "" || name(parts[4]) == "" {
		return nil
	}
	return &event.K8s{Namespace: parts[2], ServiceAccount: parts[4]}
}

// service names an end by the host name of its service, payments.shop.svc.cluster.local, or returns nil for any other host.
func service(host string) *event.K8s {
	parts := strings.SplitN(host, ".", 4)
	if len(parts) < 3 || parts[2] != "svc" || name(parts[0]) == "" || name(parts[1]) == "" {
		return nil
	}
	return &event.K8s{Service: parts[0], Namespace: parts[1]}
}

// clusterMesh takes the name of a cluster that Istio made apart: outbound|8080|v1|payments.shop.svc.cluster.local. It returns nil
// for any other name, and for an inbound one, which names no service.
func clusterMesh(cluster string) *event.Mesh { return meshParts(strings.SplitN(cluster, "|", 4)) }

// sniMesh does so with the name that Istio's clients ask for: outbound_.8080_.v1_.payments.shop.svc.cluster.local.
func sniMesh(sni string) *event.Mesh { return meshParts(strings.SplitN(sni, "_.", 4)) }

func meshParts(parts []string) *event.Mesh {
	if len(parts) != 4 || parts[0] != "outbound" && parts[0] != "inbound" || name(parts[3]) == "" {
		return nil
	}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil {
		return nil
	}
	return &event.Mesh{Direction: parts[0], Port: uint16(port), Subset: name(parts[2]), Service: parts[3]}
}
