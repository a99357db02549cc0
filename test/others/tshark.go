package others

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// tsharkFields are the columns that are asked for, in this order. One of each pair of addresses is empty.
var tsharkFields = []string{
	"frame.time_epoch", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport",
	"tls.alert_message.desc", "_ws.col.Info",
}

// tshark shows TLS alerts on the loopback interface.
func tshark() Tool {
	return Tool{
		Name:  "tshark",
		parse: parseTshark,
		clock: func(i Instant) int64 { return i.Wall },
		Argv: func(string) []string {
			argv := []string{"tshark", "-l", "-n", "-i", "lo", "-f", "tcp", "-Y", "tls.alert_message", "-T", "fields"}
			for _, field := range tsharkFields {
				argv = append(argv, "-e", field)
			}
			return argv
		},
	}
}

// parseTshark reads a line of tab separated fields. An alert that is encrypted has no description: TLS 1.2 closes healthy
// connections with one.
func parseTshark(line string) (Line, bool) {
	f := strings.Split(line, "\t")
	if len(f) != len(tsharkFields) {
		return Line{}, false
	}
	seconds, fraction, _ := strings.Cut(f[0], ".")
	at, ok := wallTime(seconds, fraction)
	if !ok {
		return Line{}, false
	}
	l := Line{At: at, Text: tsharkSender(f[3]) + ": " + f[8], Ends: f[1]+f[2] != "" && f[3] != "" && f[4]+f[5] != "" && f[6] != ""}
	for code := range strings.SplitSeq(f[7], ",") {
		n, err := strconv.Atoi(code)
		if err != nil || n == closeNotify {
			continue
		}
		l.Told = true
		l.Reasons = append(l.Reasons, alertReasons[n]...)
	}
	return l, true
}

func tsharkSender(port string) string {
	if port == strconv.Itoa(Port) {
		return "server"
	}
	return "client"
}

const closeNotify = 0

// rejected is what an alert that blames a certificate without saying why may be read as.
var rejected = []event.Reason{event.BadCertificate, event.ServerCertificateRejected, event.ClientCertificateRejected}

// alertReasons are the reasons that the text of RFC 8446 section 6.2 (116 also in 1.2, 46 in RFC 5246) gives an alert.
var alertReasons = map[int][]event.Reason{
	10:  {event.Malformed, event.PlaintextToTLS, event.TLSToPlaintext},
	22:  {event.Malformed},
	40:  {event.NegotiationFailed, event.NoSharedCipher, event.NoSharedGroup},
	42:  rejected,
	43:  rejected,
	44:  {event.CertificateRevoked},
	45:  {event.CertificateExpired, event.CertificateNotYetValid},
	46:  rejected,
	47:  {event.Malformed, event.NegotiationFailed},
	48:  {event.UnknownCA, event.SelfSigned},
	49:  {event.ClientCertificateRejected},
	50:  {event.Malformed},
	51:  {event.KeyMismatch},
	70:  {event.ProtocolVersion},
	71:  {event.NegotiationFailed, event.NoSharedCipher},
	80:  {event.InternalError},
	109: {event.NegotiationFailed},
	112: {event.UnrecognizedName},
	116: {event.ClientCertificateRequired},
	120: {event.NoSharedALPN},
}

func splitLines(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(s) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}

// distinct keeps the first of equal texts.
func distinct(texts []string) []string {
	var kept []string
	for _, t := range texts {
		if !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}
