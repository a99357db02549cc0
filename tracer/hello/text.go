package hello

import "strings"

// text copies what a peer sent as a name. It is not trusted to be text: what is no UTF-8 becomes U+FFFD.
func text(raw []byte) string {
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// protocol is [text] for an ALPN protocol name; the usual ones cost no allocation.
func protocol(raw []byte) string {
	switch string(raw) {
	case "h2":
		return "h2"
	case "http/1.1":
		return "http/1.1"
	case "istio":
		return "istio"
	case "istio-peer-exchange":
		return "istio-peer-exchange"
	}
	return text(raw)
}
