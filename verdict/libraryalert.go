package verdict

import (
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// receivedOffset is what libraries add to the number of an alert from the peer to make an error of it (SSL_AD_REASON_OFFSET of
// OpenSSL and BoringSSL).
const receivedOffset = 1000

// alertReceived finds the alert that a library says its peer sent: TLSV1_ALERT_UNKNOWN_CA, "received unknown_ca", or just the number.
// A close_notify is no error.
func alertReceived(l *event.Library) (uint8, bool) {
	if n := l.ErrorCode - receivedOffset; n > 0 && n <= 255 {
		return uint8(n), true
	}
	name := strings.TrimPrefix(l.ErrorText, "SSL_R_")
	if name == "HANDSHAKE_FAILURE_ON_CLIENT_HELLO" { // BoringSSL adds it to an alert that answers its ClientHello
		return alertHandshakeFailure, l.Side == event.Client
	}
	for _, prefix := range []string{"TLSV1_ALERT_", "TLSV13_ALERT_", "SSLV3_ALERT_", "TLSV1_", "received "} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return alertNamed(strings.ToLower(rest))
		}
	}
	return 0, false
}

// alertSent finds the alert that a library of which nothing else is known sent itself: Go's and GnuTLS' own word is its name.
func alertSent(l *event.Library) (uint8, bool) { return alertNamed(l.ErrorText) }

// alertNamed looks an alert up as IANA spells it, as OpenSSL does where that differs, or as "alert(199)".
func alertNamed(name string) (uint8, bool) {
	if name == "user_cancelled" {
		return alertUserCanceled, true
	}
	for code, a := range alertTable {
		if code > 0 && a.name != "" && (a.name == name || strings.TrimSuffix(a.name, "_RESERVED") == name) {
			return uint8(code), true
		}
	}
	digits, ok := strings.CutPrefix(strings.TrimSuffix(name, ")"), "alert(")
	n, err := strconv.ParseUint(digits, 10, 8)
	return uint8(n), ok && err == nil && n > 0
}

func alertName(code uint8) string {
	if a, ok := registered(code); ok {
		return a.name
	}
	return "alert(" + strconv.Itoa(int(code)) + ")"
}

// alertTestimony reads an alert as if it had been seen in clear. What the library that sent it found of a certificate says more than
// the alert does.
func (c *connection) alertTestimony(sender event.Side, code uint8) testimony {
	l := c.Library
	refuses := isCertificateAlert(code) && code != alertRequired || code == alertAccessDenied // which gnutls-serv sends
	if sender == l.Side && refuses && judged(l) && c.answered {
		t := c.refusal(alertName(code))
		t.code = &code
		return t
	}
	return testimony{
		finding: readAlert(c, sender, code), side: l.Side, word: word(l.ErrorText), code: &code,
		symptom: sender == l.Side && isSymptom(code),
	}
}

// isSymptom: alerts that are sent when records from the peer do not decrypt or do not belong there.
func isSymptom(code uint8) bool {
	switch code {
	case alertUnexpectedMessage, alertBadRecordMAC, alertDecryptionFailed, alertRecordOverflow:
		return true
	}
	return false
}
