package library

import "regexp"

// findGnuTLS returns the target of a libgnutls, nil for any other file.
//
// All alerts that GnuTLS sends pass through the exported gnutls_alert_send, also its own: gnutls_alert_send_appropriate and
// gnutls_bye call it through the PLT. So does every way to verify the peer's certificate pass through
// gnutls_certificate_verify_peers. What a peer's alert said is on the wire only, and does not show here.
func findGnuTLS(img *Image) (*Target, error) {
	symbols := img.Symbols(gnutlsSymbols...)
	t := &Target{Family: GnuTLS}
	for i, probe := range gnutlsProbes {
		addr, found := symbols[gnutlsSymbols[i]]
		if offset, ok := img.Offset(addr); found && ok {
			t.Points = append(t.Points, Point{Probe: probe, Offset: offset})
		}
	}
	if len(t.Points) == 0 {
		return nil, nil
	}
	t.Version = img.version("Enabled GnuTLS ", gnutlsText)
	return t, nil
}

// The functions, and the probes that go into them, in the same order.
var (
	gnutlsSymbols = []string{"gnutls_alert_send", "gnutls_alert_send_appropriate", "gnutls_certificate_verify_peers"}
	gnutlsProbes  = []Probe{ProbeGnuTLSAlert, ProbeGnuTLSError, ProbeGnuTLSVerify}
)

// gnutlsText is what the library logs when it starts (gnutls_global_init).
var gnutlsText = regexp.MustCompile(`Enabled GnuTLS (\d{1,2}\.\d{1,3}\.\d{1,3}) logging`)
