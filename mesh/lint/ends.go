package lint

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// How closely an object belongs to one end of a connection.
const (
	general = 1 // it holds for the end among many others: a namespace's policy, a wildcard's rule
	narrow  = 2 // it is for this end: a rule for its host, a policy that selects it
	exact   = 3 // it is the end: its workload, service, gateway
)

// ends are the two ends of a handshake, in objects.
type ends struct {
	world            *World
	servers, clients []*Workload
	hosts            []string
	port             uint32 // of the server's pods
	server, client   map[key]int
}

// newEnds finds the objects that a handshake's ends are. What it does not tell, or what was not read, is left out.
func newEnds(w *World, e event.Event) *ends {
	n := &ends{world: w, port: uint32(e.Server.Port), server: map[key]int{}, client: map[key]int{}}
	n.clients = w.workloadsNamed(e.Client.K8s)
	n.servers = w.workloadsNamed(e.Server.K8s)
	for _, o := range n.clients {
		n.client[o.key()] = exact
		n.client[key{KindServiceAccount, o.Namespace, o.ServiceAccount}] = narrow
	}
	n.services(e)
	for _, o := range n.servers {
		n.serverWorkload(o, serverName(e))
	}
	for _, host := range n.hosts {
		n.host(host)
	}
	return n
}

// serverName is the host that the client asked for: of a mesh's SNI the service.
func serverName(e event.Event) string {
	switch {
	case e.Mesh != nil:
		return e.Mesh.Service
	case e.TLS != nil:
		return e.TLS.SNI
	}
	return ""
}

// services finds the server's services by name, and its workloads by them if nothing else tells those.
func (n *ends) services(e event.Event) {
	var found []*Service
	if k := e.Server.K8s; k != nil && k.Service != "" {
		if s := n.world.Service(k.Namespace, k.Service); s != nil {
			found = append(found, s)
		}
	}
	if name := serverName(e); name != "" {
		n.hosts = append(n.hosts, name)
		if s := n.world.ServiceByHost(name, ""); s != nil {
			found = append(found, s)
		}
	}
	for _, s := range found {
		n.server[s.key()] = exact
		n.hosts = append(n.hosts, n.world.HostOf(s))
		if e.Server.K8s == nil || e.Server.K8s.Workload == "" {
			n.servers = append(n.servers, n.world.WorkloadsOf(s)...)
		}
		n.podPort(s, e)
	}
	for _, o := range n.servers {
		for _, s := range n.world.ServicesOf(o) {
			n.server[s.key()] = max(n.server[s.key()], narrow)
		}
	}
}

// podPort finds the port of the pods where the handshake tells only that of the service.
func (n *ends) podPort(s *Service, e event.Event) {
	for _, port := range s.Spec.Ports {
		if e.Mesh == nil || uint16(port.Port) != e.Mesh.Port {
			continue
		}
		for _, o := range n.world.WorkloadsOf(s) {
			if number, ok := o.servedPort(port); ok {
				n.port = number
			}
		}
	}
}

// serverWorkload adds a workload of the server, and what is configured for it.
func (n *ends) serverWorkload(o *Workload, name string) {
	w := n.world
	n.server[o.key()] = exact
	n.server[key{KindServiceAccount, o.Namespace, o.ServiceAccount}] = narrow
	for _, namespace := range []string{o.Namespace, w.Mesh.RootNamespace} {
		for _, p := range In(w.PeerAuthentications, namespace) {
			n.selecting(p.key(), o, p.Spec.GetSelector().GetMatchLabels())
		}
		for _, p := range In(w.AuthorizationPolicies, namespace) {
			n.selecting(p.key(), o, p.Spec.GetSelector().GetMatchLabels())
		}
	}
	if o.Membership != IsGateway {
		return
	}
	for _, g := range w.Gateways {
		if hasLabels(o.PodLabels, g.Spec.GetSelector()) && serves(g, name) {
			n.gateway(g, o.Namespace)
		}
	}
}

func (n *ends) selecting(policy key, o *Workload, selector map[string]string) {
	switch {
	case len(selector) == 0:
		n.server[policy] = general
	case hasLabels(o.PodLabels, selector):
		n.server[policy] = narrow
	}
}

// gateway adds a gateway and the certificates that its proxy, in namespace, reads.
func (n *ends) gateway(g *Gateway, namespace string) {
	n.server[g.key()] = exact
	for _, name := range credentials(g) {
		n.server[key{KindSecret, namespace, name}] = narrow
	}
}

// serves says whether a gateway has a server for a name; any does if the name is not known.
func serves(g *Gateway, name string) bool {
	for _, server := range g.Spec.GetServers() {
		for _, host := range server.GetHosts() {
			if _, bare, qualified := strings.Cut(host, "/"); qualified {
				host = bare
			}
			if name == "" || hostsMeet(host, name) {
				return true
			}
		}
	}
	return false
}

// host adds the rules and entries for the name of the server.
func (n *ends) host(host string) {
	w := n.world
	for _, r := range w.DestinationRules {
		switch full := w.FullHost(r.Spec.GetHost(), r.Namespace); {
		case full == host:
			n.server[r.key()] = max(n.server[r.key()], narrow)
		case hostsMeet(full, host):
			n.server[r.key()] = max(n.server[r.key()], general)
		}
	}
	for _, e := range w.EntriesByHost(host) {
		n.server[e.key()] = exact
	}
}

// workloadsNamed finds the workloads that an end names; its kind is not told, so that there may be several.
func (w *World) workloadsNamed(k *event.K8s) []*Workload {
	if k == nil || k.Namespace == "" {
		return nil
	}
	var found []*Workload
	for _, o := range In(w.Workloads, k.Namespace) {
		if k.Workload != "" && o.Name == k.Workload || k.Workload == "" && ownsPod(o, k.Pod) {
			found = append(found, o)
		}
	}
	return found
}

func ownsPod(o *Workload, pod string) bool {
	for _, p := range o.Pods {
		if p.Name == pod && pod != "" {
			return true
		}
	}
	return false
}
