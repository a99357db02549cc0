package sink

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"

	"github.com/tlstrace/tlstrace/event"
)

func TestYAMLRoundTrip(t *testing.T) {
	names, events := samples(t)
	var buf bytes.Buffer
	sink := NewYAML(&buf)
	for _, e := range events {
		if err := sink.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	docs := strings.Split(buf.String(), "---\n")[1:]
	if len(docs) != len(events) {
		t.Fatalf("%d documents for %d events", len(docs), len(events))
	}
	for i, doc := range docs {
		checkScreen(t, Screen{}, doc)
		if names[i] == "hostile" {
			continue // it is spelled out, see below
		}
		var got event.Event
		if err := yaml.UnmarshalStrict([]byte(doc), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(events[i], got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("%s: %s", names[i], diff)
		}
	}
}

func TestYAMLSpellsWhatATerminalObeys(t *testing.T) {
	var buf bytes.Buffer
	if err := NewYAML(&buf).Write(event.Event{ID: "a\u202eb"}); err != nil {
		t.Fatal(err)
	}
	if want := `id: a\u202eb` + "\n"; !strings.Contains(buf.String(), want) {
		t.Errorf("no %q in\n%s", want, buf.String())
	}
}

func TestYAMLReportsThatItsOutputIsGone(t *testing.T) {
	if err := NewYAML(brokenPipe{}).Write(event.Event{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}
