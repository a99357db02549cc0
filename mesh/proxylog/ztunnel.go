package proxylog

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// ztunnel's access log (ConnectionResult and log_early_deny in its src/proxy/metrics.rs): the logger is "access", the text one of these,
// and what failed is in the value "error". Before 1.26 a failed handshake of an incoming connection was logged by hyper_util, without ends.
const (
	scopeAccess = "access"
	scopeHyper  = "hyper_util"
)

// ztunnelEvent reads a message of ztunnel. It is false for what is no failure of TLS.
func ztunnelEvent(m message) (event.Event, bool) {
	said := m.values["error"]
	if m.scope == scopeHyper {
		_, said, _ = strings.Cut(m.text, "TLS handshake error: ")
	} else if m.scope != scopeAccess || m.text != "connection failed" && m.text != "connection complete" {
		return event.Event{}, false
	}
	f, ok := rustFailure(said)
	if !ok {
		return event.Event{}, false
	}
	f.side = event.Unknown
	switch m.values["direction"] {
	case "inbound":
		f.side = event.Server
	case "outbound":
		f.side = event.Client
	}
	if m.scope == scopeHyper {
		f.side = event.Server // only what it accepts is told so
	}
	e := f.event()
	e.Time = m.time
	e.Client, e.Server = endpoint(m.values["src.addr"]), endpoint(m.values["dst.addr"])
	e.Client.K8s, e.Server.K8s = ztunnelEnd(m.values, "src."), ztunnelEnd(m.values, "dst.")
	return e, true
}

// ztunnelEnd names one end: the workload that ztunnel names is the pod.
func ztunnelEnd(values map[string]string, end string) *event.K8s {
	k := event.K8s{Namespace: name(values[end+"namespace"]), Pod: name(values[end+"workload"])}
	if s := service(values[end+"service"]); s != nil && (k.Namespace == "" || k.Namespace == s.Namespace) {
		k.Namespace, k.Service = s.Namespace, s.Service
	}
	if id := identity(values[end+"identity"]); id != nil {
		k.ServiceAccount = id.ServiceAccount
		if k.Namespace == "" {
			k.Namespace = id.Namespace
		}
	}
	if k == (event.K8s{}) {
		return nil
	}
	return &k
}

// strictPolicy is the policy into which istiod turns a STRICT PeerAuthentication for ztunnel: who has no identity is refused.
const strictPolicy = "istio_converted_static_strict"

// rustFailure reads the error of ztunnel (Error in its src/proxy.rs, TlsError in src/tls/lib.rs), whose innermost part is that of rustls or
// of the operating system.
func rustFailure(said string) (failure, bool) {
	switch {
	case strings.HasPrefix(said, "connection closed due to policy rejection: ") && strings.HasSuffix(said, "/"+strictPolicy):
		return spoke("ztunnel", strictPolicy), true
	case strings.Contains(said, "Timeout during TLS handshake"), strings.Contains(said, "tls handshake timeout"):
		return spoke("ztunnel", "Timeout during TLS handshake"), true
	}
	if _, why, ok := strings.Cut(said, "identity verification error: "); ok {
		text, _, _ := strings.Cut(why, " (")
		return spoke("rustls", text), true
	}
	if _, inner, ok := strings.Cut(said, "tls handshake error: "); ok {
		return handshakeError(inner)
	}
	for _, begin := range []string{"invalid peer certificate: ", "received fatal alert: ", "peer sent no certificates"} {
		if at := strings.Index(said, begin); at >= 0 {
			return displayed(said[at:])
		}
	}
	return failure{}, false
}

func spoke(library, text string) failure {
	return failure{library: &event.Library{Name: library, ErrorText: text}}
}

// handshakeError reads an io::Error as Rust's Debug writes it: Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }, or
// Os { code: 104, kind: ConnectionReset, message: "Connection reset by peer" }.
func handshakeError(said string) (failure, bool) {
	if rest, ok := strings.CutPrefix(said, "Os { code: "); ok {
		if errno := errnoName(leadingDigits(rest)); errno != "" {
			return failure{errno: errno}, true
		}
	}
	_, inner, ok := strings.Cut(said, "error: ")
	if !ok {
		return failure{}, false
	}
	inner = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(inner), "}"))
	if text := strings.Trim(inner, `"`); text != inner {
		if text == "tls handshake eof" {
			return spoke("ztunnel", text), true
		}
		return displayed(text)
	}
	return rustlsDebug(inner), true
}

// rustlsDebug reads an error of rustls in the form of Debug. Structures lose their contents: NotValidForNameContext { expected: ... }.
func rustlsDebug(text string) failure {
	if alert, ok := inside(text, "AlertReceived("); ok {
		return spoke("rustls", "received "+alertName(alert))
	}
	for _, outer := range []string{"InvalidCertificate(", "PeerIncompatible(", "PeerMisbehaved(", "InvalidMessage("} {
		if inner, ok := inside(text, outer); ok {
			return spoke("rustls", outer+variant(inner)+")")
		}
	}
	return spoke("rustls", variant(text))
}

// displayed reads an error of rustls in the form of Display, as far as it says more than Debug's words.
func displayed(text string) (failure, bool) {
	if why, ok := strings.CutPrefix(text, "invalid peer certificate: "); ok {
		switch {
		case strings.HasPrefix(why, "certificate expired"):
			why = "Expired"
		case strings.HasPrefix(why, "certificate not valid yet"):
			why = "NotValidYet"
		case strings.HasPrefix(why, "certificate not valid for name"):
			why = "NotValidForName"
		case why == "CertExpired": // the webpki library's word for it
			why = "Expired"
		case why == "CertNotValidYet":
			why = "NotValidYet"
		}
		return spoke("rustls", "InvalidCertificate("+variant(why)+")"), true
	}
	if alert, ok := strings.CutPrefix(text, "received fatal alert: "); ok {
		return spoke("rustls", "received "+alertName(alert)), true
	}
	if text == "peer sent no certificates" {
		return spoke("rustls", "NoCertificatesPresented"), true
	}
	return spoke("rustls", bounded(text, maxWords)), text != ""
}

// inside returns what stands in the parentheses that open opens.
func inside(s, open string) (string, bool) {
	rest, ok := strings.CutPrefix(s, open)
	if !ok {
		return "", false
	}
	if end := strings.LastIndexByte(rest, ')'); end >= 0 {
		rest = rest[:end]
	}
	return rest, true
}

// variant is the name of an enum's variant, without its contents.
func variant(s string) string {
	if end := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	}); end >= 0 {
		s = s[:end]
	}
	return bounded(s, maxWords)
}

// alertName spells an alert of rustls (AlertDescription in its enums.rs) as IANA does: CertificateExpired, certificate_expired.
func alertName(camel string) string {
	camel = variant(camel)
	switch camel {
	case "UnknownCA":
		return "unknown_ca"
	case "UnknownPSKIdentity":
		return "unknown_psk_identity"
	case "BadCertificateStatusResponse":
		return "bad_certificate_status_response"
	}
	var out strings.Builder
	for i, r := range camel {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				out.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}
