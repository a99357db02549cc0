package library

import "regexp"

// findGnuTLS returns the target of a libgnutls, nil for any other file.
//
// All alerts that GnuTLS sends pass through the exported gnutls_alert_send, also its own: gnutls_alert_send_appropriate and
// gnutls_bye call it through the PLT. What a peer's certificate was refused for stays in the session, and what a peer's
// alert said is on the wire only: neither shows here.
func findGnuTLS(img *Image) (*Target, error) {
	addr, ok := img.Symbols(gnutlsSymbols...)["gnutls_alert_send"]
	if !ok {
		return nil, nil
	}
	offset, ok := img.Offset(addr)
	if !ok {
		return nil, nil
	}
	return &Target{
		Family:  GnuTLS,
		Version: img.version("Enabled GnuTLS ", gnutlsText),
		Points:  []Point{{Probe: ProbeGnuTLSAlert, Offset: offset}},
	}, nil
}

var gnutlsSymbols = []string{"gnutls_alert_send"}

// gnutlsText is what the library logs when it starts (gnutls_global_init).
var gnutlsText = regexp.MustCompile(`Enabled GnuTLS (\d{1,2}\.\d{1,3}\.\d{1,3}) logging`)
