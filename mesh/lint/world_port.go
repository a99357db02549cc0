package lint

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// proxyName is the name of the sidecar's container.
const proxyName = "istio-proxy"

// containers returns the workload's own containers: those that run as long as the pod does, without the sidecar.
func (w *Workload) containers() []corev1.Container {
	var own []corev1.Container
	if w.Pod == nil {
		return nil
	}
	for _, c := range w.Pod.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways && c.Name != proxyName {
			own = append(own, c)
		}
	}
	for _, c := range w.Pod.Containers {
		if c.Name != proxyName {
			own = append(own, c)
		}
	}
	return own
}

// podPort resolves a target port, which may be a name, to a port of the pods. False if no container has a port of that name.
func (w *Workload) podPort(target intstr.IntOrString) (uint32, bool) {
	if target.Type == intstr.Int {
		return uint32(target.IntVal), target.IntVal > 0
	}
	for _, c := range w.containers() {
		for _, p := range c.Ports {
			if p.Name == target.StrVal {
				return uint32(p.ContainerPort), true
			}
		}
	}
	return 0, false
}

// servedPort returns the port of the pods that a service's port leads to: its targetPort, which is its own number if it has none.
func (w *Workload) servedPort(port corev1.ServicePort) (uint32, bool) {
	if port.TargetPort == (intstr.IntOrString{}) {
		return uint32(port.Port), true
	}
	return w.podPort(port.TargetPort)
}

// knownPorts returns the ports of the pods that the objects name: container ports, and what services and probes lead to.
func (w *World) knownPorts(o *Workload) []uint32 {
	var ports []uint32
	for _, c := range o.containers() {
		for _, p := range c.Ports {
			ports = append(ports, uint32(p.ContainerPort))
		}
	}
	for _, s := range w.ServicesOf(o) {
		for _, p := range s.Spec.Ports {
			if number, ok := o.servedPort(p); ok {
				ports = append(ports, number)
			}
		}
	}
	for _, p := range probesOf(o) {
		if number, ok := p.port(o); ok {
			ports = append(ports, number)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// followsRules says whether a namespace, or with "" any, may have proxies that follow DestinationRules: false only if workloads of it were
// read and all of them are outside of the mesh or in ambient mode, where ztunnel knows no rules. The root namespace always may: rules that
// are in it are for others. So may any, unless all workloads were read.
func (w *World) followsRules(ns string) bool {
	workloads := w.Workloads
	if ns != "" {
		workloads = In(w.Workloads, ns)
	} else if !w.allWorkloads("") {
		return true
	}
	if len(workloads) == 0 || ns == w.Mesh.RootNamespace {
		return true
	}
	return slices.ContainsFunc(workloads, func(o *Workload) bool {
		return o.Membership == InSidecar || o.Membership == IsGateway || o.Membership == Unclear
	})
}
