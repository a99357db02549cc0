package lint

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe is a request that the kubelet sends into a pod.
type probe struct {
	field  string // of the handler, within the template
	scheme string // http, https, grpc, tcp
	target intstr.IntOrString
}

func (p probe) port(o *Workload) (uint32, bool) { return o.podPort(p.target) }

// probesOf returns every probe and lifecycle request of a workload's own containers.
func probesOf(o *Workload) []probe {
	var found []probe
	if o.Pod == nil {
		return nil
	}
	for i, c := range o.Pod.Containers {
		if c.Name == proxyName {
			continue
		}
		at := fmt.Sprintf("spec.containers[%d]", i)
		for _, p := range []struct {
			name  string
			probe *corev1.Probe
		}{{"livenessProbe", c.LivenessProbe}, {"readinessProbe", c.ReadinessProbe}, {"startupProbe", c.StartupProbe}} {
			if p.probe != nil {
				found = appendProbe(found, at+"."+p.name, p.probe.HTTPGet, p.probe.TCPSocket, p.probe.GRPC)
			}
		}
		if c.Lifecycle == nil {
			continue
		}
		if h := c.Lifecycle.PostStart; h != nil {
			found = appendProbe(found, at+".lifecycle.postStart", h.HTTPGet, h.TCPSocket, nil)
		}
		if h := c.Lifecycle.PreStop; h != nil {
			found = appendProbe(found, at+".lifecycle.preStop", h.HTTPGet, h.TCPSocket, nil)
		}
	}
	return found
}

func appendProbe(found []probe, at string, get *corev1.HTTPGetAction, tcp *corev1.TCPSocketAction, grpc *corev1.GRPCAction) []probe {
	switch {
	case get != nil && get.Scheme == corev1.URISchemeHTTPS:
		return append(found, probe{at + ".httpGet", "https", get.Port})
	case get != nil:
		return append(found, probe{at + ".httpGet", "http", get.Port})
	case grpc != nil:
		return append(found, probe{at + ".grpc", "grpc", intstr.FromInt32(grpc.Port)})
	case tcp != nil:
		return append(found, probe{at + ".tcpSocket", "tcp", tcp.Port})
	}
	return found
}
