package main

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// steps writes down what a flow did with an event.
type steps struct {
	taken []string
	err   error // returned by Write
}

func (s *steps) Write(e event.Event) error {
	s.taken = append(s.taken, "sink "+e.ID+" "+string(e.Outcome)+" "+e.Node)
	return s.err
}

func (s *steps) Close() error { return nil }

func (s *steps) flow(src source) flow {
	return flow{
		tracer:  src,
		verdict: func(e event.Event) event.Event { e.Outcome = event.Failed; return e },
		enrich:  func(e *event.Event) { e.Node = "named" },
		filter:  func(e event.Event) bool { return e.ID != "unwanted" },
		sink:    s,
	}
}

func TestFlowTakesEveryStepInOrder(t *testing.T) {
	src := &fakeSource{events: []event.Event{{ID: "a"}, {ID: "unwanted"}, {ID: "b"}}, end: tracer.ErrClosed}
	var s steps
	if err := s.flow(src).run(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{"sink a failed named", "sink b failed named"}
	if diff := cmp.Diff(want, s.taken); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFlowEnds(t *testing.T) {
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name    string
		ctx     context.Context
		readErr error
		sinkErr error
		want    error
	}{
		{"when the tracer is closed", context.Background(), tracer.ErrClosed, nil, nil},
		{"when it is interrupted", cancelled, nil, nil, nil},
		{"when the sink has enough", context.Background(), nil, errEnough, nil},
		{"with the error of the tracer", context.Background(), broken, nil, broken},
		{"with the error of the sink", context.Background(), nil, broken, broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := steps{err: tt.sinkErr}
			src := &fakeSource{events: []event.Event{{ID: "a"}}, end: tt.readErr}
			if err := s.flow(src).run(tt.ctx); !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
