package scenarios

import (
	"crypto/tls"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

var (
	allServers = []serverStack{
		opensslServer, nginxServer, gnutlsServer, pythonServer, nodeServer, goServer, haproxyServer, apacheServer, stunnelServer,
		boringsslServer, javaServer,
	}
	// namedClients look at the name in the server's certificate, too.
	namedClients = []clientStack{
		opensslClient, curlClient, gnutlsClient, pythonClient, nodeClient, goClient, stunnelClient, curlGnutlsClient, javaClient,
	}
	allClients = append(slices.Clip(namedClients), boringsslClient)
)

// badCertificate is a server's certificate that clients refuse.
type badCertificate struct {
	name   string
	pair   func(*pki) keyPair
	reason event.Reason // what is wrong with it
	alert  event.Reason // what OpenSSL's alert calls it
	proof  string
}

var badCertificates = []badCertificate{
	{"expired", func(p *pki) keyPair { return p.expired },
		event.CertificateExpired, event.CertificateExpired, `(?i)expired|validity check failed`},
	{"not yet valid", func(p *pki) keyPair { return p.notYetValid },
		event.CertificateNotYetValid, event.BadCertificate, `(?i)not yet|not.activ|NOT_YET_VALID|is before|validity check failed`},
	{"self-signed", func(p *pki) keyPair { return p.selfSigned },
		event.SelfSigned, event.UnknownCA, `(?i)self.signed|SELF_SIGNED|unknown authority|issuer is unknown|path building failed`},
	{"unknown CA", func(p *pki) keyPair { return p.byOtherCA },
		event.UnknownCA, event.UnknownCA, `(?i)unable to (get local issuer|verify)|UNABLE_TO|unknown authority|issuer is unknown|path building failed`},
	{"wrong name", func(p *pki) keyPair { return p.wrongName },
		event.NameMismatch, event.BadCertificate, `(?i)mismatch|does not match|ALTNAME|valid for|No subject alternative|Subject checks failed`},
}

// serverCertificateFailures are servers' certificates that clients refuse.
func serverCertificateFailures() []failure {
	var all []failure
	for _, b := range badCertificates {
		clients := allClients
		if b.reason == event.NameMismatch {
			clients = namedClients
		}
		all = append(all, failure{
			name: b.name, servers: allServers, clients: clients, versions: bothVersions,
			set:   func(p *pki, _ uint16, s *serverSettings, _ *clientSettings) { s.pair = b.pair(p) },
			truth: b.truth,
		})
	}
	return all
}

// truth depends on how the client says no: OpenSSL sends a telling alert in clear in both versions; Go and GnuTLS send
// bad_certificate, encrypted in TLS 1.3, where only the library can tell that it was that. Node says nothing and closes; in TLS 1.2 it does so after the last message of
// the handshake, as curl does in both versions if only the name is wrong.
func (b badCertificate) truth(m pairing) Truth {
	w := Truth{
		Reasons: []event.Reason{b.reason, b.alert},
		GaveUp:  []event.Side{event.Client},
		LookAt:  []event.Side{event.Server},
		Phases:  []event.Phase{event.PhaseServerCertificate},
		Proof:   b.proof,
	}
	if b.alert != event.CertificateExpired {
		w.LookAt = append(w.LookAt, event.Client) // its trust store, its clock, or the name that it asks for
	}
	if m.client == "boringssl" || m.client == "curl-gnutls" { // they do not print why
		w.Proof += `|CERTIFICATE_VERIFY_FAILED|certificate verification failed`
	}
	if m.client == "boringssl" && b.reason == event.CertificateNotYetValid { // its alert, which RFC 8446 has for both
		w.Reasons = append(w.Reasons, event.CertificateExpired)
	}
	in12 := m.version == tls.VersionTLS12
	switch {
	case m.client == "node" && in12, m.client == "curl-gnutls", m.client == "curl" && b.reason == event.NameMismatch:
		w.Certainty, w.Phases = May, nil
		w.Vague = []event.Reason{event.ServerCertificateRejected, event.ClosedByClient, event.ResetByClient}
	case m.client == "stunnel" && b.reason == event.NameMismatch: // refuses in a callback, and OpenSSL does not know why
		w.Reasons = append(w.Reasons, event.ServerCertificateRejected)
		w.Vague = []event.Reason{event.InternalError}
	case m.client == "node":
		w.Reasons = append(w.Reasons, event.ServerCertificateRejected, event.ClosedByClient)
		w.LookAt = eitherEnd
	case m.client == "go", m.client == "gnutls", m.client == "java", m.client == "boringssl":
		w.Reasons = append(w.Reasons, event.ServerCertificateRejected, event.BadCertificate)
	case b.alert == event.BadCertificate:
		w.Reasons = append(w.Reasons, event.ServerCertificateRejected)
	}
	return w
}
