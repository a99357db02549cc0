package stream

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestParseFilter(t *testing.T) {
	for query, want := range map[string]sink.Filter{
		"":                                    {},
		"reason=unknown_ca":                   {Reasons: []event.Reason{event.UnknownCA}},
		"reason=unknown_ca,%20name_mismatch":  {Reasons: []event.Reason{event.UnknownCA, event.NameMismatch}},
		"layer=peer&layer=certificate":        {Layers: []event.Layer{event.LayerPeer, event.LayerCertificate}},
		"all":                                 {All: true},
		"all=true":                            {All: true},
		"all=0":                               {},
		"from-workload=a&to-workload=shop/c*": {FromWorkload: "a", ToWorkload: "shop/c*"},
		"namespace=shop&pod=a&from-pod=b&to-pod=shop/c*": {Namespace: "shop", Pod: "a", FromPod: "b", ToPod: "shop/c*"},
		"sni=*.shop.svc,x":              {SNI: []string{"*.shop.svc", "x"}},
		"port=443,8443&pid=1&comm=curl": {Ports: []uint16{443, 8443}, PIDs: []int{1}, Comms: []string{"curl"}},
		"since=10m":                     {Since: noon.Add(-10 * time.Minute)},
		"since=2026-01-31T11:00:00Z":    {Since: noon.Add(-time.Hour)},
		"reason=&pod=&since=&port=,":    {},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(values, noon)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", query, err, diff)
		}
	}
}

func TestParseFilterSaysWhatIsWrong(t *testing.T) {
	for query, want := range map[string]string{
		"resaon=unknown_ca":                  `unknown key "resaon": did you mean "reason"?`,
		"from_pod=a":                         `did you mean "from-pod"?`,
		"zzzzzzz=1":                          "there are all, comm, from-pod,",
		"follow=true":                        `unknown key "follow"`,
		"reason=unkown_ca":                   `did you mean "unknown_ca"?`,
		"layer=transport":                    "unknown layer",
		"port=0":                             `port: "0" is no port`,
		"port=65536":                         "is no port",
		"pid=-1":                             "is no process id",
		"pid=x":                              "is no process id",
		"all=perhaps":                        `all: "perhaps" is neither true nor false`,
		"pod=a&pod=b":                        "pod: takes one value",
		"since=yesterday":                    `since: "yesterday" is neither a duration`,
		"since=-5m":                          "neither",
		"sni=[":                              "syntax error in pattern",
		"%1b[2J=1":                           `unknown key "\\x1b[2J"`,
		"reason=%1b[2J%0a":                   `\\x1b`,
		"port=" + strings.Repeat("1,", 300):  "port: more than 256 values",
		"sni=" + strings.Repeat("a", 301):    "sni: longer than 300 bytes",
		strings.Repeat("k", 5000) + "=value": "unknown key",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(values, noon)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 800 {
			t.Errorf("%.60s: %v, want %s", query, err, want)
		}
		if diff := cmp.Diff(sink.Filter{}, got); diff != "" {
			t.Errorf("%.60s: a filter in spite of the error: %s", query, diff)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                   typeLines,
		"*/*":                                typeLines,
		"application/x-ndjson":               typeLines,
		"application/json":                   typeLines,
		"text/event-stream":                  typeEvents,
		"Text/Event-Stream; charset=utf-8":   typeEvents,
		"text/html, text/*;q=0.5, */*;q=0.1": typeEvents,
		"text/event-stream, */*":             typeEvents,
		"application/x-ndjson;q=0.5, text/event-stream;q=0.4": typeLines,
		"application/x-ndjson;q=0.4, text/event-stream;q=0.5": typeEvents,
		"text/event-stream;q=0":                               "",
		"text/html":                                           "",
		"text/event-stream;q=2":                               "",
		";;,,\x00":                                            "",
	} {
		if got := negotiate([]string{accept}); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
	if got := negotiate([]string{"text/html", "text/event-stream"}); got != typeEvents {
		t.Errorf("of two headers %q", got)
	}
}

// FuzzParseFilter: what is accepted is within the bounds and can be matched; what is not is said in a line that is safe to show.
func FuzzParseFilter(f *testing.F) {
	f.Add("reason=unknown_ca&port=443&since=10m&sni=*.x&follow=true")
	f.Add("all&pid=1,2&comm=[a-z]&from-pod=a/b")
	f.Add("since=%1b&x=%00%ff;&&=")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw, noon)
		if err != nil {
			if text := err.Error(); len(text) > 8192 || strings.ContainsAny(text, "\x1b\n\r\x00\x7f") {
				t.Errorf("unsafe to show: %q", text)
			}
			return
		}
		if n := len(q.filter.SNI) + len(q.filter.Comms) + len(q.filter.Ports) + len(q.filter.PIDs); n > 4*maxItems {
			t.Errorf("%d items", n)
		}
		q.filter.Match(event.Event{Outcome: event.Failed, TLS: &event.TLS{SNI: "a.x"}, Client: event.Endpoint{
			Process: &event.Process{PID: 1, Comm: "a"}, K8s: &event.K8s{Namespace: "a", Pod: "b"},
		}})
	})
}
