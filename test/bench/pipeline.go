package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// pipelineCost is what one event costs from the bytes in the ring to its line of JSON: BenchmarkPipeline of package tracer.
type pipelineCost struct {
	ns     sample.Sample // of processor time
	allocs float64
	bytes  float64
}

// pipelineRuns is how often the benchmark is run.
const pipelineRuns = 15

// measurePipeline runs a test binary of package tracer, in that package's directory.
func measurePipeline(ctx context.Context, binary, dir string) (map[string]*pipelineCost, error) {
	cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench=^BenchmarkPipeline$", "-test.benchtime=20000x",
		"-test.count="+strconv.Itoa(pipelineRuns))
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w: %s", binary, err, out)
	}
	return parseBenchmarks(string(out))
}

// parseBenchmarks reads the lines of a benchmark that end in units, as "BenchmarkPipeline/curl-2 20000 9000 ns/op 20 allocs/op".
func parseBenchmarks(text string) (map[string]*pipelineCost, error) {
	all := map[string]*pipelineCost{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		_, name, ok := strings.Cut(line, "/")
		if !ok || len(f) < 4 || !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		name, _, _ = strings.Cut(name, "\t")
		if i := strings.LastIndexByte(name, '-'); i > 0 { // the number of processors
			name = name[:i]
		}
		if all[name] == nil {
			all[name] = &pipelineCost{}
		}
		if err := all[name].add(f[2:]); err != nil {
			return nil, fmt.Errorf("benchmark line %q: %w", line, err)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the benchmark printed no figures")
	}
	return all, nil
}

// add takes pairs of a value and its unit.
func (p *pipelineCost) add(pairs []string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		value, err := strconv.ParseFloat(pairs[i], 64)
		if err != nil {
			return err
		}
		switch pairs[i+1] {
		case "cpu-ns/op":
			p.ns = append(p.ns, value)
		case "allocs/op":
			p.allocs = value
		case "B/op":
			p.bytes = value
		}
	}
	return nil
}
