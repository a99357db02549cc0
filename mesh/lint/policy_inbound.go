package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The annotations that keep a port of a pod from its proxy (istio.io/docs/reference/config/annotations).
const (
	excludeInbound  = "traffic.sidecar.istio.io/excludeInboundPorts"
	includeInbound  = "traffic.sidecar.istio.io/includeInboundPorts"
	excludeOutbound = "traffic.sidecar.istio.io/excludeOutboundPorts"
)

// Inbound says what a client meets at a port of a workload.
type Inbound struct {
	// Proxied says that a proxy of the mesh accepts the connection; otherwise the application does, whatever it speaks.
	Proxied bool
	// Mode is what the proxy accepts, and Policy what says so; only if Proxied.
	Mode   Mode
	Policy PeerPolicy
	// Bypass is the annotation that takes the port from the sidecar, empty if none does.
	Bypass string
}

// labelTLSMode says on a pod that it takes part in mutual TLS by itself, whatever proxy it has.
const labelTLSMode = "security.istio.io/tlsMode"

// Inbound returns what a client meets at a port of the pods. It is not known for a workload whose membership is unclear or that speaks the
// mesh's mutual TLS by itself, for gateways, whose ports are what their Gateways say, and where policies are unsettled.
func (p *PeerPolicies) Inbound(o *Workload, port uint32) (Inbound, bool) {
	switch o.Membership {
	case Outside:
		return Inbound{}, o.PodLabels[labelTLSMode] == ""
	case InSidecar:
		if bypass := bypassed(o, port); bypass != "" {
			return Inbound{Bypass: bypass, Policy: p.Of(o)}, true
		}
	case InAmbient:
	default:
		return Inbound{}, false
	}
	policy := p.Of(o)
	return Inbound{Proxied: true, Mode: policy.Port(port), Policy: policy}, !policy.Unsettled
}

// bypassed returns the annotation that keeps an inbound port from the sidecar; "" if none does. excludeInboundPorts counts only while
// all ports are included (tools/istio-iptables).
func bypassed(o *Workload, port uint32) string {
	if value, ok := o.PodAnnotations[includeInbound]; ok && strings.TrimSpace(value) != "*" {
		if ports, valid := portList(value); valid && !slices.Contains(ports, port) {
			return includeInbound
		}
		return ""
	}
	if ports, valid := portList(o.PodAnnotations[excludeInbound]); valid && slices.Contains(ports, port) {
		return excludeInbound
	}
	return ""
}

// portList reads an annotation that lists ports. It is not valid, and injection fails, if one of them is no number.
func portList(value string) ([]uint32, bool) {
	var ports []uint32
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		number, err := strconv.ParseUint(item, 10, 16)
		if err != nil {
			return nil, false
		}
		ports = append(ports, uint32(number))
	}
	return ports, true
}

// annotationField is where an annotation of the pods is, from the top of the object.
func annotationField(o *Workload, name string) string {
	return o.Field(fmt.Sprintf("metadata.annotations[%q]", name))
}
