package verdict

import (
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// row is one connection and what it means: "outcome reason phase gave_up look_at confidence", with - for what is absent.
type row struct {
	name    string
	version string // chosen; "" if there was no ServerHello
	tape    string
	also    func(*event.Event) // what the tape cannot say
	want    string
}

// told spells the decisive part of a verdict as rows do.
func told(e event.Event) string {
	v := e.Verdict
	words := []string{
		string(e.Outcome), string(v.Reason), string(v.Phase), string(v.GaveUp), string(v.LookAt), string(v.Confidence),
	}
	for i, w := range words {
		if w == "" {
			words[i] = "-"
		}
	}
	return strings.Join(words, " ")
}

func (r row) event(t testing.TB) event.Event {
	e := tape(t, r.version, r.tape)
	if r.also != nil {
		r.also(&e)
	}
	return e
}

func judgeRows(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			e := r.event(t)
			got := Judge(e)
			if told(got) != r.want {
				t.Errorf("%s\n got %s (%s)\nwant %s", r.tape, told(got), got.Verdict.Summary, r.want)
			}
			holds(t, e, got)
		})
	}
}

// Parts of tapes.
const (
	hello13  = "C:client_hello/512 S:server_hello/122 S:ccs "
	flight13 = hello13 + "S:app/27 S:app/416 S:app/96 S:app/69 "
	asked13  = hello13 + "S:app/27 S:app/90 S:app/416 S:app/96 S:app/69 "
	retry13  = "C:client_hello/512 S:hello_retry_request/88 S:ccs "

	flight12 = "C:client_hello/215 S:server_hello/93 S:certificate/772 S:server_key_exchange/114 S:server_hello_done/4 "
	asked12  = "C:client_hello/215 S:server_hello/93 S:certificate/772 S:server_key_exchange/114 S:certificate_request/70 S:server_hello_done/4 "
	keys12   = "C:client_key_exchange/37 C:ccs C:hs/40 "
	none12   = "C:certificate/7 " + keys12
	cert12   = "C:certificate/399 C:client_key_exchange/37 C:certificate_verify/79 C:ccs C:hs/40 "
	done12   = "S:ccs S:hs/40 "
)

func preface(p event.Preface) func(*event.Event) {
	return func(e *event.Event) { e.Preface = p }
}

func listener(p event.Preface) func(*event.Event) {
	return func(e *event.Event) { e.Preface, e.TCP.TLSListener = p, true }
}

// badRequest is HTTP to a TLS port that answers with status 400.
func badRequest(e *event.Event) {
	listener(event.PrefaceHTTP)(e)
	e.TCP.BadRequest = true
}

func suite(name string) func(*event.Event) {
	return func(e *event.Event) { e.TLS.Cipher = name }
}

func versions(v ...string) func(*event.Event) {
	return func(e *event.Event) { e.TLS.OfferedVersions = v }
}

func ciphers(c ...string) func(*event.Event) {
	return func(e *event.Event) { e.TLS.OfferedCiphers = c }
}

func resumed(e *event.Event) { e.TLS.Resumed = true }
func early(e *event.Event)   { e.TLS.Resumed, e.TLS.EarlyData = true, true }
