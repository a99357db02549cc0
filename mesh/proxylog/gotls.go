package proxylog

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// What Go's TLS says in the logs of istiod and the Istio agent: a server (net/http: "http: TLS handshake error from ADDRESS: ERROR"), and a
// client of gRPC ("transport: authentication handshake failed: ERROR").
const (
	goServer = "TLS handshake error from "
	goClient = "authentication handshake failed: "
)

// goEvent reads a message in which Go's TLS tells of a failure.
func goEvent(m message) (event.Event, bool) {
	var e event.Event
	if _, rest, ok := strings.Cut(m.text, goServer); ok {
		addr, why, _ := strings.Cut(rest, ": ")
		f, ok := goFailure(why)
		if !ok {
			return event.Event{}, false
		}
		f.side = event.Server
		e = f.event()
		e.Client = endpoint(addr)
	} else if _, why, ok := strings.Cut(m.text, goClient); ok {
		f, ok := goFailure(strings.TrimSuffix(strings.TrimSpace(why), `"`))
		if !ok {
			return event.Event{}, false
		}
		f.side = event.Client
		e = f.event()
	} else {
		return event.Event{}, false
	}
	e.Time = m.time
	return e, true
}

// goAlerts are the alerts whose words in Go (crypto/tls, alertText) are not IANA's names with blanks. It is read only.
var goAlerts = map[string]string{
	"unknown certificate":             "certificate_unknown",
	"expired certificate":             "certificate_expired",
	"revoked certificate":             "certificate_revoked",
	"unknown certificate authority":   "unknown_ca",
	"error decoding message":          "decode_error",
	"error decrypting message":        "decrypt_error",
	"protocol version not supported":  "protocol_version",
	"insufficient security level":     "insufficient_security",
	"user canceled":                   "user_canceled",
	"bad record MAC":                  "bad_record_mac",
	"certificate required":            "certificate_required",
	"no application protocol":         "no_application_protocol",
	"unrecognized name":               "unrecognized_name",
	"bad certificate status response": "bad_certificate_status_response",
	"unknown PSK identity":            "unknown_psk_identity",
}

// goVerify are beginnings of the errors of crypto/x509, by the names that [event.Library] has for them. An order: the first that fits.
var goVerify = []struct{ begin, name string }{
	{"certificate has expired or is not yet valid", "x509.CertificateInvalidError"},
	{"certificate signed by unknown authority", "x509.UnknownAuthorityError"},
	{"certificate is not valid for any names", "x509.HostnameError"},
	{"certificate is valid for ", "x509.HostnameError"},
	{"cannot validate certificate for ", "x509.HostnameError"},
	{"certificate is not authorized to sign", "x509.CertificateInvalidError"},
	{"unhandled critical extension", "x509.UnhandledCriticalExtension"},
}

// goErrors are what crypto/tls says of a peer that sent something else, up to where it names the particulars. It is read only.
var goErrors = []string{
	"tls: client didn't provide a certificate", "tls: first record does not look like a TLS handshake",
	"client sent an HTTP request to an HTTPS server", "tls: no cipher suite supported by both client and server",
	"tls: client offered only unsupported versions", "tls: server selected unsupported protocol version",
	"tls: no supported elliptic curves offered", "tls: client requested unsupported application protocols",
}

// goFailure reads an error of crypto/tls, of crypto/x509 through it, or of the connection beneath.
func goFailure(said string) (failure, bool) {
	if alert, ok := strings.CutPrefix(said, "remote error: tls: "); ok {
		name, known := goAlerts[alert]
		if !known {
			name = strings.ReplaceAll(bounded(alert, maxWords), " ", "_")
		}
		return spoke("Go", "received "+name), true
	}
	for _, begin := range goErrors {
		if strings.HasPrefix(said, begin) {
			return spoke("Go", strings.TrimPrefix(begin, "tls: ")), true
		}
	}
	if _, why, ok := strings.Cut(said, "x509: "); ok {
		for _, v := range goVerify {
			if strings.HasPrefix(why, v.begin) {
				l := event.Library{Name: "Go", VerifyText: v.name}
				if v.begin == goVerify[0].begin {
					l.VerifyCode = goExpired
				}
				return failure{library: &l}, true
			}
		}
	}
	switch {
	case strings.HasSuffix(said, "connection reset by peer"):
		return failure{errno: "ECONNRESET"}, true
	case strings.HasSuffix(said, "i/o timeout"):
		return failure{errno: "ETIMEDOUT"}, true
	case strings.HasPrefix(said, "tls: "):
		return spoke("Go", bounded(strings.TrimPrefix(said, "tls: "), maxWords)), true
	}
	return failure{}, false // EOF among them: any probe that connects and leaves is told so
}

// goExpired is x509.Expired, the reason of a certificate that is out of its time, before or after.
const goExpired = 1
