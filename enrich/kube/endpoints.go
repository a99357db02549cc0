package kube

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/tlstrace/tlstrace/event"
)

const (
	maxNamespaces = 256             // whose endpoints are known
	maxEndpoints  = 32768           // addresses and ports, of all namespaces together
	slicesFresh   = 2 * time.Minute // how long the endpoints of a namespace are good for
	slicesAtMost  = 10 * time.Minute
	maxServing    = 8 // services of one endpoint
)

// endpointSlices remembers which services the pods of some namespaces serve, out of their EndpointSlices.
type endpointSlices struct {
	now func() time.Time

	mu    sync.RWMutex
	known map[text]endpoints
	total int
}

// endpoints are those of one namespace.
type endpoints struct {
	asked time.Time
	by    map[netip.AddrPort][]text // nil if there are too many
}

func newEndpointSlices(now func() time.Time) *endpointSlices {
	return &endpointSlices{now: now, known: map[text]endpoints{}}
}

// of lists the services that an address and port of a namespace belong to, and says whether they have to be asked for.
func (s *endpointSlices) of(namespace text, at netip.AddrPort) ([]text, state) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	known, ok := s.known[namespace]
	age := s.now().Sub(known.asked)
	switch {
	case !ok || age > slicesAtMost:
		return nil, missing
	case age > slicesFresh:
		return known.by[at], aged
	}
	return known.by[at], settled
}

// keep takes the EndpointSlices of a namespace. If they do not fit they are not kept in part, which would make what is ambiguous look
// certain.
func (s *endpointSlices) keep(namespace text, list []discoveryv1.EndpointSlice) {
	by := map[netip.AddrPort][]text{}
	for i := range list {
		addSlice(by, &list[i])
	}
	if len(by) > maxEndpoints {
		by = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(namespace)
	for other := range s.known {
		if s.total+len(by) <= maxEndpoints && len(s.known) < maxNamespaces {
			break
		}
		s.forget(other)
	}
	s.known[namespace] = endpoints{asked: s.now(), by: by}
	s.total += len(by)
}

func (s *endpointSlices) forget(namespace text) {
	s.total -= len(s.known[namespace].by)
	delete(s.known, namespace)
}

func addSlice(by map[netip.AddrPort][]text, slice *discoveryv1.EndpointSlice) {
	name := slice.Labels[discoveryv1.LabelServiceName]
	if name == "" {
		return
	}
	service := intern(name)
	for _, port := range slice.Ports {
		if port.Port == nil || port.Protocol != nil && *port.Protocol != corev1.ProtocolTCP {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			for _, ip := range endpoint.Addresses {
				addr, err := netip.ParseAddr(ip)
				if err != nil || len(by) > maxEndpoints {
					continue
				}
				at := netip.AddrPortFrom(addr.Unmap(), uint16(*port.Port))
				by[at] = appendOnce(by[at], service)
			}
		}
	}
}

func appendOnce(all []text, one text) []text {
	for _, other := range all {
		if other == one {
			return all
		}
	}
	if len(all) == maxServing {
		return all
	}
	return append(all, one)
}

// theService chooses the only service, or the one that the client asked for: the name that it sent may tell.
func theService(candidates []text, namespace string, e *event.Event) string {
	if len(candidates) == 1 {
		return candidates[0].Value()
	}
	for _, candidate := range candidates {
		if asksFor(e, candidate.Value(), namespace) {
			return candidate.Value()
		}
	}
	return ""
}

// asksFor says whether an event's SNI is the name of a service in a cluster's DNS: payments.shop or payments.shop.svc.cluster.local.
func asksFor(e *event.Event, service, namespace string) bool {
	host := ""
	if e.TLS != nil {
		host = e.TLS.SNI
	}
	if e.Mesh != nil {
		host = e.Mesh.Service
	}
	labels := strings.SplitN(strings.ToLower(host), ".", 4)
	return len(labels) >= 2 && labels[0] == service && labels[1] == namespace && (len(labels) == 2 || labels[2] == "svc")
}
