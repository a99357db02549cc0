package scenarios

import (
	"crypto/tls"

	"github.com/tlstrace/tlstrace/event"
)

// verifyingServers reject a client's certificate. nginx is not among them: it answers HTTP 400 on a healthy handshake.
var verifyingServers = []serverStack{
	opensslServer, gnutlsServer, pythonServer, nodeServer, goServer, haproxyServer, apacheServer, stunnelServer, javaServer,
}

// badClient is a client certificate, or the lack of one, that servers refuse.
type badClient struct {
	name   string
	pair   func(*pki) keyPair
	reason event.Reason
	clear  []event.Reason // what else the alert in TLS 1.2 may honestly be read as
	proof  string
}

var badClients = []badClient{
	{"client certificate missing", func(*pki) keyPair { return keyPair{} },
		event.ClientCertificateRequired, nil,
		`(?i)did not return a certificate|didn't provide a certificate|did_not_return|no certificate|certificate is required|empty client certificate`},
	{"client certificate by another CA", func(p *pki) keyPair { return p.clientByOtherCA },
		event.UnknownCA, []event.Reason{event.ClientCertificateRejected},
		`(?i)unable to (get local issuer|verify)|verify failed|unknown authority|issuer is unknown|not trusted|path building failed`},
	{"client certificate expired", func(p *pki) keyPair { return p.clientExpired },
		event.CertificateExpired, nil, `(?i)expired|validity check failed`},
}

// clientCertificateFailures are clients' certificates that servers refuse.
func clientCertificateFailures() []failure {
	var all []failure
	for _, b := range badClients {
		all = append(all, failure{
			name: b.name, servers: verifyingServers, clients: allClients, versions: bothVersions,
			set: func(p *pki, _ uint16, s *serverSettings, c *clientSettings) {
				s.clientCA, c.pair = p.ca, b.pair(p)
			},
			truth: b.truth,
		})
	}
	return all
}

// truth: the server's alert is in clear in TLS 1.2 and 19 encrypted bytes after the client's last flight in TLS 1.3.
func (b badClient) truth(m pairing) Truth {
	w := Truth{
		Reasons: append([]event.Reason{b.reason}, b.clear...),
		GaveUp:  []event.Side{event.Server},
		LookAt:  []event.Side{event.Client},
		Phases:  []event.Phase{event.PhaseClientCertificate},
		Proof:   b.proof,
	}
	missing := b.reason == event.ClientCertificateRequired
	if m.client == "java" && m.server != "python" && b.reason == event.UnknownCA {
		// It sends no certificate that the CAs which the server names did not issue. Python names none.
		return badClients[0].truth(m)
	}
	if m.version == tls.VersionTLS13 && !missing {
		w.Reasons = append(w.Reasons, event.ClientCertificateRejected)
	}
	switch {
	case m.server == "gnutls": // its alert is access_denied, whatever the reason
		w.Reasons = append(w.Reasons, event.ClientCertificateRejected)
		w.Proof = `(?i)error in the certificate|certificate is required|no certificate|access denied`
	case m.server == "haproxy": // OpenSSL's words tell that, but not why
		w.Proof += `|certificate verify failed`
	case m.server == "java" && !missing: // its alert is certificate_unknown, whatever the reason
		w.Reasons = append(w.Reasons, event.ClientCertificateRejected)
	case m.server == "node" && !missing: // it closes without a word
		w.Reasons = append(w.Reasons, event.ClientCertificateRejected, event.ClosedByServer)
		w.Proof = `(?i)hang up|EOF|closed|terminat|reset|empty reply`
	}
	return w
}
