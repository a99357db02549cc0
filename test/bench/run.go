package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tlstrace/tlstrace/test/bench/machine"
)

// options say what to measure with.
type options struct {
	binary   string // tlstrace
	pipeline string // test binary of package tracer
	tracer   string // that package's directory
}

// run measures everything and prints the table.
func run(ctx context.Context, w io.Writer, o options) (err error) {
	b, err := openBench()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	fmt.Fprintf(w, "%s\n\n", machine.Conditions(b.cgroups.Root))
	rows, err := kernelRows(ctx, b)
	if err != nil {
		return err
	}
	pipeline, err := measurePipeline(ctx, o.pipeline, o.tracer)
	if err != nil {
		return err
	}
	watched, err := measureWatches(ctx, b.cgroups, o.binary)
	if err != nil {
		return err
	}
	rows = append(rows, pipelineRows(pipeline)...)
	rows = append(rows, memoryRows(&b.traced.memory)...)
	return printTable(w, append(rows, watchRows(watched)...))
}

// kernelRows measures what happens on packets and sockets.
func kernelRows(ctx context.Context, b *bench) ([]row, error) {
	defer quiet()()
	packets, err := packetRows(ctx, b)
	if err != nil {
		return nil, err
	}
	handshakes, err := handshakeRows(ctx, b)
	return append(packets, handshakes...), err
}
