package scenarios

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// eitherEnd is where to look when two configurations do not fit: nobody can say which of them is wrong.
var eitherEnd = []event.Side{event.Client, event.Server, event.Unknown}

// negotiationFailures are ends that have nothing in common, and names that a server does not serve.
func negotiationFailures() []failure {
	return []failure{
		{
			name: "no common version", servers: allServers, clients: allClients, versions: bothVersions,
			set: func(_ *pki, version uint16, s *serverSettings, _ *clientSettings) {
				s.versions = only(tls.VersionTLS12 + tls.VersionTLS13 - version)
			},
			truth: noVersion,
		},
		{
			// Python and Go have no choice of cipher in TLS 1.3.
			name:    "no common cipher",
			servers: []serverStack{opensslServer, nginxServer, gnutlsServer, nodeServer},
			clients: []clientStack{opensslClient, curlClient, gnutlsClient, nodeClient}, versions: bothVersions,
			set:   noCipher,
			truth: negotiation(`(?i)no.shared.cipher|handshake.fail|no supported cipher|no cipher suite`, event.NoSharedCipher, event.NegotiationFailed),
		},
		{
			name:    "no common cipher, languages",
			servers: []serverStack{pythonServer, goServer},
			clients: []clientStack{goClient, pythonClient}, versions: []uint16{tls.VersionTLS12},
			set:   noCipher,
			truth: negotiation(`(?i)no.shared.cipher|handshake.fail|no supported cipher|no cipher suite`, event.NoSharedCipher, event.NegotiationFailed),
		},
		{
			// curl chooses its ALPN itself; the servers of Python and of Node 18, which Debian ships, do not insist.
			name:    "no common ALPN",
			servers: []serverStack{opensslServer, nginxServer, gnutlsServer, goServer},
			clients: []clientStack{opensslClient, gnutlsClient, pythonClient, nodeClient, goClient}, versions: bothVersions,
			set: func(_ *pki, _ uint16, s *serverSettings, c *clientSettings) {
				s.alpn, c.alpn = "h2", "lab/1"
			},
			truth: negotiation(`(?i)no.(common.|supported.)?application.protocol`, event.NoSharedALPN),
		},
		{
			// More than one segment of 1,500 bytes, from programs whose hello is short otherwise.
			name:    "no common ALPN, long hello",
			servers: []serverStack{nginxServer, goServer},
			clients: []clientStack{opensslClient, pythonClient}, versions: bothVersions,
			set: func(_ *pki, _ uint16, s *serverSettings, c *clientSettings) {
				s.alpn, c.alpn = "h2", longALPN()
			},
			truth: negotiation(`(?i)no.(common.|supported.)?application.protocol`, event.NoSharedALPN),
		},
		{
			name:    "unknown SNI",
			servers: []serverStack{opensslServer, nginxServer, gnutlsServer, pythonServer, goServer},
			clients: allClients, versions: bothVersions,
			set:   func(_ *pki, _ uint16, s *serverSettings, _ *clientSettings) { s.sni = "known.example" },
			truth: negotiation(`(?i)unrecogni[sz]ed.name|was not recogni[sz]ed`, event.UnrecognizedName),
		},
	}
}

// noVersion: GnuTLS finds no cipher for the version first, and its alert is handshake_failure.
func noVersion(m pairing) Truth {
	w := negotiation(`(?i)alert.protocol.version|unsupported.(protocol|version)|version not supported|No supported cipher`, event.ProtocolVersion)(m)
	if m.server == "gnutls" {
		w.Reasons = append(w.Reasons, event.NegotiationFailed)
		w.Vague = []event.Reason{event.NoSharedCipher}
	}
	return w
}

// longALPN is 1,600 bytes of protocols that nobody speaks.
func longALPN() string {
	names := make([]string, 160)
	for i := range names {
		names[i] = fmt.Sprintf("lab/%05d", i)
	}
	return strings.Join(names, ",")
}

func noCipher(_ *pki, _ uint16, s *serverSettings, c *clientSettings) {
	s.cipher, c.cipher = aes256, aes128
}

// negotiation is a refusal by the server's alert, in clear in both versions.
func negotiation(proof string, reasons ...event.Reason) func(pairing) Truth {
	return func(pairing) Truth {
		return Truth{
			Reasons: reasons,
			GaveUp:  []event.Side{event.Server},
			LookAt:  eitherEnd,
			Proof:   proof,
		}
	}
}
