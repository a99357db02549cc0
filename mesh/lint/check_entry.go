package lint

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
)

func entryChecks() []Check {
	return []Check{
		{
			ID: "TLT0601", Name: "double-tls", Severity: Error, Topic: TopicServiceEnt,
			Summary: "A DestinationRule originates TLS on a port on which the application speaks TLS itself.",
			Explain: "A port of the protocol HTTPS or TLS carries the application's own TLS. SIMPLE or MUTUAL wraps it once more, and the server, which unwraps once, gets a ClientHello where it " +
				"expects HTTP (istio.io/docs/ops/common-problems/network-issues/#double-tls). Not reported if a VirtualService routes plain HTTP to that port, as an egress gateway does that originates TLS.",
			Fix:   "Let the application speak HTTP to a port of the protocol HTTP and originate there; or remove the tls block.",
			Needs: []Kind{KindVirtualService, KindServiceEntry, KindService},
			Run:   checkDoubleTLS,
		},
		{
			ID: "TLT0602", Name: "https-port-declared-http", Severity: Warning, Topic: TopicServiceEnt,
			Summary: "A ServiceEntry declares port 443 as HTTP, and nothing originates TLS on it.",
			Explain: "The proxy parses what the application sends as HTTP, so a ClientHello is answered with an error; and what it forwards is plaintext, which a TLS server on 443 refuses " +
				"(istio.io/docs/ops/common-problems/network-issues/#tls-configuration-mistakes).",
			Fix:   "Declare the port as HTTPS, or originate TLS: a DestinationRule with SIMPLE for that port.",
			Needs: []Kind{KindDestinationRule},
			Run:   checkHTTPOn443,
		},
	}
}

// declaredPort is a port as a client's proxy knows it.
type declaredPort struct {
	object   Ref
	host     string
	ns       string
	number   uint32
	protocol string // of Istio, in upper case: HTTP, HTTPS, TLS, TCP...
}

// isTLS says whether the application speaks TLS itself on the port.
func (p declaredPort) isTLS() bool { return p.protocol == "HTTPS" || p.protocol == "TLS" }

func entryPorts(e *ServiceEntry) []declaredPort {
	var found []declaredPort
	for _, host := range e.Spec.GetHosts() {
		for _, p := range e.Spec.GetPorts() {
			found = append(found, declaredPort{e.Ref, host, e.Namespace, p.GetNumber(), strings.ToUpper(p.GetProtocol())})
		}
	}
	return found
}

func (w *World) servicePortsOf(s *Service) []declaredPort {
	var found []declaredPort
	for _, p := range s.Spec.Ports {
		found = append(found, declaredPort{s.Ref, w.HostOf(s), s.Namespace, uint32(p.Port), protocolOf(p)})
	}
	return found
}

// protocolOf returns what a Service declares for a port: by appProtocol, else by the name, up to the first dash; "" if that is no
// protocol that Istio knows (istio.io/docs/ops/configuration/traffic-management/protocol-selection).
func protocolOf(p corev1.ServicePort) string {
	text := p.Name
	if p.AppProtocol != nil {
		text = *p.AppProtocol
	}
	switch text {
	case "kubernetes.io/h2c", "kubernetes.io/ws":
		return "HTTP"
	case "kubernetes.io/wss":
		return "HTTPS"
	}
	name, _, _ := strings.Cut(text, "-")
	switch name = strings.ToUpper(name); name {
	case "HTTP", "HTTP2", "HTTPS", "TLS", "TCP", "GRPC", "MONGO", "MYSQL", "REDIS", "UDP":
		return name
	}
	return ""
}

func checkDoubleTLS(w *World, report Report) {
	rules := NewRules(w)
	routed := w.plainRoutes()
	seen := map[string]bool{}
	visit := func(p declaredPort) {
		if !p.isTLS() || routed[routeKey(p.host, p.number)] {
			return
		}
		for _, rule := range rules.covering(p.host) {
			client, used := rules.clientOf(rule, p.host, p.ns)
			if !used {
				continue
			}
			t := rules.For(client, p.host, p.ns).TLS(p.number, "")
			at := nameOf(rule.Meta) + t.Field
			if t.Rule != rule || !originates(t.Settings) || seen[at] {
				continue
			}
			seen[at] = true
			report(Finding{Object: rule.Ref, Field: t.Field + ".mode", Related: []Ref{p.object}, Message: fmt.Sprintf(
				"DestinationRule %s originates TLS (%s) on port %d of %s, but %s %s declares that port as %s: the application's TLS is wrapped twice",
				nameOf(rule.Meta), t.Settings.GetMode(), p.number, p.host, p.object.Kind, p.object.Namespace+"/"+p.object.Name, p.protocol)})
		}
	}
	for _, e := range w.ServiceEntries {
		for _, p := range entryPorts(e) {
			visit(p)
		}
	}
	for _, s := range w.Services {
		for _, p := range w.servicePortsOf(s) {
			visit(p)
		}
	}
}

// covering returns the rules with TLS settings whose host covers a host.
func (r *Rules) covering(host string) []*DestinationRule {
	var found []*DestinationRule
	for _, rule := range r.world.DestinationRules {
		if saysTLS(rule) && hostCovers(r.world.FullHost(rule.Spec.GetHost(), rule.Namespace), host) {
			found = append(found, rule)
		}
	}
	return found
}

func routeKey(host string, port uint32) string { return fmt.Sprintf("%s:%d", host, port) }

// plainRoutes are the ports that a VirtualService sends HTTP to: what goes there is plaintext until a rule originates TLS.
func (w *World) plainRoutes() map[string]bool {
	found := map[string]bool{}
	for _, v := range w.VirtualServices {
		for _, route := range v.Spec.GetHttp() {
			for _, to := range route.GetRoute() {
				w.addRoute(found, v, to.GetDestination())
			}
		}
	}
	return found
}

func (w *World) addRoute(found map[string]bool, v *VirtualService, d *v1alpha3.Destination) {
	host := w.FullHost(d.GetHost(), v.Namespace)
	if number := d.GetPort().GetNumber(); number != 0 {
		found[routeKey(host, number)] = true
		return
	}
	// Without a port the destination has only one.
	if s := w.ServiceByHost(host, v.Namespace); s != nil && len(s.Spec.Ports) == 1 {
		found[routeKey(host, uint32(s.Spec.Ports[0].Port))] = true
	}
	for _, e := range w.EntriesByHost(host) {
		if ports := e.Spec.GetPorts(); len(ports) == 1 {
			found[routeKey(host, ports[0].GetNumber())] = true
		}
	}
}

func checkHTTPOn443(w *World, report Report) {
	rules := NewRules(w)
	for _, e := range w.ServiceEntries {
		for i, p := range e.Spec.GetPorts() {
			protocol := strings.ToUpper(p.GetProtocol())
			if !slices.Contains([]string{"HTTP", "HTTP2", "GRPC"}, protocol) || (p.GetNumber() != 443 && p.GetTargetPort() != 443) {
				continue
			}
			if e.Spec.GetLocation() == v1alpha3.ServiceEntry_MESH_INTERNAL || rules.originatedFor(e, p.GetNumber()) {
				continue
			}
			report(Finding{Object: e.Ref, Field: fmt.Sprintf("spec.ports[%d].protocol", i), Message: fmt.Sprintf(
				"ServiceEntry %s declares port %d of %s as %s, and no DestinationRule originates TLS there: plaintext goes to port 443",
				nameOf(e.Meta), p.GetNumber(), few(e.Spec.GetHosts()), protocol)})
		}
	}
}

// originatedFor says whether any rule, for whichever client, originates TLS on a port of a service entry.
func (r *Rules) originatedFor(e *ServiceEntry, port uint32) bool {
	for _, host := range e.Spec.GetHosts() {
		for _, rule := range r.covering(host) {
			if t := (Merged{From: []*DestinationRule{rule}}).TLS(port, ""); t.Settings.GetMode() != v1alpha3.ClientTLSSettings_DISABLE {
				return true
			}
			for _, s := range rule.Spec.GetSubsets() {
				if originates((Merged{From: []*DestinationRule{rule}}).TLS(port, s.GetName()).Settings) {
					return true
				}
			}
		}
	}
	return false
}
