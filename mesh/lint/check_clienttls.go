package lint

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
)

func clientTLSChecks() []Check {
	return []Check{
		{
			ID: "TLT0406", Name: "internal-server-by-public-cas", Severity: Warning, Topic: TopicDestination,
			Summary: "TLS to a server inside of the cluster is verified by the operating system's CAs.",
			Explain: "With SIMPLE or MUTUAL and neither caCertificates nor credentialName, the server is verified by the CAs of the proxy's image " +
				"(istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings, caCertificates). A name under svc.cluster.local cannot have a certificate of a public CA. " +
				"Older versions of Istio did not verify at all in this case. insecureSkipVerify is taken as meant.",
			Fix:   "Name the CA that signed the server's certificate in caCertificates, or in a Secret by credentialName.",
			Known: []string{"IST0128", "IST0129"},
			Needs: []Kind{KindService},
			Run:   checkMissingCA,
		},
		{
			ID: "TLT0407", Name: "client-tls-fields-contradict", Severity: Error, Topic: TopicDestination,
			Summary: "The fields of a DestinationRule's tls block contradict its mode.",
			Explain: "ISTIO_MUTUAL uses the certificates that Istio issues: clientCertificate, privateKey, caCertificates and credentialName have to be empty. MUTUAL needs a " +
				"certificate and its key, or a credentialName, and not both (istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings). Istio's webhook refuses most of these; " +
				"where it is off, the port gets no TLS or no cluster.",
			Fix: "Remove the fields that the mode does not use, or correct the mode.",
			Run: checkClientFields,
		},
		{
			ID: "TLT0408", Name: "credential-name-ignored-by-sidecars", Severity: Warning, Topic: TopicDestination,
			Summary: "A DestinationRule names a credential, but has no workloadSelector, so sidecars ignore it.",
			Explain: "At sidecars credentialName is applicable only with a workloadSelector; otherwise only gateways use it " +
				"(istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings, credentialName). A sidecar that follows the rule then sends plaintext to a port that expects TLS. " +
				"Whether only gateways call this host is not known here; a rule that is exported only to namespaces without sidecars is not reported.",
			Fix:   "Add a workloadSelector for the clients, or export the rule only to the gateway's namespace, or name files.",
			Needs: []Kind{KindNamespace},
			Run:   checkSidecarCredential,
		},
		{
			ID: "TLT0409", Name: "port-level-setting-without-port", Severity: Warning, Topic: TopicDestination,
			Summary: "A port-level TLS setting is for a port that the service does not have.",
			Explain: "portLevelSettings names ports of the service, not of its pods. A setting for any other number does nothing, and the port that is meant keeps the setting of the destination.",
			Fix:     "Use the number of the Service's port.",
			Needs:   []Kind{KindService, KindServiceEntry},
			Run:     checkPortLevelSettings,
		},
		{
			ID: "TLT0410", Name: "port-level-setting-drops-tls", Severity: Warning, Topic: TopicDestination,
			Summary: "A port-level setting without tls takes away the TLS that the destination has.",
			Explain: "Settings of the destination are not inherited by a port that has a setting of its own: what it omits gets the default " +
				"(istio.io/docs/reference/config/networking/destination-rule/#TrafficPolicy, portLevelSettings). A loadBalancer for one port so turns its TLS origination off.",
			Fix:   "Repeat the tls block in the port-level setting.",
			Needs: []Kind{KindService},
			Run:   checkDroppedTLS,
		},
		{
			ID: "TLT0411", Name: "rule-for-the-same-host-ignored", Severity: Warning, Topic: TopicDestination,
			Summary: "Two DestinationRules of one namespace are for one host, and only one's TLS counts.",
			Explain: "Rules for one host are merged: the first one's top-level trafficPolicy is used, and any other discarded " +
				"(istio.io/docs/ops/best-practices/traffic-management/#split-virtual-services). The first is the oldest.",
			Fix:   "Keep one trafficPolicy for a host; other rules may add subsets.",
			Known: []string{"KIA0201"},
			Run:   checkSameHost,
		},
		{
			ID: "TLT0412", Name: "strict-without-automatic-mutual-tls", Severity: Error, Topic: TopicDestination,
			Summary: "Automatic mutual TLS is off, and no DestinationRule makes clients speak it to a port that accepts nothing else.",
			Explain: "With enableAutoMtls: false in the mesh configuration a client sends plaintext unless a DestinationRule says otherwise " +
				"(istio.io/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig, enableAutoMtls), and a STRICT server resets it. Judged is a client of the server's own namespace.",
			Fix:   "Turn enableAutoMtls on, which is the default; or add a DestinationRule with ISTIO_MUTUAL.",
			Known: []string{"KIA0401", "KIA0501"},
			Needs: []Kind{KindConfigMap, KindPeerAuthentication, KindDestinationRule, KindService, KindNamespace},
			Run:   checkNoAutoMTLS,
		},
	}
}

// originates says whether a setting makes a client speak TLS with certificates that are not the mesh's.
func originates(t *v1alpha3.ClientTLSSettings) bool {
	mode := t.GetMode()
	return t != nil && (mode == v1alpha3.ClientTLSSettings_SIMPLE || mode == v1alpha3.ClientTLSSettings_MUTUAL)
}

func checkMissingCA(w *World, report Report) {
	groups := newOffences()
	peers := NewPeerPolicies(w)
	for h := range hops(NewRules(w)) {
		t := h.tls.Settings
		if !originates(t) || t.GetCaCertificates() != "" || t.GetCredentialName() != "" || t.GetInsecureSkipVerify().GetValue() {
			continue
		}
		for _, o := range h.servers {
			number, ok := o.servedPort(h.port)
			in, known := peers.Inbound(o, number)
			// To a STRICT port this is TLT0402's.
			if ok && known && strictServer(w, in, o, number) == "" {
				groups.add(h, o, Inbound{}, number, "is inside of the cluster, and no public CA signs its name")
			}
		}
	}
	for _, o := range groups.order {
		report(Finding{Object: o.first.tls.Rule.Ref, Field: o.first.tls.Field, Related: o.related, Message: fmt.Sprintf(
			"DestinationRule %s (%s) has the server %s verified by the operating system's CAs, as it sets no caCertificates, but %s",
			nameOf(o.first.tls.Rule.Meta), o.first.tls.Settings.GetMode(), few(o.ports), o.why)})
	}
}

// tlsBlock is one tls block of a rule.
type tlsBlock struct {
	field string
	tls   *v1alpha3.ClientTLSSettings
	port  uint32 // 0 for a destination's or subset's
}

// tlsBlocks returns all of a rule's.
func tlsBlocks(rule *DestinationRule) []tlsBlock {
	found := blocksOf(rule.Spec.GetTrafficPolicy(), "spec.trafficPolicy")
	for i, s := range rule.Spec.GetSubsets() {
		found = append(found, blocksOf(s.GetTrafficPolicy(), fmt.Sprintf("spec.subsets[%d].trafficPolicy", i))...)
	}
	return found
}

func blocksOf(policy *v1alpha3.TrafficPolicy, field string) []tlsBlock {
	var found []tlsBlock
	if policy.GetTls() != nil {
		found = append(found, tlsBlock{field + ".tls", policy.GetTls(), 0})
	}
	for i, p := range policy.GetPortLevelSettings() {
		if p.GetTls() != nil {
			found = append(found, tlsBlock{fmt.Sprintf("%s.portLevelSettings[%d].tls", field, i), p.GetTls(), p.GetPort().GetNumber()})
		}
	}
	return found
}

func checkClientFields(w *World, report Report) {
	for _, rule := range w.DestinationRules {
		for _, b := range tlsBlocks(rule) {
			if field, why := contradiction(b.tls); why != "" {
				report(Finding{Object: rule.Ref, Field: b.field + field, Message: fmt.Sprintf("DestinationRule %s: %s", nameOf(rule.Meta), why)})
			}
		}
	}
}

// contradiction says which field does not go with a mode, and why.
func contradiction(t *v1alpha3.ClientTLSSettings) (field, why string) {
	mine := t.GetClientCertificate() != "" || t.GetPrivateKey() != ""
	switch t.GetMode() {
	case v1alpha3.ClientTLSSettings_ISTIO_MUTUAL:
		for _, f := range []struct{ name, value string }{
			{"clientCertificate", t.GetClientCertificate()}, {"privateKey", t.GetPrivateKey()},
			{"caCertificates", t.GetCaCertificates()}, {"credentialName", t.GetCredentialName()},
		} {
			if f.value != "" {
				return "." + f.name, "ISTIO_MUTUAL uses Istio's certificates, but " + f.name + " is set: MUTUAL is the mode for one's own"
			}
		}
	case v1alpha3.ClientTLSSettings_MUTUAL:
		switch {
		case t.GetCredentialName() != "" && (mine || t.GetCaCertificates() != ""):
			return ".credentialName", "MUTUAL has a credentialName and files too: only one of them can be"
		case t.GetCredentialName() == "" && (t.GetClientCertificate() == "" || t.GetPrivateKey() == ""):
			return "", "MUTUAL needs clientCertificate and privateKey, or a credentialName: without a client certificate there is nothing to present"
		}
	}
	return "", ""
}

func checkSidecarCredential(w *World, report Report) {
	for _, rule := range w.DestinationRules {
		if rule.Spec.GetWorkloadSelector() != nil {
			continue
		}
		client := w.sidecarThatFollows(rule)
		if client == nil {
			continue
		}
		for _, b := range tlsBlocks(rule) {
			if name := b.tls.GetCredentialName(); originates(b.tls) && name != "" && !strings.HasPrefix(name, "configmap://") {
				report(Finding{Object: rule.Ref, Field: b.field + ".credentialName", Related: []Ref{client.Ref}, Message: fmt.Sprintf(
					"DestinationRule %s (%s to %s) names the credential %s, which sidecars like that of %s ignore without a workloadSelector: they send plaintext",
					nameOf(rule.Meta), b.tls.GetMode(), rule.Spec.GetHost(), name, titled(client.Meta))})
			}
		}
	}
}

// sidecarThatFollows returns a workload whose sidecar may follow a rule, one of the rule's own namespace if there is one.
func (w *World) sidecarThatFollows(rule *DestinationRule) *Workload {
	var found *Workload
	for _, o := range w.Workloads {
		if o.Membership != InSidecar {
			continue
		}
		if o.Namespace == rule.Namespace && ownUse(rule) {
			return o
		}
		if found == nil && o.Namespace != rule.Namespace && exportedTo(rule, o.Namespace) && w.onPath(rule) {
			found = o
		}
	}
	return found
}

// onPath says whether clients of other namespaces look for a rule where it is: beside the service, or in the root namespace.
func (w *World) onPath(rule *DestinationRule) bool {
	if rule.Namespace == w.Mesh.RootNamespace {
		return true
	}
	host := w.FullHost(rule.Spec.GetHost(), rule.Namespace)
	service := w.ServiceByHost(host, rule.Namespace)
	return (service != nil && service.Namespace == rule.Namespace) ||
		slices.ContainsFunc(w.EntriesByHost(host), func(e *ServiceEntry) bool { return e.Namespace == rule.Namespace })
}

func checkPortLevelSettings(w *World, report Report) {
	for _, rule := range w.DestinationRules {
		ports := w.servicePorts(rule)
		if len(ports) == 0 {
			continue
		}
		for _, b := range tlsBlocks(rule) {
			if b.port == 0 || slices.Contains(ports, b.port) {
				continue
			}
			report(Finding{Object: rule.Ref, Field: strings.TrimSuffix(b.field, ".tls") + ".port.number", Message: fmt.Sprintf(
				"DestinationRule %s sets %s for port %d, but %s has only %s", nameOf(rule.Meta), b.tls.GetMode(), b.port, rule.Spec.GetHost(), numbers(ports))})
		}
	}
}

// servicePorts returns the ports that a rule's host has, of services and service entries; none if the host was not read.
func (w *World) servicePorts(rule *DestinationRule) []uint32 {
	var ports []uint32
	for _, s := range w.ServicesByHost(rule.Spec.GetHost(), rule.Namespace) {
		for _, p := range s.Spec.Ports {
			ports = append(ports, uint32(p.Port))
		}
	}
	for _, e := range w.EntriesByHost(w.FullHost(rule.Spec.GetHost(), rule.Namespace)) {
		for _, p := range e.Spec.GetPorts() {
			ports = append(ports, p.GetNumber())
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func checkDroppedTLS(w *World, report Report) {
	type place struct {
		rule  *DestinationRule
		field string
	}
	seen := map[place]bool{}
	for h := range hops(NewRules(w)) {
		at := place{h.tls.Rule, h.tls.Field}
		if h.tls.Settings != nil || !originates(h.tls.Dropped) || seen[at] {
			continue
		}
		seen[at] = true
		report(Finding{Object: h.tls.Rule.Ref, Field: strings.TrimSuffix(h.tls.Field, ".tls"), Related: []Ref{h.service.Ref}, Message: fmt.Sprintf(
			"DestinationRule %s has %s for %s, but its setting for port %d has no tls and inherits none: clients send plaintext there",
			nameOf(h.tls.Rule.Meta), h.tls.Dropped.GetMode(), h.host, h.port.Port)})
	}
}

func checkSameHost(w *World, report Report) {
	type key struct{ ns, host string }
	first := map[key]*DestinationRule{}
	for _, rule := range oldestFirst(w.DestinationRules) {
		if rule.Spec.GetTrafficPolicy() == nil || rule.Spec.GetWorkloadSelector() != nil {
			continue
		}
		k := key{rule.Namespace, w.FullHost(rule.Spec.GetHost(), rule.Namespace)}
		winner := first[k]
		if winner == nil {
			first[k] = rule
			continue
		}
		if !sameExports(winner, rule) || sameTLS(winner.Spec.GetTrafficPolicy(), rule.Spec.GetTrafficPolicy()) {
			continue
		}
		report(Finding{Object: rule.Ref, Field: "spec.trafficPolicy", Related: []Ref{winner.Ref}, Message: ignoredRule(winner, rule, k.host)})
	}
}

func ignoredRule(winner, loser *DestinationRule, host string) string {
	if winsUnknown(&winner.Meta, &loser.Meta) {
		return fmt.Sprintf("DestinationRules %s and %s both have a trafficPolicy for %s, with different TLS: only that of the one that is created first will count",
			nameOf(winner.Meta), nameOf(loser.Meta), host)
	}
	return fmt.Sprintf("DestinationRule %s has a trafficPolicy for %s that is ignored: %s is older, and its TLS is another", nameOf(loser.Meta), host, nameOf(winner.Meta))
}

// sameExports says whether two rules are exported alike: if not, Istio may keep them apart.
func sameExports(a, b *DestinationRule) bool {
	x, y := slices.Sorted(slices.Values(a.Spec.GetExportTo())), slices.Sorted(slices.Values(b.Spec.GetExportTo()))
	return slices.Equal(x, y)
}

// sameTLS says whether two traffic policies say the same about TLS.
func sameTLS(a, b *v1alpha3.TrafficPolicy) bool {
	return slices.EqualFunc(blocksOf(a, ""), blocksOf(b, ""), func(x, y tlsBlock) bool {
		return x.port == y.port && x.tls.String() == y.tls.String()
	})
}

func checkNoAutoMTLS(w *World, report Report) {
	if w.Mesh.AutoMTLS {
		return
	}
	peers, rules := NewPeerPolicies(w), NewRules(w)
	var ports []string
	related := refs{}
	why := ""
	for _, s := range w.Services {
		for _, p := range s.Spec.Ports {
			if rules.For(Client{Namespace: s.Namespace}, w.HostOf(s), s.Namespace).TLS(uint32(p.Port), "").Settings != nil {
				continue
			}
			for _, o := range w.WorkloadsOf(s) {
				number, ok := o.servedPort(p)
				in, known := peers.Inbound(o, number)
				if !ok || !known || strictServer(w, in, o, number) == "" {
					continue
				}
				if why == "" {
					why = titled(o.Meta) + " " + strictServer(w, in, o, number)
				}
				ports = append(ports, fmt.Sprintf("%s:%d", w.HostOf(s), p.Port))
				related.add(s.Ref, o.Ref)
			}
		}
	}
	if len(ports) > 0 {
		report(Finding{Object: w.Mesh.Ref, Field: "data.mesh", Related: related, Message: fmt.Sprintf(
			"enableAutoMtls is false, and no DestinationRule makes clients speak mutual TLS to %s, but %s", few(ports), why)})
	}
}
