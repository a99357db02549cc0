package verdict

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/tlstrace/tlstrace/event"
)

// holds checks what is true of every verdict.
func holds(t testing.TB, before, got event.Event) {
	t.Helper()
	v := got.Verdict
	switch {
	case !slices.Contains(event.Outcomes, got.Outcome):
		t.Errorf("outcome %q", got.Outcome)
	case v.Layer != v.Reason.Layer() || (v.Reason != "" && v.Layer == ""):
		t.Errorf("layer %q of reason %q", v.Layer, v.Reason)
	case !slices.Contains(event.Phases, v.Phase):
		t.Errorf("phase %q", v.Phase)
	case v.Summary == "" || strings.Count(v.Summary, "\n") > 0 || len(v.Summary) > 400 || len(v.Hint) > 1500:
		t.Errorf("summary %q hint %q", v.Summary, v.Hint)
	case strings.ContainsFunc(v.Summary+v.Hint, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }):
		t.Errorf("unsafe text %q", v.Summary+v.Hint)
	case v.Reason.Layer() == event.LayerNoise != (got.Outcome == event.Noise):
		t.Errorf("outcome %s with reason %s", got.Outcome, v.Reason)
	}
	failed := got.Outcome == event.Failed
	for name, set := range map[string]bool{
		"confidence": slices.Contains(event.Confidences, v.Confidence), "gave_up": slices.Contains(event.Sides, v.GaveUp),
		"look_at": slices.Contains(event.Sides, v.LookAt), "hint": failed && v.Hint != "",
	} {
		if set != failed {
			t.Errorf("%s: %s set is %v", told(got), name, set)
		}
	}
	if again := Judge(got); !reflect.DeepEqual(again, got) {
		t.Errorf("judged again: %s, first: %s", told(again), told(got))
	}
	if !reflect.DeepEqual(before.Records, got.Records) || before.TCP != got.TCP {
		t.Error("facts changed")
	}
}

// pick draws one of the values.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// arbitrary makes an event of facts that need not fit each other.
func arbitrary(r *rand.Rand) event.Event {
	side := func() event.Side { return pick(r, event.Client, event.Server, event.Network, event.Unknown, "") }
	e := event.Event{
		Outcome: pick(r, event.Failed, event.Failed, event.Failed, event.Succeeded, event.Noise, event.Undecided, ""), Duration: r.Float64() * 3,
		Preface: pick(r, "", "", "", event.PrefaceHTTP, event.PrefacePostgres, event.PrefaceSMTP, event.PrefaceOther, event.PrefaceProxyV1, event.PrefaceConnect, "\x1b[2J"),
		TCP: event.TCP{
			ClosedBy: side(), How: pick(r, event.CloseFIN, event.CloseFIN, event.CloseRST, event.CloseTimeout, event.CloseRefused, event.CloseOpen, ""),
			ResetBy: side(), ResetReason: pick(r, "", "TCP_ABORT_ON_LINGER"), Error: pick(r, "", "ECONNREFUSED", "ETIMEDOUT", "EPERM", "\x00\n"),
			ClientBytes: pick(r, 0, 3, 100, uint64(r.IntN(5000))), ServerBytes: pick(r, 0, 1, 100, uint64(r.IntN(5000))),
			Retransmits: uint32(r.IntN(2)), TLSListener: r.IntN(2) == 0, Idle: pick(r, 0, 0.1, 2.0),
		},
	}
	e.Records = arbitraryTrail(r)
	e.Library = arbitraryLibrary(r, side())
	for range r.IntN(2) {
		e.Gaps = append(e.Gaps, event.Gap{From: side(), Why: pick(r, event.GapNotTLS, event.GapTrail, event.GapReordered, "")})
	}
	if r.IntN(2) == 0 {
		e.Alert = &event.Alert{Sender: side(), Level: pick(r, "", "fatal", "warning"), Encrypted: r.IntN(3) == 0}
		if code := uint8(r.IntN(125)); r.IntN(4) > 0 {
			e.Alert.Code = &code
		}
	}
	if r.IntN(3) > 0 {
		e.TLS = &event.TLS{
			Version: pick(r, "", "TLS 1.2", "TLS 1.3", "TLSv1.3", "0x1a2b"), SNI: pick(r, "", "a\nb\x1b[31m", strings.Repeat("é", 300)),
			Cipher:  pick(r, "", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_AES_128_CCM_8_SHA256"),
			Resumed: r.IntN(4) == 0, EarlyData: r.IntN(4) == 0, OfferedALPN: []string{"h2", "\r\n\x7f", strings.Repeat("x", 255)},
			OfferedCiphers: pick(r, nil, []string{"TLS_AES_128_GCM_SHA256"}, []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}),
			ClientAuth:     pick(r, "", event.ClientAuthRequested, event.ClientAuthSent, event.ClientAuthEmpty),
		}
	}
	return e
}

func arbitraryLibrary(r *rand.Rand, side event.Side) *event.Library {
	if r.IntN(4) == 0 {
		return nil
	}
	l := &event.Library{
		Side: side, ErrorCode: pick(r, 0, 0, 134, int64(980+r.IntN(300)), -1),
		VerifyCode: pick(r, 0, 0, 10, -5), VerifyDepth: pick(r, 0, 1, -1),
		VerifyText: pick(r, "", "", "X509_V_OK", "X509_V_ERR_CERT_HAS_EXPIRED", "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", "X509_V_ERR_HOSTNAME_MISMATCH",
			"X509_V_ERR_"+strings.Repeat("X", 300), "\x1b[2J\n", "x509.CertificateInvalidError"),
		ErrorText: pick(r, "", "", "received unknown_ca", "TLSV1_ALERT_UNKNOWN_CA", "bad_certificate", "bad_record_mac", "reason(7)",
			"\x1b]0;\xff"+strings.Repeat("é", 300), "alert(300)", "alert(99)"),
	}
	if r.IntN(2) == 0 {
		words := slices.Sorted(maps.Keys(errorTable))
		l.ErrorText = words[r.IntN(len(words))]
	}
	return l
}

// sharpens checks what a library's word may do to a verdict: nothing becomes a success or ceases to be one, nor does a failure, and
// what the wire knew of who ended it stays.
func sharpens(t *testing.T, e event.Event) {
	t.Helper()
	without := e
	without.Library = nil
	wire, got := Judge(without), Judge(e)
	rank := func(e event.Event) int { return slices.Index(event.Confidences, e.Verdict.Confidence) }
	switch {
	case (wire.Outcome == event.Succeeded) != (got.Outcome == event.Succeeded), wire.Outcome == event.Failed && got.Outcome != event.Failed:
	case wire.Outcome == event.Failed && wire.Verdict.GaveUp != event.Unknown && wire.Verdict.GaveUp != got.Verdict.GaveUp:
	case wire.Outcome == event.Failed && rank(got) > rank(wire):
	default:
		return
	}
	t.Errorf("without the library: %s, with it: %s", told(wire), told(got))
}

func arbitraryTrail(r *rand.Rand) []event.Record {
	var trail []event.Record
	for i := range r.IntN(14) {
		trail = append(trail, event.Record{
			From: pick(r, event.Client, event.Server, event.Client, event.Server, ""),
			Type: pick(r, typeHandshake, typeHandshake, typeAlert, typeCCS, typeData, typeData, "99"),
			Handshake: pick(r, "", "client_hello", "server_hello", "hello_retry_request", "certificate", "server_hello_done",
				"client_key_exchange", "certificate_verify", "finished"),
			Length: pick(r, 0, 2, 7, 11, 19, 25, 26, 53, 61, 69, 77, r.IntN(20000)), At: int64(i * r.IntN(1000000)),
		})
	}
	return trail
}

func TestArbitraryFactsNeverBreakAVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		e := arbitrary(r)
		before, _ := json.Marshal(e)
		holds(t, e, Judge(e))
		sharpens(t, e)
		if after, _ := json.Marshal(e); string(after) != string(before) {
			t.Errorf("the input changed:\n%s\n%s", before, after)
		}
		if t.Failed() {
			t.Fatalf("event: %s", before)
		}
	}
}

// FuzzJudge reads events as JSON, as from a file given to the program.
func FuzzJudge(f *testing.F) {
	for _, line := range []string{"C:client_hello/512 S:RST", asked13 + "C:ccs C:app/25 C:app/69 S:app/19 S:FIN", flight12 + "C:alert(2,48) C:FIN"} {
		b, _ := json.Marshal(tape(f, "TLS 1.3", line))
		f.Add(b)
	}
	b, _ := json.Marshal(row{tape: alerts13, also: clientSays(verifyFailed, "X509_V_ERR_CERT_HAS_EXPIRED")}.event(f))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var e event.Event
		if json.Unmarshal(b, &e) != nil {
			return
		}
		holds(t, e, Judge(e))
		sharpens(t, e)
	})
}

func TestEveryReasonHasAHint(t *testing.T) {
	for _, r := range event.Reasons() {
		if Hint(r) == "" {
			t.Errorf("%s has none", r)
		}
	}
	if Hint("no_such_reason") != "" || len(hints) != len(event.Reasons()) {
		t.Error("a hint for a reason that is not in the closed set")
	}
}

func BenchmarkJudge(b *testing.B) {
	e := tape(b, "TLS 1.3", asked13+"C:ccs C:app/796 C:app/96 C:app/69 C:app/35 S:app/19 S:RST")
	b.ReportAllocs()
	for b.Loop() {
		Judge(e)
	}
}
