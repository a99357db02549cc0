package main

import (
	"log/slog"
	"os"

	"github.com/tlstrace/tlstrace/enrich"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
	"github.com/tlstrace/tlstrace/verdict"
)

// openTracer attaches to the kernel; warnings go to standard error unless there is a log for them.
func openTracer(o tracer.Options) (source, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	t, err := tracer.Open(o)
	if err != nil {
		return nil, err // not t: a nil *Tracer in the interface would not be nil
	}
	return t, nil
}

// newFlow connects a source to verdict and enrichment. A recording has both already, and its processes are those of
// another time or another machine: it is shown as it was recorded.
func newFlow(w *world, events source, recorded bool) flow {
	f := flow{
		tracer:  events,
		verdict: verdict.Judge,
		enrich:  enrich.NewProcesses(w.proc, w.now).Fill,
		filter:  func(event.Event) bool { return true },
	}
	if !tracer.HostProcesses(w.proc) {
		f.enrich = func(*event.Event) {} // the same number would be another process
	}
	if recorded {
		f.verdict = judgeIfOpen
		f.enrich = func(*event.Event) {}
	}
	return f
}

// judgeIfOpen leaves the verdict of a recording alone, and judges facts that come without one.
func judgeIfOpen(e event.Event) event.Event {
	if e.Outcome != "" {
		return e
	}
	return verdict.Judge(e)
}
