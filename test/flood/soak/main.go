// Command soak loads `tlstrace agent` for long, and writes what it had before and after: `make soak` makes a million healthy
// handshakes, `make endurance` an hour of mixed load in which cgroups, processes, and libraries come and go.
//
// The load runs in a cgroup of its own, which the agent traces: what else the machine does is not counted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if role := os.Getenv(peerRole); role != "" {
		exit(play(role, os.Args[1:]))
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/tlstrace", "the tlstrace that is loaded")
	flag.IntVar(&o.handshakes, "handshakes", 1_000_000, "end after so many healthy handshakes")
	flag.DurationVar(&o.duration, "duration", time.Hour, "end after this time, however many there were")
	flag.BoolVar(&o.mixed, "mixed", false, "also fail, make and remove cgroups, start processes, and replace libraries")
	flag.IntVar(&o.rate, "rate", 1000, "handshakes a second of each of the Go clients, at most")
	flag.StringVar(&o.page, "page", "docs/soak.md", "write the figures into this page; \"\" prints them only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(checkedRun(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// checkedRun says what is missing before an hour is spent.
func checkedRun(ctx context.Context, o options) error {
	if os.Geteuid() != 0 {
		return errors.New("it traces and makes cgroups: run it as root (make soak uses sudo)")
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("%w; make build builds it", err)
	}
	return run(ctx, o)
}
