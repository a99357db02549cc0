package verdict

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// The trails were recorded from real programs on loopback: every pair of openssl 3.0, curl 7.88, GnuTLS 3.7, BoringSSL
// (Android 13), Go 1.26, Node 20 and nginx 1.22, in both versions. The name says what was set up; what the programs did with it is
// known from their exit and their code, not from the trail.
func TestRealTrails(t *testing.T) {
	b, err := os.ReadFile("testdata/trails.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, trail, _ := strings.Cut(strings.TrimSpace(line), " | ")
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			version, rest, _ := strings.Cut(name, " ")
			setup, pair, _ := strings.Cut(rest, " ")
			client, server, _ := strings.Cut(pair, ">")
			e := tape(t, "TLS "+version, trail)
			if !strings.Contains(trail, "S:server_hello") {
				e.TLS.Version = ""
			}
			if p, ok := plaintextSetups[setup]; ok {
				e.TCP.TLSListener, e.Preface = true, p
				e.TCP.BadRequest = setup == "http" && strings.Contains(trail, "S:plain") // what nginx answers
			}
			got := Judge(e)
			holds(t, e, got)
			if want := realOutcomes(version, setup, client, server); !slices.Contains(want, got.Verdict.Reason) {
				t.Errorf("%s\n got %s, want one of %q", trail, told(got), want)
			}
			judge := judgedBy(setup)
			if judge == "" || got.Outcome != event.Failed {
				return
			}
			if v := got.Verdict; v.GaveUp != judge || v.LookAt != lookedAt(got, judge) {
				t.Errorf("%s\n got %s", trail, told(got))
			}
		})
	}
}

// plaintextSetups are those in which the client spoke plaintext to a TLS port: HTTP, 100 bytes from 0x80 on, an EHLO.
var plaintextSetups = map[string]event.Preface{
	"http": event.PrefaceHTTP, "garbage": event.PrefaceOther, "smtp": event.PrefaceSMTP,
}

// negotiations are the set-ups in which the server refuses the hello, or cannot read it, and plaintext ports.
func negotiations(setup, server string) []event.Reason {
	switch setup {
	case "version":
		return []event.Reason{event.ProtocolVersion, event.NegotiationFailed} // GnuTLS says handshake_failure
	case "cipher", "group":
		return []event.Reason{event.NegotiationFailed}
	case "sni":
		return []event.Reason{event.UnrecognizedName}
	case "garbage":
		return []event.Reason{event.Malformed}
	case "http":
		return []event.Reason{event.PlaintextToTLS}
	case "smtp":
		if server == "nginx" {
			return []event.Reason{event.Scan} // a page, as a port with STARTTLS might answer
		}
		return []event.Reason{event.PlaintextToTLS}
	case "toplain":
		if server == "redis" {
			return []event.Reason{event.HandshakeTimeout} // it waits for the end of a line
		}
		return []event.Reason{event.TLSToPlaintext}
	}
	return nil
}

// realOutcomes lists the reasons that are right for a set-up; "" is success.
func realOutcomes(version, setup, client, server string) []event.Reason {
	switch {
	case negotiations(setup, server) != nil:
		return negotiations(setup, server)
	case setup == "ok" || setup == "okcert", server == "nginx" && setup != "untrusted":
		return []event.Reason{""} // nginx completes the handshake and answers 400
	case setup == "nocert":
		return []event.Reason{event.ClientCertificateRequired}
	case setup == "wrongcert" && server == "bssl":
		return []event.Reason{""} // bssl-tool takes any certificate
	case setup == "wrongcert":
		return []event.Reason{event.ClientCertificateRejected, event.UnknownCA}
	case client == "node" && version == "1.2":
		return []event.Reason{""} // Node judges when the handshake is over
	case client == "node":
		return []event.Reason{event.ServerCertificateRejected, event.ResetByClient}
	}
	return []event.Reason{event.UnknownCA, event.BadCertificate, event.ServerCertificateRejected}
}

// judgedBy is the side that says no in a set-up, or "" where that is a race.
func judgedBy(setup string) event.Side {
	switch setup {
	case "untrusted":
		return event.Client
	case "nocert", "wrongcert", "sni":
		return event.Server
	}
	return ""
}

// lookedAt: what has to change is at the side that was judged; a bare reset says only who sent it.
func lookedAt(e event.Event, judge event.Side) event.Side {
	if e.Verdict.Reason == event.ResetByClient {
		return judge
	}
	return judge.Peer()
}
