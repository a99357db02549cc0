package sink

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

func summaryOf(t *testing.T, screen Screen, totals Totals, events ...event.Event) []byte {
	t.Helper()
	return draw(t, func(b *bytes.Buffer) error {
		s := NewSummary(b, screen)
		s.Totals = func() Totals { return totals }
		for _, e := range events {
			if err := s.Write(e); err != nil {
				return err
			}
		}
		return s.Close()
	})
}

func TestSummaryGolden(t *testing.T) {
	_, events := samples(t)
	again := sample(t, "refused")
	again.Time = again.Time.Add(40 * time.Second)
	again.Client.Port++
	again.Client.Process.PID++
	nextDay := sample(t, "tls12_client_expired")
	nextDay.Time = nextDay.Time.Add(26 * time.Hour)
	events = append(events, again, nextDay)
	totals := Totals{Elapsed: 32 * time.Second, Succeeded: 345, Lost: map[string]uint64{"ring": 12, "inflight": 0, "fragments": 3}}
	for _, width := range []int{0, 50, 80, 120} {
		screen := screenOf(width)
		golden(t, fmt.Sprintf("summary_%d", width), screen, summaryOf(t, screen, totals, events...))
	}
}

func TestSummaryFitsEveryScreen(t *testing.T) {
	_, events := samples(t)
	for width := 30; width < 140; width++ {
		screen := screenOf(width)
		checkScreen(t, screen, string(summaryOf(t, screen, Totals{Elapsed: time.Hour}, events...)))
	}
}

func TestSummaryOfNothingFailed(t *testing.T) {
	for _, c := range []struct {
		name   string
		totals Totals
		events []event.Event
		want   string
	}{
		{"clean", Totals{Elapsed: 12 * time.Second, Succeeded: 345}, nil, "\nNo failed handshakes in 12 s (345 succeeded)\n"},
		{"nothing at all", Totals{}, nil, "\nNo failed handshakes\n"},
		{
			"blind", Totals{Elapsed: time.Minute, Lost: map[string]uint64{"ring": 3}}, nil,
			"\nNo failed handshakes in 1 min 0 s\n\nNot everything could be followed; more may have failed: 3 ring\n",
		},
		{
			"others were shown", Totals{Succeeded: 2}, []event.Event{{Outcome: event.Succeeded, Repeated: 4}, {Outcome: event.Undecided}, {Outcome: "new"}},
			"\nNo failed handshakes (5 succeeded, 1 undecided)\n",
		},
		{"undecided, not shown", Totals{Undecided: 3}, nil, "\nNo failed handshakes (3 undecided)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(summaryOf(t, screenOf(80), c.totals, c.events...)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSummaryWithoutTotals(t *testing.T) {
	var buf bytes.Buffer
	if err := NewSummary(&buf, screenOf(80)).Close(); err != nil || buf.String() != "\nNo failed handshakes\n" {
		t.Errorf("got %q, %v", buf.String(), err)
	}
}

func TestSummaryOfAFilterDoesNotSpeakForAll(t *testing.T) {
	var buf bytes.Buffer
	s := NewSummary(&buf, screenOf(80))
	s.Matching = true
	if err := s.Close(); err != nil || buf.String() != "\nNo matching failed handshakes\n" {
		t.Errorf("got %q, %v", buf.String(), err)
	}
}

func TestSummaryGivesAdviceOncePerReason(t *testing.T) {
	first := sample(t, "refused")
	other, differs := first, first
	other.Client.Process = &event.Process{Comm: "curl"}
	differs.Client.Process = &event.Process{Comm: "python3"}
	differs.Verdict.Hint = "Ask whoever owns it."
	text := string(summaryOf(t, screenOf(80), Totals{}, differs, other, first))
	for want, times := range map[string]int{
		"Is the server running": 1, "look at the server: see connection_refused above\n": 1, "Ask whoever owns it.": 1,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%q is there %d times, want %d:\n%s", want, got, times, text)
		}
	}
}

func TestSummaryGroupsByClientServerAndReason(t *testing.T) {
	base := sample(t, "refused")
	otherPort, otherPID, otherServer, otherReason, otherComm := base, base, base, base, base
	otherPort.Client.Port = 1
	otherPID.Client.Process = &event.Process{PID: 1, Comm: base.Client.Process.Comm}
	otherServer.Server.Port++
	otherReason.Verdict.Reason = event.HostUnreachable
	otherComm.Client.Process = &event.Process{Comm: "curl"}
	s := NewSummary(nil, screenOf(80))
	for _, e := range []event.Event{base, otherPort, otherPID, otherServer, otherReason, otherComm} {
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	var counts []uint64
	for _, g := range worst(s.groups) {
		counts = append(counts, g.count)
	}
	if fmt.Sprint(counts) != "[3 1 1 1]" {
		t.Errorf("counts %v, want [3 1 1 1]", counts)
	}
}

func TestSummaryIsBounded(t *testing.T) {
	s := NewSummary(nil, screenOf(80))
	var buf bytes.Buffer
	s.w = &buf
	for i := range maxGroups + 50 {
		e := event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: event.UnknownCA}}
		e.Client.Addr = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.groups) != maxGroups {
		t.Errorf("%d groups are kept", len(s.groups))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text := buf.String()
	if n := strings.Count(text, "unknown_ca"); n != maxShown {
		t.Errorf("%d groups are shown", n)
	}
	if want := "others: 1,030 failures of more than 980 kinds"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	if want := "1,050 failed handshakes"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}
