package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
)

func gatewayChecks() []Check {
	return []Check{
		{
			ID: "TLT0501", Name: "gateway-credential-missing", Severity: Error, Topic: TopicGateway,
			Summary: "A Gateway names a Secret that does not exist.",
			Explain: "Without its Secret the server has no certificate: the gateway opens no listener for it, or ends every handshake.",
			Fix:     "Create the Secret in the namespace of the gateway's pods, or correct credentialName.",
			Known:   []string{"IST0101"},
			Needs:   []Kind{KindSecret, KindPod},
			Run:     checkCredentialMissing,
		},
		{
			ID: "TLT0502", Name: "gateway-credential-in-other-namespace", Severity: Error, Topic: TopicGateway,
			Summary: "A Gateway's Secret is not in the namespace of the gateway's pods.",
			Explain: "credentialName is looked up in the namespace of the proxy that serves, not in that of the Gateway object " +
				"(istio.io/docs/tasks/traffic-management/ingress/secure-ingress, istio.io/docs/reference/config/networking/gateway/#ServerTLSSettings).",
			Fix:   "Move or copy the Secret to the namespace of the gateway's pods.",
			Known: []string{"IST0101"},
			Needs: []Kind{KindSecret, KindPod},
			Run:   checkCredentialElsewhere,
		},
		{
			ID: "TLT0507", Name: "gateway-host-served-twice", Severity: Warning, Topic: TopicGateway,
			Summary: "Two servers of one gateway have the same host on the same port, with different TLS.",
			Explain: "Which of the two answers a ClientHello with that SNI depends on the order in which they are processed; the other one's certificate and mode are never seen.",
			Fix:     "Let one server have the host.",
			Known:   []string{"IST0145", "KIA0301"},
			Run:     checkHostTwice,
		},
		{
			ID: "TLT0508", Name: "gateway-without-client-ca", Severity: Error, Topic: TopicGateway,
			Summary: "A Gateway asks for client certificates, but has no CA to verify them by.",
			Explain: "MUTUAL and OPTIONAL_MUTUAL verify the client by the key ca.crt (or cacert) of the Secret, or by a Secret of the same name that ends in -cacert " +
				"(istio.io/docs/tasks/traffic-management/ingress/secure-ingress/#configure-a-mutual-tls-ingress-gateway). Without it the listener is not ready.",
			Fix:   "Add ca.crt to the Secret, or a Secret NAME-cacert with it.",
			Needs: []Kind{KindSecret, KindPod},
			Run:   checkClientCA,
		},
		{
			ID: "TLT0509", Name: "gateway-server-without-certificate", Severity: Error, Topic: TopicGateway,
			Summary: "A server of a Gateway terminates TLS, but names no certificate.",
			Explain: "SIMPLE and MUTUAL need a credentialName, or serverCertificate with privateKey (istio.io/docs/reference/config/networking/gateway/#ServerTLSSettings). Istio's webhook " +
				"refuses the object; where it is off, the server does not come up.",
			Fix: "Name a Secret in credentialName.",
			Run: checkNoCertificate,
		},
	}
}

func checkCredentialMissing(w *World, report Report) {
	for _, use := range credentialUses(w) {
		if len(w.elsewhere(use)) > 0 {
			continue // TLT0502
		}
		for _, ns := range use.spaces {
			if w.Secret(ns, use.name) == nil && w.Complete(KindSecret, ns) {
				report(Finding{Object: use.object.Ref, Field: use.field, Related: use.related, Message: fmt.Sprintf(
					"Gateway %s needs Secret %s in namespace %s, where its pods are, and there is none", nameOf(use.object), use.name, ns)})
			}
		}
	}
}

// elsewhere returns Secrets of the same name in namespaces where the gateway does not look.
func (w *World) elsewhere(use credentialUse) []*Secret {
	var found []*Secret
	for _, s := range w.Secrets {
		if s.Name == use.name && !slices.Contains(use.spaces, s.Namespace) {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b *Secret) int {
		return boolRank(a.Namespace != use.object.Namespace) - boolRank(b.Namespace != use.object.Namespace)
	})
	return found
}

func checkCredentialElsewhere(w *World, report Report) {
	for _, use := range credentialUses(w) {
		for _, ns := range use.spaces {
			if w.Secret(ns, use.name) != nil || !w.Complete(KindSecret, ns) {
				continue
			}
			for _, s := range w.elsewhere(use)[:min(1, len(w.elsewhere(use)))] {
				related := refs{s.Ref}
				related.add(use.related...)
				report(Finding{Object: use.object.Ref, Field: use.field, Related: related, Message: fmt.Sprintf(
					"Gateway %s needs Secret %s in namespace %s, where its pods are, but it is in %s", nameOf(use.object), use.name, ns, s.Namespace)})
			}
		}
	}
}

// gatewayServer is one server of a Gateway.
type gatewayServer struct {
	gateway *Gateway
	server  *v1alpha3.Server
	index   int
}

func checkHostTwice(w *World, report Report) {
	type at struct {
		selector, bind, host string
		port                 uint32
	}
	first := map[at]gatewayServer{}
	for _, g := range oldestFirst(w.Gateways) {
		for i, server := range g.Spec.GetServers() {
			if server.GetTls() == nil || server.GetTls().GetHttpsRedirect() && server.GetTls().GetMode() == v1alpha3.ServerTLSSettings_PASSTHROUGH && !strings.EqualFold(server.GetPort().GetProtocol(), "TLS") {
				continue
			}
			for j, host := range hostsOf(server) {
				key := at{spellAll(g.Spec.GetSelector()), server.GetBind(), strings.ToLower(host), server.GetPort().GetNumber()}
				before, twice := first[key]
				if !twice {
					first[key] = gatewayServer{g, server, i}
					continue
				}
				if before.gateway == g && before.index == i || sameServerTLS(before.server.GetTls(), server.GetTls()) {
					continue
				}
				report(Finding{Object: g.Ref, Field: fmt.Sprintf("spec.servers[%d].hosts[%d]", i, j), Related: []Ref{before.gateway.Ref}, Message: fmt.Sprintf(
					"Gateway %s serves %s on port %d as %s, and so does Gateway %s as %s: only one of them answers", nameOf(g.Meta), host, key.port,
					spellServer(server), nameOf(before.gateway.Meta), spellServer(before.server))})
			}
		}
	}
}

// spellAll spells a selector as a key: all labels, in order.
func spellAll(labels map[string]string) string {
	var items []string
	for key, value := range labels {
		items = append(items, key+"="+value)
	}
	slices.Sort(items)
	return strings.Join(items, ",")
}

func spellServer(s *v1alpha3.Server) string {
	name := cmp.Or(s.GetTls().GetCredentialName(), strings.Join(s.GetTls().GetCredentialNames(), ", "), s.GetTls().GetServerCertificate())
	if name == "" {
		return s.GetTls().GetMode().String()
	}
	return s.GetTls().GetMode().String() + " with " + name
}

func sameServerTLS(a, b *v1alpha3.ServerTLSSettings) bool {
	return a.GetMode() == b.GetMode() && a.GetCredentialName() == b.GetCredentialName() && a.GetServerCertificate() == b.GetServerCertificate() &&
		slices.Equal(a.GetCredentialNames(), b.GetCredentialNames())
}

func checkClientCA(w *World, report Report) {
	for _, use := range credentialUses(w) {
		if !use.mutual || use.caNamed {
			continue
		}
		for _, s := range w.secrets(use) {
			if s.Spec.Sealed || len(s.Spec.Data["ca.crt"]) > 0 || len(s.Spec.Data["cacert"]) > 0 {
				continue
			}
			if w.Secret(s.Namespace, use.name+"-cacert") != nil || !w.Complete(KindSecret, s.Namespace) {
				continue
			}
			report(Finding{Object: use.object.Ref, Field: use.field, Related: []Ref{s.Ref}, Message: fmt.Sprintf(
				"Gateway %s asks for client certificates, but Secret %s has no ca.crt or cacert, and there is no Secret %s-cacert", nameOf(use.object), nameOf(s.Meta), use.name)})
		}
	}
}

func checkNoCertificate(w *World, report Report) {
	for _, g := range w.Gateways {
		for i, server := range g.Spec.GetServers() {
			t := server.GetTls()
			if !terminates(t) || t.GetCredentialName() != "" || len(t.GetCredentialNames()) > 0 || len(t.GetTlsCertificates()) > 0 ||
				(t.GetServerCertificate() != "" && t.GetPrivateKey() != "") {
				continue
			}
			report(Finding{Object: g.Ref, Field: fmt.Sprintf("spec.servers[%d].tls", i), Message: fmt.Sprintf(
				"Gateway %s terminates TLS (%s) for %s on port %d, but names no certificate", nameOf(g.Meta), t.GetMode(), few(hostsOf(server)), server.GetPort().GetNumber())})
		}
	}
}
