package lint

import (
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// hop is one port of a service as the clients that follow a rule reach it.
type hop struct {
	tls     ClientTLS
	client  Client
	service *Service
	host    string
	port    corev1.ServicePort
	subset  string // "" for the service as a whole
	servers []*Workload
}

// hops yields what every rule that says something about TLS makes of every port of the services that it is for. A port that a rule does
// not decide about (another one is older or narrower) is not among that rule's hops.
func hops(r *Rules) iter.Seq[hop] {
	return func(yield func(hop) bool) {
		for _, rule := range r.world.DestinationRules {
			if !saysTLS(rule) {
				continue
			}
			for _, service := range r.world.ServicesByHost(rule.Spec.GetHost(), rule.Namespace) {
				for _, h := range r.hopsTo(rule, service) {
					if !yield(h) {
						return
					}
				}
			}
		}
	}
}

func (r *Rules) hopsTo(rule *DestinationRule, service *Service) []hop {
	host := r.world.HostOf(service)
	client, used := r.clientOf(rule, host, service.Namespace)
	if !used {
		return nil
	}
	merged := r.For(client, host, service.Namespace)
	var found []hop
	for _, port := range service.Spec.Ports {
		if port.Protocol == corev1.ProtocolUDP || port.Protocol == corev1.ProtocolSCTP {
			continue
		}
		for _, subset := range subsetsOf(rule) {
			tls := merged.TLS(uint32(port.Port), subset)
			if tls.Rule != rule || (subset != "" && tls == merged.TLS(uint32(port.Port), "")) {
				continue
			}
			found = append(found, hop{tls, client, service, host, port, subset, r.behind(service, merged, subset)})
		}
	}
	return found
}

// subsetsOf returns the names of a rule's subsets, and first "" for the service as a whole.
func subsetsOf(rule *DestinationRule) []string {
	names := []string{""}
	for _, s := range rule.Spec.GetSubsets() {
		names = append(names, s.GetName())
	}
	return names
}

// behind returns the workloads of a service that are in a subset.
func (r *Rules) behind(service *Service, merged Merged, subset string) []*Workload {
	servers := r.world.WorkloadsOf(service)
	if subset == "" {
		return servers
	}
	for _, rule := range merged.From {
		for _, s := range rule.Spec.GetSubsets() {
			if s.GetName() == subset {
				return slices.DeleteFunc(slices.Clone(servers), func(o *Workload) bool { return !hasLabels(o.PodLabels, s.GetLabels()) })
			}
		}
	}
	return nil
}

// clientOf returns a client that follows a rule for a host: one of the rule's own namespace, else of one that it is exported to by name,
// else one beside the service, else any other (with no namespace). False if there is none, as another rule is preferred, or if the
// workloads there have no proxy that follows rules.
func (r *Rules) clientOf(rule *DestinationRule, host, serviceNamespace string) (Client, bool) {
	candidates := append([]string{rule.Namespace}, rule.Spec.GetExportTo()...)
	candidates = append(candidates, serviceNamespace, "")
	for _, ns := range candidates {
		if ns == "*" || ns == "." || ns == "~" || !r.followedIn(ns) {
			continue
		}
		client := Client{Namespace: ns, Labels: rule.Spec.GetWorkloadSelector().GetMatchLabels()}
		if slices.Contains(r.For(client, host, serviceNamespace).From, rule) {
			return client, true
		}
	}
	return Client{}, false
}

// followedIn is [World.followsRules], asked once for each namespace.
func (r *Rules) followedIn(ns string) bool {
	follows, known := r.followed[ns]
	if !known {
		follows = r.world.followsRules(ns)
		r.followed[ns] = follows
	}
	return follows
}

// saysTLS says whether a rule has a TLS setting anywhere, or a port-level setting that takes one away.
func saysTLS(rule *DestinationRule) bool {
	policy := rule.Spec.GetTrafficPolicy()
	if policy.GetTls() != nil || len(policy.GetPortLevelSettings()) > 0 {
		return true
	}
	for _, s := range rule.Spec.GetSubsets() {
		if s.GetTrafficPolicy().GetTls() != nil || len(s.GetTrafficPolicy().GetPortLevelSettings()) > 0 {
			return true
		}
	}
	return false
}
