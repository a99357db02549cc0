package scenarios

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// eitherEnd is where to look when two configurations do not fit: nobody can say which of them is wrong.
var eitherEnd = []event.Side{event.Client, event.Server, event.Unknown}

// What programs print.
const (
	saysNoCipher  = `(?i)no.shared.cipher|handshake.fail|no supported cipher|no cipher suite`
	saysNoVersion = `(?i)alert.protocol.version|unsupported.(protocol|version)|version not supported|No supported cipher|` +
		`not enabled or supported|protocol.version`
)

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
			// Python, Go and BoringSSL have no choice of cipher in TLS 1.3; curl on GnuTLS has none at all.
			name: "no common cipher",
			servers: []serverStack{
				opensslServer, nginxServer, gnutlsServer, nodeServer, haproxyServer, apacheServer, stunnelServer, javaServer,
			},
			clients:  []clientStack{opensslClient, curlClient, gnutlsClient, nodeClient, stunnelClient, javaClient},
			versions: bothVersions,
			set:      noCipher,
			truth:    negotiation(saysNoCipher, event.NoSharedCipher, event.NegotiationFailed),
		},
		{
			name:    "no common cipher, languages",
			servers: []serverStack{pythonServer, goServer, boringsslServer},
			clients: []clientStack{goClient, pythonClient, boringsslClient}, versions: []uint16{tls.VersionTLS12},
			set:   noCipher,
			truth: negotiation(saysNoCipher, event.NoSharedCipher, event.NegotiationFailed),
		},
		{
			// curl chooses its ALPN itself; the servers of Python and of Node 18, which Debian ships, do not insist.
			name:    "no common ALPN",
			servers: []serverStack{opensslServer, nginxServer, gnutlsServer, goServer, javaServer},
			clients: []clientStack{
				opensslClient, gnutlsClient, pythonClient, nodeClient, goClient, javaClient, boringsslClient,
			},
			versions: bothVersions,
			set: func(_ *pki, _ uint16, s *serverSettings, c *clientSettings) {
				s.alpn, c.alpn = "h2", "lab/1"
			},
			truth: negotiation(`(?i)no.(common.|supported.|compatible.)?application.protocol`, event.NoSharedALPN),
		},
		{
			// More than one segment of 1,500 bytes, from programs whose hello is short otherwise.
			name:    "no common ALPN, long hello",
			servers: []serverStack{nginxServer, goServer},
			clients: []clientStack{opensslClient, pythonClient}, versions: bothVersions,
			set: func(_ *pki, _ uint16, s *serverSettings, c *clientSettings) {
				s.alpn, c.alpn = "h2", longALPN()
			},
			truth: negotiation(`(?i)no.(common.|supported.|compatible.)?application.protocol`, event.NoSharedALPN),
		},
		{
			name:    "unknown SNI",
			servers: []serverStack{opensslServer, nginxServer, gnutlsServer, pythonServer, goServer, haproxyServer, javaServer},
			clients: allClients, versions: bothVersions,
			set: func(p *pki, _ uint16, s *serverSettings, _ *clientSettings) {
				s.sni, s.pair = "known.example", p.knownName
			},
			truth: negotiation(`(?i)unrecogni[sz]ed.name|was not recogni[sz]ed`, event.UnrecognizedName),
		},
	}
}

// noVersion: GnuTLS finds no cipher for the version first, and its alert is handshake_failure.
func noVersion(m pairing) Truth {
	w := negotiation(saysNoVersion, event.ProtocolVersion)(m)
	if m.server == "gnutls" {
		w.Reasons = append(w.Reasons, event.NegotiationFailed)
		w.Vague = []event.Reason{event.NoSharedCipher}
	}
	if m.server == "gnutls" && m.client == "curl-gnutls" && m.version == tls.VersionTLS13 { // still offers old ciphers: it is answered
		w.Reasons, w.GaveUp = []event.Reason{event.ProtocolVersion}, []event.Side{event.Client}
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
