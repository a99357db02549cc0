// Command bench measures what tracing costs on this machine and prints it as a table: `make bench`.
//
// Everything is compared with programs that do nothing, in turns, because what else a machine does is more than what tracing
// costs. Each figure is the median of several runs, and the least and the greatest run stand beside it.
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
)

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/tlstrace", "the tlstrace whose memory is measured")
	flag.StringVar(&o.pipeline, "pipeline", "bin/pipeline.test", "the test binary of package tracer: go test -c -o FILE ./tracer")
	flag.StringVar(&o.tracer, "tracer", "tracer", "the directory of package tracer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := checkedRun(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// checkedRun says what is missing before anything is measured.
func checkedRun(ctx context.Context, o options) error {
	if os.Geteuid() != 0 {
		return errors.New("it loads BPF programs and makes cgroups: run it as root (make bench uses sudo)")
	}
	for _, file := range []*string{&o.binary, &o.pipeline} {
		path, err := absolute(*file)
		if err != nil {
			return fmt.Errorf("%w; make bench builds it", err)
		}
		*file = path
	}
	return run(ctx, os.Stdout, o)
}

// absolute returns the path of a file that is there.
func absolute(path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return filepath.Abs(path)
}
