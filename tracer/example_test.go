package tracer_test

import (
	"context"
	"fmt"
	"log"
	"os/signal"
	"syscall"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
	"github.com/tlstrace/tlstrace/verdict"
)

// Print every handshake that fails on this machine, until Ctrl-C.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	t, err := tracer.Open(tracer.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = t.Close() }()
	for {
		facts, err := t.Read(ctx)
		if err != nil {
			return
		}
		if e := verdict.Judge(facts); e.Outcome == event.Failed {
			fmt.Println(e.Client.Addr, e.Server.Addr, e.Verdict.Reason, e.Verdict.Summary)
		}
	}
}
