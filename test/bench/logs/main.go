// Command logs measures how fast `tlstrace logs` reads a mostly healthy log, next to a script of five regular expressions a line, one
// core each, in turns: go run ./test/bench/logs. It prints the median of each and their ratio, by processor time, and the memory of both;
// with -grow, how the memory of tlstrace depends on the size of the log.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// options are what is measured.
type options struct {
	binary, script string
	size           int64 // bytes of the log
	turns          int
	cpu            string
	grow           bool
}

func main() {
	var o options
	var generateOnly int64
	flag.StringVar(&o.binary, "binary", "bin/tlstrace", "the tlstrace to measure")
	flag.StringVar(&o.script, "script", "test/bench/logs/baseline.py", "what it is compared with")
	flag.Int64Var(&o.size, "size", 512<<20, "size of the log in bytes")
	flag.IntVar(&o.turns, "turns", 7, "how often each is run")
	flag.StringVar(&o.cpu, "cpu", "1", "the core to run on (taskset)")
	flag.BoolVar(&o.grow, "grow", false, "measure memory over streams of 100 MB and 1 GB as well")
	flag.Int64Var(&generateOnly, "generate", 0, "write a log of this many bytes to standard output, and do nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if generateOnly > 0 {
		err = generate(os.Stdout, generateOnly, 1)
	} else {
		err = measure(ctx, os.Stdout, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "logs:", err)
		stop()
		os.Exit(1)
	}
}
