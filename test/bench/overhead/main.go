// Command overhead measures what watching costs a proxy that terminates TLS and encrypts again, and writes docs/performance.md:
// `make bench-overhead`.
//
// A load is put on the proxy for a second at a time, in turns without and with the agent (or with what else people use), and each run is
// compared with its two neighbours. What is too little to be seen so is counted: how often programs run, times what a run costs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/tlstrace", "the tlstrace to measure")
	flag.StringVar(&o.page, "page", "", "write the page to this file, and not to standard output")
	flag.IntVar(&o.pairs, "pairs", 10, "how often each is compared")
	flag.DurationVar(&o.window, "window", time.Second, "how long each run loads the proxy, in whole seconds")
	flag.StringVar(&o.profiles, "profiles", "", "measure only the profiles that match this regular expression")
	flag.StringVar(&o.subjects, "subjects", "", "compare only the subjects that match this regular expression")
	quick := flag.Bool("quick", false, "two comparisons each: to see that it works")
	flag.Parse()
	if *quick {
		o.pairs = 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := checkedRun(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "overhead:", err)
		stop()
		os.Exit(1)
	}
}

// checkedRun says what is missing before anything is measured.
func checkedRun(ctx context.Context, o options) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("it loads BPF programs and makes cgroups: run it as root (make bench-overhead uses sudo)")
	}
	if o.window < time.Second || o.window%time.Second != 0 {
		return fmt.Errorf("-window %s: wrk takes whole seconds", o.window)
	}
	if o.pairs < 1 {
		return fmt.Errorf("-pairs %d: must be positive", o.pairs)
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("%w; make bench-overhead builds it", err)
	}
	return run(ctx, os.Stderr, o)
}
