package lint

import "strings"

// serviceSuffix is what the name of every service of the cluster ends in.
const serviceSuffix = ".svc." + DefaultClusterDomain

// HostOf is a service's fully qualified name: reviews.prod.svc.cluster.local.
func (w *World) HostOf(s *Service) string { return s.Name + "." + s.Namespace + serviceSuffix }

// FullHost spells a host as Istio reads it in a rule of namespace from: a name without a dot gets ".NAMESPACE.svc.cluster.local"
// (istio.io/docs/reference/config/networking/destination-rule, host). reviews.prod and reviews.prod.svc are not completed by Istio: only a
// short name is.
func (w *World) FullHost(host, from string) string {
	if host == "" || strings.Contains(host, ".") || strings.HasPrefix(host, "*") {
		return host
	}
	return host + "." + from + serviceSuffix
}

// ServiceByHost returns the service that a host in a rule of namespace from is. nil if there is no such service, or host is a wildcard.
func (w *World) ServiceByHost(host, from string) *Service {
	name, isService := strings.CutSuffix(w.FullHost(host, from), serviceSuffix)
	if !isService {
		return nil
	}
	service, namespace, ok := strings.Cut(name, ".")
	if !ok || strings.Contains(namespace, ".") {
		return nil
	}
	return w.Service(namespace, service)
}

// ServicesByHost is [World.ServiceByHost] for a host that may be a wildcard ("*.prod.svc.cluster.local", "*").
func (w *World) ServicesByHost(host, from string) []*Service {
	if !strings.HasPrefix(host, "*") {
		if s := w.ServiceByHost(host, from); s != nil {
			return []*Service{s}
		}
		return nil
	}
	candidates := w.Services
	if inner, ok := strings.CutPrefix(host, "*."); ok {
		if namespace, isService := strings.CutSuffix(inner, serviceSuffix); isService && !strings.Contains(namespace, ".") {
			return In(w.Services, namespace)
		}
	}
	var found []*Service
	for _, s := range candidates {
		if strings.HasSuffix(w.HostOf(s), host[1:]) {
			found = append(found, s)
		}
	}
	return found
}

// EntriesByHost returns the service entries that have a host, wildcards on either side considered.
func (w *World) EntriesByHost(host string) []*ServiceEntry {
	if strings.HasPrefix(host, "*") {
		return w.entries(w.ServiceEntries, host)
	}
	exact := w.index.exact[host]
	found := exact[:len(exact):len(exact)]
	for _, e := range w.entries(w.index.wildcards, host) {
		if !has(exact, e) {
			found = append(found, e)
		}
	}
	return found
}

func (w *World) entries(among []*ServiceEntry, host string) []*ServiceEntry {
	var found []*ServiceEntry
	for _, e := range among {
		for _, h := range e.Spec.GetHosts() {
			if hostsMeet(h, host) {
				found = append(found, e)
				break
			}
		}
	}
	return found
}

func has(among []*ServiceEntry, e *ServiceEntry) bool {
	for _, one := range among {
		if one == e {
			return true
		}
	}
	return false
}

// hostsMeet says that some name fits both hosts, each of which may begin with a wildcard.
func hostsMeet(a, b string) bool {
	wildA, wildB := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*")
	switch {
	case wildA && wildB:
		return strings.HasSuffix(a[1:], b[1:]) || strings.HasSuffix(b[1:], a[1:])
	case wildA:
		return strings.HasSuffix(b, a[1:])
	case wildB:
		return strings.HasSuffix(a, b[1:])
	}
	return a == b
}
