package libraries

import "github.com/tlstrace/tlstrace/event"

// failure is one way in which a handshake fails.
type failure struct {
	name  string
	judge event.Side // which side refuses
	// set changes what would be healthy.
	set    func(p *pki, e ends)
	reason event.Reason
	proof  string // regular expression for what the two programs print
	// certificate says that a certificate is refused: what is wrong with it is then in the verify result.
	certificate bool
}

// ends are the settings of both ends, by their role and by who is tested: mine is the library's, peer the other's.
type ends struct{ client, server, mine, peer *settings }

// failures are those of the acceptance of the probes in libraries: certificates of either side, and nothing in common.
func failures() []failure {
	all := badServers()
	all = append(all, badClients()...)
	return append(all, disagreements()...)
}

func badServers() []failure {
	bad := func(name string, pair func(*pki) keyPair, reason event.Reason, proof string) failure {
		return failure{
			name: name, judge: event.Client, reason: reason, proof: proof, certificate: true,
			set: func(p *pki, e ends) { e.server.pair, e.client.named = pair(p), reason == event.NameMismatch },
		}
	}
	return []failure{
		bad("expired", func(p *pki) keyPair { return p.expired }, event.CertificateExpired, `(?i)expired`),
		bad("not yet valid", func(p *pki) keyPair { return p.notYetValid }, event.CertificateNotYetValid,
			`(?i)not.yet|not activ|is before|CERTIFICATE_VERIFY_FAILED`),
		bad("self-signed", func(p *pki) keyPair { return p.selfSigned }, event.SelfSigned,
			`(?i)self.signed|unknown authority|issuer is unknown|CERTIFICATE_VERIFY_FAILED`),
		bad("unknown CA", func(p *pki) keyPair { return p.byOtherCA }, event.UnknownCA,
			`(?i)unable.to.(get.local.issuer|verify)|unknown authority|issuer is unknown|CERTIFICATE_VERIFY_FAILED`),
		bad("wrong name", func(p *pki) keyPair { return p.wrongName }, event.NameMismatch,
			`(?i)mismatch|does not match|ALTNAME|valid for|CERTIFICATE_VERIFY_FAILED`),
	}
}

func badClients() []failure {
	bad := func(name string, pair func(*pki) keyPair, reason event.Reason, proof string) failure {
		return failure{
			name: name, judge: event.Server, reason: reason, proof: proof, certificate: reason != event.ClientCertificateRequired,
			set: func(p *pki, e ends) { e.server.ca, e.client.pair = p.ca, pair(p) },
		}
	}
	return []failure{
		bad("client certificate missing", func(*pki) keyPair { return keyPair{} }, event.ClientCertificateRequired,
			`(?i)did not return a certificate|didn't provide a certificate|did_not_return|no certificate|certificate is required`),
		bad("client certificate by another CA", func(p *pki) keyPair { return p.clientByOtherCA }, event.UnknownCA, told),
		bad("client certificate expired", func(p *pki) keyPair { return p.clientExpired }, event.CertificateExpired, told),
	}
}

// told is what shows that a client's certificate was refused. Node and GnuTLS print nothing of why.
const told = `(?i)unable.to.(get.local.issuer|verify)|verify.failed|unknown authority|expired|issuer is unknown|not trusted|` +
	`error in the certificate|unknown.ca|access denied|bad.certificate|hang up|EOF|terminat|reset|closed|disconnected`

// disagreements are ends that have nothing in common. The server is the one that finds out.
func disagreements() []failure {
	return []failure{
		{
			name: "version", judge: event.Server, reason: event.ProtocolVersion,
			proof: `(?i)alert.protocol.version|unsupported.(protocol|version)|version not supported|No supported cipher`,
			set:   func(_ *pki, e ends) { e.server.version = other(e.client.version) },
		},
		{
			// TLS 1.3: not every library has a choice, so its peer insists on a cipher that none of them speaks.
			name: "cipher", judge: event.Server, reason: event.NoSharedCipher,
			proof: `(?i)no.shared.cipher|handshake.fail|no supported cipher|no cipher suite`,
			set: func(_ *pki, e ends) {
				if e.client.version == "1.3" {
					e.mine.cipher, e.peer.cipher = "TLS_AES_256_GCM_SHA384", "TLS_AES_128_CCM_SHA256"
				} else {
					e.mine.cipher, e.peer.cipher = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
				}
			},
		},
		{
			name: "ALPN", judge: event.Server, reason: event.NoSharedALPN,
			proof: `(?i)no.(common.|supported.)?application.protocol`,
			set:   func(_ *pki, e ends) { e.server.alpn, e.client.alpn = "h2", "lab/1" },
		},
	}
}

func other(version string) string {
	if version == "1.2" {
		return "1.3"
	}
	return "1.2"
}
