package sink

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// The bounds of a summary. Failures beyond maxGroups kinds are counted together.
const (
	maxGroups = 1000
	maxShown  = 20
)

// Totals is what was counted where no event told it. A zero is not known, and not shown.
type Totals struct {
	Elapsed   time.Duration     // how long was traced
	Succeeded uint64            // handshakes; the larger of this and the events written counts
	Noise     uint64            // likewise
	Undecided uint64            // likewise
	Lost      map[string]uint64 // what could not be followed or told, by where it was lost
}

// Summary groups failed handshakes by client, server and reason, and writes them on Close, worst first.
type Summary struct {
	// Totals, if set, is asked on Close.
	Totals func() Totals
	// Matching says that a filter chose the events: that there are none does not mean that nothing failed.
	Matching bool

	w      io.Writer
	screen Screen
	groups map[groupKey]*group
	others uint64 // failures of kinds beyond maxGroups
	counts map[event.Outcome]uint64
}

// groupKey is what makes failures alike. Its strings are bounded and safe. The client's port is ephemeral, and so left out.
type groupKey struct{ client, server, reason string }

// group is failures that are alike.
type group struct {
	groupKey
	count       uint64
	first, last time.Time
	newest      event.Verdict
}

// NewSummary makes a summary that will be written to w.
func NewSummary(w io.Writer, screen Screen) *Summary {
	return &Summary{w: w, screen: screen, groups: map[groupKey]*group{}, counts: map[event.Outcome]uint64{}}
}

// Write counts one event, and those that were folded into it. It never fails.
func (s *Summary) Write(e event.Event) error {
	n := times(e.Repeated)
	switch e.Outcome {
	case event.Failed:
		s.fail(&e, n)
	case event.Succeeded, event.Noise, event.Undecided:
	default: // a closed set keeps the map bounded
		return nil
	}
	s.counts[e.Outcome] += n
	return nil
}

func (s *Summary) fail(e *event.Event, n uint64) {
	key := s.screen.groupKey(e)
	g := s.groups[key]
	if g == nil {
		if len(s.groups) == maxGroups {
			s.others += n
			return
		}
		g = &group{groupKey: key, first: e.Time, last: e.Time}
		s.groups[key] = g
	}
	g.count += n
	if e.Time.Before(g.first) {
		g.first = e.Time
	}
	if !e.Time.Before(g.last) {
		g.last, g.newest = e.Time, e.Verdict
	}
}

func (s Screen) groupKey(e *event.Event) groupKey {
	client, server := s.end(&e.Client), s.end(&e.Server)
	return groupKey{
		client: strings.TrimSpace(firstOf(client.pod, client.service, client.comm) + " " + client.addr),
		server: strings.TrimSpace(firstOf(server.pod, server.service, server.comm) + " " + server.socket()),
		reason: firstOf(s.safe(string(e.Verdict.Reason)), "unknown"),
	}
}

// Close writes the summary.
func (s *Summary) Close() error {
	var totals Totals
	if s.Totals != nil {
		totals = s.Totals()
	}
	report := digest{
		Screen: s.screen, width: min(s.screen.columns(), maxLadder), nothing: "No failed handshakes", advised: map[string]string{},
	}
	if s.Matching {
		report.nothing = "No matching failed handshakes"
	}
	report.heading(s.counts, totals, len(s.groups))
	for i, g := range worst(s.groups) {
		if i == maxShown {
			break
		}
		report.group(g)
	}
	report.rest(worst(s.groups), s.others)
	report.lost(totals.Lost)
	_, err := io.WriteString(s.w, report.out.String())
	return err
}

// worst sorts groups: the most failures first, of equals the latest.
func worst(groups map[groupKey]*group) []*group {
	return slices.SortedFunc(maps.Values(groups), func(a, b *group) int {
		return cmp.Or(
			cmp.Compare(b.count, a.count), b.last.Compare(a.last),
			cmp.Compare(a.reason, b.reason), cmp.Compare(a.client, b.client), cmp.Compare(a.server, b.server),
		)
	})
}
