package lint

import (
	"maps"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// Strength says how well a finding accounts for a failed handshake.
type Strength int

// The strengths, the weakest first.
const (
	Unrelated Strength = iota // the check says nothing about such a failure
	Possible                  // it can end so, among other ways
	Likely                    // it is how a connection ends that the check is about
)

// explanation is what a check accounts for.
type explanation struct {
	likely, possible []event.Reason
	// rule is the sentence that links the finding to the failure.
	rule string
}

// Explains says how well a finding of a check accounts for the reason of a failed handshake, and by which rule. It does not compare the two ends
// with the finding's objects, which is the caller's to do. Unrelated, and no sentence, for an event that did not fail.
func Explains(c *Check, e event.Event) (Strength, string) {
	if c == nil || e.Outcome != event.Failed {
		return Unrelated, ""
	}
	x, ok := explanations[c.ID]
	switch {
	case !ok:
		return Unrelated, ""
	case slices.Contains(x.likely, e.Verdict.Reason):
		return Likely, x.rule
	case slices.Contains(x.possible, e.Verdict.Reason):
		return Possible, x.rule
	}
	return Unrelated, ""
}

// causesOf returns the reasons that a check accounts for, the likely ones first.
func causesOf(id string) []event.Reason {
	x := explanations[id]
	return slices.Concat(x.likely, x.possible)
}

// The ways in which connections of one kind end.
func plaintextRefused() []event.Reason { return []event.Reason{event.PlaintextToTLS} }

// endedByServer is all that a client may see of a server that gave up without a word.
func endedByServer() []event.Reason {
	return []event.Reason{event.ResetByServer, event.ClosedByServer}
}

func notListening() []event.Reason {
	return []event.Reason{event.ConnectionRefused, event.ResetByServer, event.ClosedByServer, event.InternalError}
}

// explanations is the table, by check. It is never written to.
var explanations = func() map[string]explanation {
	all := map[string]explanation{}
	for _, part := range []map[string]explanation{
		meshExplanations(), clientExplanations(), gatewayExplanations(), identityExplanations(), portExplanations(),
	} {
		maps.Copy(all, part)
	}
	return all
}()

func meshExplanations() map[string]explanation {
	unproxied := explanation{
		likely: plaintextRefused(), possible: append(endedByServer(), event.ClientCertificateRequired),
		rule: "a client without a proxy has no certificate of the mesh, and a STRICT server ends what is not mutual TLS",
	}
	mode := func(rule string) explanation {
		return explanation{possible: append(append(plaintextRefused(), endedByServer()...), event.ClientCertificateRequired, event.TLSToPlaintext), rule: rule}
	}
	return map[string]explanation{
		"TLT0102": {
			possible: []event.Reason{event.ProtocolVersion, event.NoSharedCipher, event.NoSharedALPN, event.NegotiationFailed},
			rule:     "a proxy outside of the supported skew may keep TLS settings that its peer has dropped",
		},
		"TLT0201": {
			likely: []event.Reason{event.TLSToPlaintext}, possible: endedByServer(),
			rule: "a server without a proxy hands the mesh's ClientHello to the application",
		},
		"TLT0202": unproxied,
		"TLT0203": unproxied,
		"TLT0204": {
			likely: append(plaintextRefused(), event.TLSToPlaintext), possible: append(endedByServer(), event.ClientCertificateRequired),
			rule: "a pod that missed its injection speaks plaintext, whatever its policies say",
		},
		"TLT0301": mode("the policy that counts is not the one that was meant, so the server's mode is another"),
		"TLT0302": mode("the policy that counts is not the one that was meant, so the server's mode is another"),
		"TLT0303": mode("the exception is for a port that does not exist, so the port keeps the mode of the rest"),
		"TLT0304": mode("without a selector the ports' modes are ignored, so each port keeps the mode of the rest"),
		"TLT0305": mode("the policy selects nothing, so the server keeps the namespace's mode"),
		"TLT0306": mode("a policy with a selector is ignored in the root namespace, so the server keeps its other mode"),
		"TLT0901": mode("whether a pod has a sidecar or is in ambient mode depends on when it was made"),
		"TLT0902": {
			likely: plaintextRefused(), possible: endedByServer(),
			rule: "ztunnel ignores DISABLE, and goes on to refuse plaintext where STRICT is inherited",
		},
		"TLT0903": {possible: endedByServer(), rule: "ztunnel drops the connections of an HTTP policy that it cannot judge"},
		"TLT0904": {possible: plaintextRefused(), rule: "without its waypoint nothing originates the TLS that the server expects"},
		"TLT0905": {likely: plaintextRefused(), possible: endedByServer(), rule: "ztunnel follows no DestinationRule, so plaintext goes to a server that expects TLS"},
	}
}

func clientExplanations() map[string]explanation {
	return map[string]explanation{
		"TLT0401": {likely: plaintextRefused(), possible: endedByServer(), rule: "a DestinationRule with DISABLE sends plaintext, and a STRICT server resets it"},
		"TLT0402": {
			likely:   []event.Reason{event.ClientCertificateRequired, event.UnknownCA, event.SelfSigned},
			possible: append(endedByServer(), event.ServerCertificateRejected, event.NameMismatch, event.BadCertificate),
			rule:     "SIMPLE verifies by other CAs than the mesh's and presents no certificate, which a STRICT server asks for",
		},
		"TLT0403": {
			likely:   []event.Reason{event.ClientCertificateRejected, event.UnknownCA},
			possible: append(endedByServer(), event.BadCertificate, event.ServerCertificateRejected),
			rule:     "MUTUAL presents a certificate that the mesh's root has not signed",
		},
		"TLT0404": {
			likely: []event.Reason{event.TLSToPlaintext}, possible: append(endedByServer(), event.Malformed, event.ProtocolVersion, event.HandshakeTimeout),
			rule: "ISTIO_MUTUAL is spoken to a server without a proxy, whose application does not expect TLS",
		},
		"TLT0405": {
			likely: []event.Reason{event.NameMismatch, event.ServerCertificateRejected}, possible: []event.Reason{event.BadCertificate, event.ResetByClient, event.ClosedByClient},
			rule: "the rule expects names that are not in the server's certificate",
		},
		"TLT0406": {
			likely: []event.Reason{event.UnknownCA, event.SelfSigned}, possible: []event.Reason{event.ServerCertificateRejected, event.BadCertificate},
			rule: "the server is verified by public CAs, and its certificate is of a private one",
		},
		"TLT0407": {possible: []event.Reason{event.ClientCertificateRequired, event.PlaintextToTLS, event.ClientCertificateRejected}, rule: "the tls block contradicts itself, so its certificate is not presented"},
		"TLT0408": {likely: plaintextRefused(), possible: endedByServer(), rule: "sidecars ignore a credentialName without a workloadSelector, and send plaintext"},
		"TLT0409": {possible: append(plaintextRefused(), event.TLSToPlaintext, event.ClientCertificateRequired), rule: "the port-level setting is for a port that the service does not have"},
		"TLT0410": {likely: plaintextRefused(), possible: endedByServer(), rule: "a port-level setting without tls takes away the TLS that the destination has"},
		"TLT0411": {possible: append(plaintextRefused(), event.TLSToPlaintext, event.ClientCertificateRequired, event.UnknownCA), rule: "of two rules for one host only the older one's TLS counts"},
		"TLT0412": {likely: plaintextRefused(), possible: endedByServer(), rule: "automatic mutual TLS is off, so clients send plaintext to a STRICT server"},
		"TLT0601": {
			likely: []event.Reason{event.TLSToPlaintext}, possible: append(endedByServer(), event.Malformed, event.ProtocolVersion),
			rule: "the application's TLS is wrapped once more, and the server unwraps once",
		},
		"TLT0602": {
			likely: append(plaintextRefused(), event.TLSToPlaintext), possible: append(endedByServer(), event.Malformed),
			rule: "the port is declared as HTTP, so plaintext goes to a TLS server, and a ClientHello to an HTTP parser",
		},
	}
}

func gatewayExplanations() map[string]explanation {
	noCertificate := explanation{possible: notListening(), rule: "a gateway without its certificate opens no listener, or ends each handshake"}
	return map[string]explanation{
		"TLT0501": noCertificate,
		"TLT0502": noCertificate,
		"TLT0509": noCertificate,
		"TLT0511": noCertificate,
		"TLT0503": {
			likely:   []event.Reason{event.CertificateExpired, event.CertificateNotYetValid},
			possible: []event.Reason{event.ServerCertificateRejected, event.ClientCertificateRejected, event.BadCertificate},
			rule:     "the certificate is not valid at this time",
		},
		"TLT0504": {
			likely: []event.Reason{event.KeyMismatch}, possible: append(notListening(), event.CertificateExpired),
			rule: "the key does not belong to the certificate, so the gateway cannot use it, or keeps the old pair",
		},
		"TLT0505": {
			likely: []event.Reason{event.UnknownCA}, possible: []event.Reason{event.ServerCertificateRejected, event.BadCertificate, event.SelfSigned},
			rule: "the server does not send the intermediate certificate that leads to a root the client knows",
		},
		"TLT0506": {
			likely: []event.Reason{event.NameMismatch}, possible: []event.Reason{event.UnrecognizedName, event.ServerCertificateRejected, event.BadCertificate},
			rule: "the certificate is not for the name that the client asked for",
		},
		"TLT0507": {
			possible: []event.Reason{event.NameMismatch, event.UnknownCA, event.ClientCertificateRequired, event.UnrecognizedName},
			rule:     "another server of the gateway answers for the host, with other TLS",
		},
		"TLT0508": {
			likely: []event.Reason{event.ClientCertificateRejected}, possible: append(notListening(), event.UnknownCA),
			rule: "the gateway asks for a client certificate that it has no CA to verify by",
		},
		"TLT0510": {
			likely: []event.Reason{event.CertificateExpired}, possible: []event.Reason{event.ServerCertificateRejected, event.BadCertificate},
			rule: "the certificate was about to expire",
		},
	}
}

func identityExplanations() map[string]explanation {
	refused := explanation{possible: endedByServer(), rule: "the server's policy names an identity that the client cannot have, and the connection is closed after the handshake"}
	return map[string]explanation{
		"TLT0703": refused,
		"TLT0704": refused,
		"TLT0705": refused,
		"TLT0706": refused,
		"TLT0708": refused,
		"TLT0707": {
			likely: []event.Reason{event.NameMismatch, event.UnrecognizedName}, possible: []event.Reason{event.ServerCertificateRejected, event.BadCertificate, event.ResetByServer},
			rule: "a name that ends in a dot matches no SNI and no certificate",
		},
	}
}

func portExplanations() map[string]explanation {
	return map[string]explanation{
		"TLT0801": {
			likely: []event.Reason{event.TLSToPlaintext}, possible: append(endedByServer(), event.Malformed, event.HandshakeTimeout),
			rule: "the port is kept from the server's sidecar, so the application gets the mesh's ClientHello",
		},
		"TLT0802": {likely: plaintextRefused(), possible: append(endedByServer(), event.ClientCertificateRequired), rule: "the port is kept from the client's sidecar, so it speaks to a STRICT server without the mesh's certificate"},
		"TLT0803": {likely: append(plaintextRefused(), event.ClientCertificateRequired), possible: endedByServer(), rule: "the kubelet has no certificate of the mesh, and the probe is not rewritten"},
		"TLT0804": {
			likely: []event.Reason{event.TLSToPlaintext, event.PlaintextToTLS}, possible: append(endedByServer(), event.Malformed),
			rule: "the port is declared as HTTP, but the application serves TLS on it",
		},
	}
}
