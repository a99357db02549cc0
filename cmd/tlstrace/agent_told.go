package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/history"
	"github.com/tlstrace/tlstrace/sink/otlp"
	"github.com/tlstrace/tlstrace/sink/stream"
)

// told is where events are written, kept and streamed, after the filter and the folding.
type told struct {
	*tap
	out  *outlet // standard output
	past *history.History
	hub  *stream.Hub
	otlp *otlp.Exporter // nil without --otlp-endpoint
}

// openTold opens what --history-dir and the other settings name. export may be nil.
func openTold(w *world, f *agentFlags, export *otlp.Exporter, log *slog.Logger) (*told, error) {
	wanted, err := f.wanted()
	if err != nil {
		return nil, err
	}
	past, err := history.Open(history.Options{
		Events: f.historyEvents, Bytes: f.historyBytes, Dir: f.historyDir, Logger: log, Now: w.now,
	})
	if err != nil {
		return nil, err
	}
	t := &told{out: newOutlet(w.stdout), past: past, hub: stream.NewHub(stream.Options{Now: w.now}), otlp: export}
	sinks := sink.Multi{sink.NewJSON(t.out), past}
	if export != nil {
		sinks = append(sinks, export)
	}
	t.tap = newTap(sinks, wanted, f.fold)
	return t, nil
}

// account says what became of the events, for the last message.
func (t *told) account(p *pool) []any {
	s := t.stats()
	return []any{
		"read", p.read.Load(), "without_names", p.unnamed.Load(), "folded", s.Folded, "shed", s.Shed, "log_lines_lost", t.out.lost(),
	}
}

// lost counts what was not written, by where that was.
func (t *told) lost() map[string]uint64 {
	lost := map[string]uint64{"log": t.out.lost(), "history_disk": t.past.Stats().DiskLost, "kinds": t.stats().Shed}
	if t.otlp != nil {
		s := t.otlp.Stats()
		lost["otlp"] = s.Dropped + s.Failed
	}
	return lost
}

// close tells what is folded, and writes out what waits.
func (t *told) close(ctx context.Context) error {
	err := t.tap.Close()
	return errors.Join(err, t.hub.Close(), t.out.finish(remaining(ctx)))
}

// handler serves what is kept, and what comes.
func (t *told) handler() http.Handler { return t.hub.Handler(t.past) }
