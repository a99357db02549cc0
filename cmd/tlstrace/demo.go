package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

const demoLong = `demo makes handshakes fail on purpose, and some healthy ones, between two processes of its own on loopback. It traces
them with the real tracer and shows what was caught and what was rightly not. Nothing else is touched, and nothing
stays. Exit code 1 means that something was not as expected.`

const (
	// settle is how long the demo waits for events after the last connection has ended.
	settle = 5 * time.Second
	// quiet is how long it listens on, once it has all it expects, for events that should not come.
	quiet = 500 * time.Millisecond
)

func newDemo(w *world) *cobra.Command {
	output := &session.Choice{Allowed: []string{"text", "json"}, Value: "text"}
	color := &session.Choice{Allowed: session.ColorModes, Value: "auto"}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make handshakes fail on this machine, and show what is caught",
		Long:  demoLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			results, err := demo(ctx, w)
			if err != nil {
				return err
			}
			if output.Value == "json" {
				err = json.NewEncoder(w.stdout).Encode(results)
			} else {
				err = printDemo(w.stdout, results, session.ScreenOf(w.stdout, color.Value))
			}
			if err == nil && slices.ContainsFunc(results, func(r demoResult) bool { return !r.OK }) {
				err = errFindings
			}
			return err
		},
	}
	cmd.Flags().VarP(output, "output", "o", "how to print it")
	cmd.Flags().Var(color, "color", "colours")
	session.CompleteSet(cmd, "output", output.Allowed)
	session.CompleteSet(cmd, "color", color.Allowed)
	return cmd
}

// demo plays all scenarios while the tracer runs, and compares.
func demo(ctx context.Context, w *world) ([]demoResult, error) {
	events, err := w.open(tracer.Options{Successes: true, Noise: true, GetError: true})
	if err != nil {
		return nil, err
	}
	caught := &catch{}
	flow := newFlow(w, events, false)
	flow.sink = caught
	reading, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- flow.run(reading) }()

	heard, addresses, err := play(ctx, w)
	if err == nil {
		caught.await(ctx, addresses)
	}
	stop()
	err = errors.Join(err, <-done, events.Close())
	if err == nil {
		err = ctx.Err()
	}
	return compare(heard, addresses, caught.all()), err
}

// play runs the two processes, and returns what each client said and where each server was.
func play(ctx context.Context, w *world) (heard map[string]string, addresses map[string]netip.AddrPort, err error) {
	k, err := newKit(demoName, otherName, w.now())
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(w.stderr, "making %d handshakes and connections on loopback, most of them to fail\n", len(scenarios()))
	peers, err := enter(ctx, w, &k)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, peers.leave()) }()
	addresses = map[string]netip.AddrPort{}
	for name, text := range k.Servers {
		if addresses[name], err = netip.ParseAddrPort(text); err != nil {
			return nil, nil, fmt.Errorf("the demo's server: %w", err)
		}
	}
	heard, err = peers.play(ctx, w, k)
	return heard, addresses, err
}

// catch is a sink that keeps everything; a demo makes a few dozen connections.
type catch struct {
	mu     sync.Mutex
	events []event.Event
}

// Write keeps one event.
func (c *catch) Write(e event.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	return nil
}

// Close does nothing.
func (c *catch) Close() error { return nil }

func (c *catch) all() []event.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// await returns when every scenario is as expected and it has been quiet for a moment, or when that takes too long.
func (c *catch) await(ctx context.Context, addresses map[string]netip.AddrPort) {
	deadline := time.After(settle)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var since time.Time
	for since.IsZero() || time.Since(since) < quiet {
		select {
		case <-ctx.Done():
			return
		case <-deadline:
			return
		case <-tick.C:
		}
		results := compare(nil, addresses, c.all())
		complete := !slices.ContainsFunc(results, func(r demoResult) bool { return !r.OK })
		if complete && since.IsZero() {
			since = time.Now()
		}
	}
}
