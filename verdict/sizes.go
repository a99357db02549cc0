package verdict

import (
	"slices"
	"strings"
)

// Sizes of TLS 1.3 records, without padding (RFC 8446 section 5.2): the message, one byte of content type and the AEAD tag,
// which is 16 bytes but 8 for the CCM_8 suites. A Finished is a header of 4 and a hash of 32 or 48 bytes; a Certificate
// message without a certificate is a header of 4, an empty context and an empty list, 8 bytes; an alert is 2 bytes.
const (
	alertMessage            = 2
	emptyCertificateMessage = 8
	finishedSHA256          = 36
	finishedSHA384          = 52
	sealing                 = 17
	sealingCCM8             = 9
	// smallestCertificate is less than any client flight with a certificate and its signature in it, and more than any
	// flight without one.
	smallestCertificate = 150
)

// sizes are the protections that may be in use: the one of the suite that was chosen, or all if it is not known.
type sizes []protection

// protection is what a suite adds to a message, and the length of its Finished.
type protection struct{ sealing, finished int }

// protections lists sealing with SHA-256 and SHA-384, and CCM_8. It is read only.
var protections = [...]protection{{sealing, finishedSHA256}, {sealing, finishedSHA384}, {sealingCCM8, finishedSHA256}}

func (c *connection) sizes() sizes {
	if c.TLS == nil || c.TLS.Cipher == "" {
		return protections[:]
	}
	switch suite := c.TLS.Cipher; {
	case strings.Contains(suite, "CCM_8"):
		return protections[2:]
	case strings.HasSuffix(suite, "SHA384"):
		return protections[1:2]
	}
	return protections[:1]
}

func (s sizes) isAlert(n int) bool {
	return slices.ContainsFunc(s, func(p protection) bool { return n == alertMessage+p.sealing })
}

func (s sizes) isFinished(n int) bool {
	return slices.ContainsFunc(s, func(p protection) bool { return n == p.finished+p.sealing })
}

func (s sizes) isEmptyCertificate(n int) bool {
	return slices.ContainsFunc(s, func(p protection) bool { return n == emptyCertificateMessage+p.sealing })
}

// isEmptyAndFinished recognises both messages in one record. Under CCM_8 that is as long as a bare Finished under SHA-256: if
// the suite is not known, ask isFinished first.
func (s sizes) isEmptyAndFinished(n int) bool {
	return slices.ContainsFunc(s, func(p protection) bool { return n == emptyCertificateMessage+p.finished+p.sealing })
}

// onlyAlerts says that there are records and that every one is as long as an alert.
func (s sizes) onlyAlerts(records []sealed) bool {
	for _, r := range records {
		if !s.isAlert(r.length) {
			return false
		}
	}
	return len(records) > 0
}
