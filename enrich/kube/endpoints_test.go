package kube

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func aSlice(service string, port int32, addrs ...string) discoveryv1.EndpointSlice {
	return discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: addrs}},
		Ports:      []discoveryv1.EndpointPort{{Port: &port}},
	}
}

func TestEndpointsAreBounded(t *testing.T) {
	c := newStopped()
	s := newEndpointSlices(c.now)
	for i := range 3 * maxNamespaces {
		s.keep(intern(fmt.Sprint("ns", i)), []discoveryv1.EndpointSlice{aSlice("a", 443, "10.0.0.1")})
	}
	if len(s.known) > maxNamespaces || s.total != len(s.known) {
		t.Errorf("%d namespaces with %d endpoints are kept", len(s.known), s.total)
	}
	var large []discoveryv1.EndpointSlice
	for i := range maxEndpoints + 10 {
		large = append(large, aSlice("a", 443, numbered(i).String()))
	}
	s.keep(intern("large"), large)
	if got, state := s.of(intern("large"), netip.AddrPortFrom(numbered(0), 443)); got != nil || state != settled {
		t.Errorf("of what is too large, %v is known, state %d", got, state)
	}
	s.keep(intern("fits"), large[:maxEndpoints])
	if s.total > maxEndpoints {
		t.Errorf("%d endpoints are kept", s.total)
	}
	if got, _ := s.of(intern("fits"), netip.AddrPortFrom(numbered(0), 443)); len(got) != 1 {
		t.Errorf("of what fits, %v is known", got)
	}
}

func TestEndpointsAge(t *testing.T) {
	c := newStopped()
	s := newEndpointSlices(c.now)
	at := netip.AddrPortFrom(addr1, 443)
	udp := aSlice("dns", 443, "10.0.0.1")
	protocol := corev1.ProtocolUDP
	udp.Ports[0].Protocol = &protocol
	s.keep(intern("ns"), []discoveryv1.EndpointSlice{aSlice("a", 443, "10.0.0.1"), aSlice("a", 443, "10.0.0.1"), aSlice("", 443, "10.0.0.1"), udp})
	for _, tt := range []struct {
		after time.Duration
		want  state
		known int
	}{{0, settled, 1}, {slicesFresh + 1, aged, 1}, {slicesAtMost + 1, missing, 0}} {
		c.at = noon.Add(time.Hour + tt.after)
		if got, state := s.of(intern("ns"), at); state != tt.want || len(got) != tt.known {
			t.Errorf("after %s: %v, state %d", tt.after, got, state)
		}
	}
}
