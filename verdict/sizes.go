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

// padding is what Java's sockets add to every message of TLS 1.3, in zeros (OutputRecord.java of the JDK).
const padding = 16

// padded are the protections of a side that pads. Java has no CCM_8.
func (s sizes) padded() sizes {
	var all sizes
	for _, p := range s {
		if p.sealing == sealing {
			all = append(all, protection{sealing + padding, p.finished})
		}
	}
	return all
}

// serverSizes are the protections of the server's alerts: its Finished, the last record of its flight, shows whether it pads.
func (c *connection) serverSizes(f flight) sizes {
	s, padded := c.sizes(), c.sizes().padded()
	last := 0
	for _, r := range c.server.sealed {
		if r.index < f.begin {
			last = r.length
		}
	}
	if !s.isFinished(last) && padded.isFinished(last) {
		return padded
	}
	return s
}

// clientSizes are the protections of the client's flight, whose first record shows whether it pads.
func (c *connection) clientSizes() sizes {
	s, padded := c.sizes(), c.sizes().padded()
	if len(c.client.sealed) == 0 {
		return s
	}
	switch first := c.client.sealed[0].length; {
	case s.knows(first):
		return s
	case padded.knows(first):
		return padded
	}
	// A Certificate has any size; the Finished after it has one.
	for _, r := range c.client.sealed {
		switch {
		case s.isFinished(r.length):
			return s
		case padded.isFinished(r.length):
			return padded
		}
	}
	return s
}

// knows says that a flight may begin with a record of that size, if not with a certificate.
func (s sizes) knows(n int) bool {
	return s.isAlert(n) || s.isFinished(n) || s.isEmptyCertificate(n) || s.isEmptyAndFinished(n)
}

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
