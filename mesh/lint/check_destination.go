package lint

import (
	"fmt"
	"slices"

	"istio.io/api/networking/v1alpha3"
)

func destinationChecks() []Check {
	return []Check{
		{
			ID: "TLT0401", Name: "plaintext-to-strict", Severity: Error, Topic: TopicDestination,
			Summary: "A DestinationRule makes clients send plaintext to a port that accepts only mutual TLS.",
			Explain: "tls.mode DISABLE overrides automatic mutual TLS. The server's proxy is STRICT by PeerAuthentication, finds no TLS in the first bytes and closes the " +
				"connection, which the client sees as a reset. A server in ambient mode is not reported: it is reached through HBONE whatever the rule says.",
			Fix:   "Remove the tls block (automatic mutual TLS then does what the server asks for), or set ISTIO_MUTUAL; or make the port PERMISSIVE.",
			Known: []string{"KIA0207", "KIA0208"},
			Needs: []Kind{KindPeerAuthentication, KindService, KindNamespace},
			Run:   modeCheck(v1alpha3.ClientTLSSettings_DISABLE, strictServer, "sends plaintext (DISABLE)", "and closes what is not TLS"),
		},
		{
			ID: "TLT0402", Name: "one-way-tls-to-strict", Severity: Error, Topic: TopicDestination,
			Summary: "A DestinationRule makes clients speak TLS without a client certificate to a port that accepts only mutual TLS.",
			Explain: "tls.mode SIMPLE presents no client certificate, and verifies the server by the CAs of the operating system or of caCertificates. The server's proxy presents the " +
				"mesh's certificate, which those do not know, and asks for a client certificate: either side gives up.",
			Fix:   "Remove the tls block, or set ISTIO_MUTUAL. If the application serves TLS itself, make the port DISABLE in the PeerAuthentication.",
			Needs: []Kind{KindPeerAuthentication, KindService, KindNamespace},
			Run:   modeCheck(v1alpha3.ClientTLSSettings_SIMPLE, strictServer, "speaks TLS without a client certificate (SIMPLE)", "and refuses a client without one"),
		},
		{
			ID: "TLT0403", Name: "own-certificate-to-strict", Severity: Warning, Topic: TopicDestination,
			Summary: "A DestinationRule makes clients present a certificate of their own to a port that accepts only the mesh's.",
			Explain: "tls.mode MUTUAL takes the certificate from files or a Secret. A STRICT server accepts only certificates that the mesh's root has signed, with a SPIFFE name of its " +
				"trust domain. Whether the files hold such a one is not known here.",
			Fix:   "Set ISTIO_MUTUAL, which uses the certificate that Istio issues to each workload.",
			Needs: []Kind{KindPeerAuthentication, KindService, KindNamespace},
			Run:   modeCheck(v1alpha3.ClientTLSSettings_MUTUAL, strictServer, "presents a certificate of its own (MUTUAL)", "signed by the mesh's root"),
		},
		{
			ID: "TLT0404", Name: "mutual-tls-to-no-proxy", Severity: Error, Topic: TopicDestination,
			Summary: "A DestinationRule makes clients speak the mesh's mutual TLS to a port where no proxy answers it.",
			Explain: "tls.mode ISTIO_MUTUAL is spoken to every endpoint, whatever it can. A workload without a sidecar, a port that an annotation takes from the sidecar, and a port " +
				"with the mode DISABLE hand the ClientHello to the application, which does not expect it.",
			Fix:   "Remove the tls block: automatic mutual TLS goes by what each endpoint can. Or bring the server into the mesh.",
			Known: []string{"KIA0205", "KIA0206", "KIA0505", "KIA0506"},
			Needs: []Kind{KindPeerAuthentication, KindService, KindNamespace},
			Run:   modeCheck(v1alpha3.ClientTLSSettings_ISTIO_MUTUAL, noMutualTLS, "speaks the mesh's mutual TLS (ISTIO_MUTUAL)", ""),
		},
		{
			ID: "TLT0405", Name: "server-names-never-presented", Severity: Error, Topic: TopicDestination,
			Summary: "A DestinationRule expects names that the server's certificate does not have.",
			Explain: "With ISTIO_MUTUAL, subjectAltNames replaces the names that Istio would expect, and is compared exactly. The certificate of a workload holds one name, " +
				"spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT. An alias of the trust domain is accepted from others but never presented: a rule that lists only the alias fails. " +
				"Pods that have not renewed their certificate since a change of the trust domain, and certificates of an external CA, are not seen here.",
			Fix:   "Remove subjectAltNames (Istio then expects the service accounts of the endpoints), or list the server's.",
			Needs: []Kind{KindService, KindNamespace},
			Run:   checkSubjectAltNames,
		},
	}
}

// verdictOf judges one server's port: why a client that follows a rule fails there, "" if it does not.
type verdictOf func(w *World, in Inbound, o *Workload, number uint32) string

// strictServer finds ports whose sidecar accepts only mutual TLS.
func strictServer(_ *World, in Inbound, o *Workload, number uint32) string {
	if !in.Proxied || in.Mode != Strict || o.Membership != InSidecar {
		return ""
	}
	return "accepts only mutual TLS on port " + fmt.Sprint(number) + " by " + in.Policy.Source(number)
}

// noMutualTLS finds ports where the application meets the mesh's TLS.
func noMutualTLS(_ *World, in Inbound, o *Workload, number uint32) string {
	switch {
	case in.Bypass != "":
		return fmt.Sprintf("keeps port %d from its sidecar (%s)", number, in.Bypass)
	case !in.Proxied:
		return "has no proxy (" + o.Why + ")"
	case in.Mode == Disable && o.Membership == InSidecar:
		return fmt.Sprintf("has mutual TLS off on port %d by %s", number, in.Policy.Source(number))
	}
	return ""
}

// modeCheck makes the check of one client mode against the servers.
func modeCheck(mode v1alpha3.ClientTLSSettings_TLSmode, judge verdictOf, does, after string) func(*World, Report) {
	return func(w *World, report Report) {
		peers := NewPeerPolicies(w)
		groups := newOffences()
		for h := range hops(NewRules(w)) {
			if h.tls.Settings == nil || h.tls.Settings.GetMode() != mode {
				continue
			}
			for _, o := range h.servers {
				number, ok := o.servedPort(h.port)
				in, known := peers.Inbound(o, number)
				if !ok || !known {
					continue
				}
				if why := judge(w, in, o, number); why != "" {
					groups.add(h, o, in, number, why)
				}
			}
		}
		groups.report(report, does, after)
	}
}

// offence is one setting of a rule, and the servers that it does not suit.
type offence struct {
	first   hop
	why     string
	ports   []string
	related refs
}

// offences gathers what one setting does to all the ports it is for, so that a rule for "*.local" is one finding and not thousands.
type offences struct {
	order []*offence
	by    map[[2]string]*offence
}

func newOffences() *offences { return &offences{by: map[[2]string]*offence{}} }

func (a *offences) add(h hop, o *Workload, in Inbound, number uint32, why string) {
	key := [2]string{nameOf(h.tls.Rule.Meta), h.tls.Field}
	found := a.by[key]
	if found == nil {
		found = &offence{first: h, why: fmt.Sprintf("%s %s", titled(o.Meta), why)}
		a.by[key] = found
		a.order = append(a.order, found)
	}
	found.ports = append(found.ports, fmt.Sprintf("%s:%d", h.host, h.port.Port))
	found.related.add(h.service.Ref, o.Ref)
	if policy, _ := in.Policy.PolicyOf(number); policy != nil {
		found.related.add(policy.Ref)
	}
}

func (a *offences) report(report Report, does, after string) {
	for _, o := range a.order {
		message := fmt.Sprintf("DestinationRule %s makes a client that %s to %s, but %s", nameOf(o.first.tls.Rule.Meta), does, few(o.ports), o.why)
		if after != "" {
			message += " " + after
		}
		report(Finding{Object: o.first.tls.Rule.Ref, Field: o.first.tls.Field + ".mode", Related: o.related, Message: message})
	}
}

func checkSubjectAltNames(w *World, report Report) {
	type place struct {
		rule  *DestinationRule
		field string
	}
	seen := map[place]bool{}
	for h := range hops(NewRules(w)) {
		expected := h.tls.Settings.GetSubjectAltNames()
		if h.tls.Settings.GetMode() != v1alpha3.ClientTLSSettings_ISTIO_MUTUAL || len(expected) == 0 {
			continue
		}
		at := place{h.tls.Rule, h.tls.Field}
		for _, o := range h.servers {
			name := w.identity(o)
			if seen[at] || (o.Membership != InSidecar && o.Membership != InAmbient) || slices.Contains(expected, name) {
				continue
			}
			seen[at] = true
			report(Finding{Object: h.tls.Rule.Ref, Field: h.tls.Field + ".subjectAltNames", Related: []Ref{h.service.Ref, o.Ref}, Message: fmt.Sprintf(
				"DestinationRule %s expects %s of %s, but %s presents %s%s", nameOf(h.tls.Rule.Meta), few(expected), h.host, titled(o.Meta), name, w.aliasNote(expected, o))})
		}
	}
}

// aliasNote adds that the name would fit if it were not for an alias of the trust domain.
func (w *World) aliasNote(expected []string, o *Workload) string {
	for _, alias := range w.Mesh.TrustDomainAliases {
		if slices.Contains(expected, spiffeScheme+alias+"/ns/"+o.Namespace+"/sa/"+o.ServiceAccount) {
			return "; " + alias + " is only an alias of the trust domain"
		}
	}
	return ""
}
