package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// maxRows bounds how many kinds of failures are told apart; those beyond are counted together.
const maxRows = 1000

// rateSpan is what the rate is of, in slots.
const (
	rateSlot = 10 * time.Second
	rateSpan = 5 * time.Minute
)

// Row is failures of one reason between the same two workloads.
type Row struct {
	Client string       `json:"client"`
	Server string       `json:"server"`
	Reason event.Reason `json:"reason"`
	Layer  event.Layer  `json:"layer,omitempty"`
	// Failures is how many, at least: where both ends tell of the same ones without naming them all, the end counts that counted more.
	Failures  uint64    `json:"failures"`
	PerMinute float64   `json:"per_minute"` // over the last five minutes, or less if it has not run for so long
	Last      time.Time `json:"last"`
	ID        string    `json:"id"` // of the last
	LookAt    string    `json:"look_at,omitempty"`
}

// rowKey is what makes failures alike.
type rowKey struct {
	client, server string
	reason         event.Reason
}

// row counts what each end has told.
type row struct {
	newest event.Event
	from   map[event.Vantage]uint64
	slots  map[int64]map[event.Vantage]uint64 // by the number of the slot since 1970
}

// tally counts failures by pair and reason.
type tally struct {
	rows   map[rowKey]*row
	others uint64 // failures of kinds beyond maxRows, as they came
	begun  time.Time
}

func newTally(begun time.Time) *tally { return &tally{rows: map[rowKey]*row{}, begun: begun} }

func (t *tally) add(e event.Event) {
	if e.Outcome != event.Failed {
		return
	}
	n := 1 + uint64(max(e.Repeated, 0))
	key := rowKey{whoIs(&e.Client), whoIs(&e.Server), e.Verdict.Reason}
	r := t.rows[key]
	if r == nil {
		if len(t.rows) >= maxRows {
			t.others += n
			return
		}
		r = &row{newest: e, from: map[event.Vantage]uint64{}, slots: map[int64]map[event.Vantage]uint64{}}
		t.rows[key] = r
	}
	r.add(e, n)
}

func (r *row) add(e event.Event, n uint64) {
	if !e.Time.Before(r.newest.Time) {
		r.newest = e
	}
	r.from[e.ObservedFrom] += n
	at := e.Time.UnixNano() / int64(rateSlot)
	oldest := r.newest.Time.Add(-rateSpan).UnixNano() / int64(rateSlot)
	maps.DeleteFunc(r.slots, func(slot int64, _ map[event.Vantage]uint64) bool { return slot < oldest })
	if at < oldest {
		return
	}
	if r.slots[at] == nil {
		r.slots[at] = map[event.Vantage]uint64{}
	}
	r.slots[at][e.ObservedFrom] += n
}

// atLeast is how many connections there were that each end has told of so many.
func atLeast(from map[event.Vantage]uint64) uint64 {
	return from[event.FromBoth] + max(from[event.FromClient], from[event.FromServer])
}

// table lists the rows, the most failures first, of equals the latest.
func (t *tally) table(now time.Time) []Row {
	rows := make([]Row, 0, len(t.rows))
	for key, r := range t.rows {
		rows = append(rows, Row{
			Client: key.client, Server: key.server, Reason: key.reason, Layer: r.newest.Verdict.Layer, LookAt: string(r.newest.Verdict.LookAt),
			Failures: atLeast(r.from), PerMinute: t.rate(r, now), Last: r.newest.Time, ID: sink.Escape(r.newest.ID, 60),
		})
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Failures, a.Failures), b.Last.Compare(a.Last), cmp.Compare(a.Client, b.Client),
			cmp.Compare(a.Server, b.Server), cmp.Compare(a.Reason, b.Reason))
	})
	return rows
}

// rate is failures per minute.
func (t *tally) rate(r *row, now time.Time) float64 {
	from := map[event.Vantage]uint64{}
	oldest := now.Add(-rateSpan).UnixNano() / int64(rateSlot)
	for slot, counts := range r.slots {
		if slot < oldest {
			continue
		}
		for vantage, n := range counts {
			from[vantage] += n
		}
	}
	minutes := min(now.Sub(t.begun), rateSpan).Minutes()
	return float64(atLeast(from)) / max(minutes, rateSlot.Minutes())
}

// whoIs names an end by what stays the same while its pods come and go.
func whoIs(p *event.Endpoint) string {
	if k := p.K8s; k != nil {
		if name := cmp.Or(k.Workload, k.Pod, k.Service); name != "" {
			return sink.Escape(strings.TrimPrefix(k.Namespace+"/"+name, "/"), 120)
		}
	}
	if p.Process != nil && p.Process.Comm != "" {
		return sink.Escape(p.Process.Comm, 60)
	}
	if !p.Addr.IsValid() {
		return "?"
	}
	return p.Addr.Unmap().String()
}
