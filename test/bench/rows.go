package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"

	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// How figures come about, as the table says it.
const (
	byClock  = "clock, in turns with empty programs"
	byKernel = "the kernel's account of run time, less that of empty programs"
)

func packetRows(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, kind := range []struct {
		name string
		goal float64
		lane.Talk
	}{{"packet of an established connection", 10, lane.Established}, {"packet of a young connection without TLS", 0, lane.Young}} {
		cost, err := measurePackets(ctx, b, kind.Talk)
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			row{kind.name, kind.goal, "ns", cost.counted, byKernel},
			row{"", 0, "ns", cost.programs, byClock},
			row{"  dispatch, whatever the program does", 0, "ns", cost.dispatch, "clock, empty programs in turns with none"})
	}
	return rows, nil
}

func handshakeRows(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		configs, err := newConfigs(version)
		if err != nil {
			return nil, err
		}
		recorded, err := record(configs)
		if err != nil {
			return nil, fmt.Errorf("record a %s handshake: %w", tls.VersionName(version), err)
		}
		cost, err := measureHandshakes(ctx, b, newReplay(recorded))
		if err != nil {
			return nil, err
		}
		rows = append(rows, replayRows(tls.VersionName(version), cost)...)
		if cost, err = measureHandshakes(ctx, b, real{configs}); err != nil {
			return nil, err
		}
		rows = append(rows, row{"  the same with crypto/tls, all included", 0, "µs", cost.all.Over(1000),
			fmt.Sprintf("clock; without programs it takes %s µs", figure(cost.bare.Over(1000).Median()))})
	}
	return rows, nil
}

func replayRows(version string, cost *handshakeCost) []row {
	return []row{
		{"successful " + version + " handshake, both ends here", 5, "µs", cost.counted.Over(1000), byKernel},
		{"  one end of it", 0, "µs", cost.counted.Over(2000), "half of that"},
		{"  runs of programs, both ends", 0, "runs", cost.hits, "the kernel's count, from connect to close"},
		{"  tlstrace, both ends", 0, "µs", cost.programs.Over(1000), byClock + ", the recorded bytes"},
		{"  dispatch, both ends", 0, "µs", cost.dispatch.Over(1000), "clock, empty programs in turns with none"},
		{"  tlstrace and dispatch, both ends", 0, "µs", cost.all.Over(1000),
			fmt.Sprintf("clock, in turns with no program; without it takes %s µs", figure(cost.bare.Over(1000).Median()))},
	}
}

func pipelineRows(all map[string]*pipelineCost) []row {
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		rows = append(rows,
			row{"event from ring to JSON, " + name, 2000, "ns", c.ns, "processor time of a process that does only that"},
			row{"", 5, "allocs", sample.Sample{c.allocs}, fmt.Sprintf("the Go runtime's count; %s bytes", figure(c.bytes))})
	}
	return rows
}

func memoryRows(m *memory) []row {
	return []row{
		{"kernel memory of all maps", 16, "MiB", sample.Sample{float64(m.total()) / mebibyte}, "fdinfo memlock: " + m.largest()},
		{"  of all programs", 0, "MiB", sample.Sample{float64(m.programs) / mebibyte}, "fdinfo memlock"},
	}
}

func watchRows(all []resident) []row {
	var peak, now, private sample.Sample
	for _, r := range all {
		peak = append(peak, float64(r.peak)/mebibyte)
		now = append(now, float64(r.now)/mebibyte)
		private = append(private, float64(r.private)/mebibyte)
	}
	how := fmt.Sprintf("/proc/PID/status after %d failures: ", watchedFailures)
	return []row{
		{"memory of watch -o json, at its peak", 40, "MiB", peak, how + "VmHWM"},
		{"  at the end", 0, "MiB", now, how + "VmRSS"},
		{"  of that not the binary's pages", 0, "MiB", private, how + "RssAnon"},
	}
}
