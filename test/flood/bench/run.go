package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// series is what was measured in one way, once for each pair.
type series struct {
	name          string
	of            func(latencies) float64
	without, with []float64
}

func run(ctx context.Context, o options) (err error) {
	leave, err := enterCgroup()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave.back()) }()
	h, err := newHealthy()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	stop, err := startFlood(o.rate)
	if err != nil {
		return err
	}
	defer stop()
	all := []*series{
		{name: "round trip on an open connection, median", of: func(l latencies) float64 { return quantile(l.trips, 0.5) }},
		{name: "the same, 99th percentile", of: func(l latencies) float64 { return quantile(l.trips, 0.99) }},
		{name: "handshake and round trip, median", of: func(l latencies) float64 { return quantile(l.handshakes, 0.5) }},
		{name: "the same, 99th percentile", of: func(l latencies) float64 { return quantile(l.handshakes, 0.99) }},
	}
	var cost cost
	for range o.pairs {
		if err := measurePair(ctx, o, h, leave.dir, all, &cost); err != nil {
			return err
		}
	}
	show(o, all, cost)
	return nil
}

// cost is what the agents used while they were measured beside.
type cost struct{ shares []float64 }

func measurePair(ctx context.Context, o options, h *healthy, cgroup string, all []*series, c *cost) error {
	alone, err := h.measure(o.each)
	if err != nil {
		return err
	}
	a, err := startAgent(ctx, o.binary, cgroup)
	if err != nil {
		return err
	}
	before, begun := a.cpu(), time.Now()
	beside, err := h.measure(o.each)
	c.shares = append(c.shares, 100*(a.cpu()-before).Seconds()/time.Since(begun).Seconds())
	if err := errors.Join(err, a.stop()); err != nil {
		return err
	}
	for _, s := range all {
		s.without, s.with = append(s.without, s.of(alone)), append(s.with, s.of(beside))
	}
	return nil
}

func show(o options, all []*series, c cost) {
	load := "unknown"
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
	}
	rate := fmt.Sprintf("%d failures a second", o.rate)
	if o.rate == 0 {
		rate = "as many failures as possible"
	}
	fmt.Printf("%s UTC, %s, %d pairs of %s, load %s\n\n", time.Now().UTC().Format(time.DateTime), rate, o.pairs, o.each, load)
	fmt.Print("| healthy connections beside a flood | not traced | traced | ratio: median (least to greatest of the pairs) |\n|---|---|---|---|\n")
	for _, s := range all {
		ratios := make([]float64, len(s.with))
		for i := range ratios {
			ratios[i] = s.with[i] / s.without[i]
		}
		fmt.Printf("| %s | %.0f µs | %.0f µs | %.3f (%.2f to %.2f) |\n", s.name, median(s.without), median(s.with), median(ratios),
			slices.Min(ratios), slices.Max(ratios))
	}
	fmt.Printf("\nThe agent used %.1f %% of a processor (%.1f to %.1f).\n", median(c.shares), slices.Min(c.shares), slices.Max(c.shares))
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return quantile(sorted, 0.5)
}

// startFlood returns what ends it.
func startFlood(rate int) (stop func(), err error) {
	server := peer("refuse")
	out, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	end := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		end(server)
		return nil, err
	}
	clients := peer("fail", strings.TrimSpace(strings.TrimPrefix(line, "ready ")), strconv.Itoa(rate))
	if err := clients.Start(); err != nil {
		end(server)
		return nil, err
	}
	return func() { end(clients); end(server) }, nil
}

func peer(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), peerRole+"="+role)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

type agent struct{ cmd *exec.Cmd }

// startAgent returns once it traces.
func startAgent(ctx context.Context, binary, cgroup string) (*agent, error) {
	a := &agent{exec.CommandContext(ctx, binary, "agent", "--kubernetes", "off", "--listen", "127.0.0.1:0", "--cgroup", cgroup)}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := a.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; make build builds it", err)
	}
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var m struct{ Msg string }
		if json.Unmarshal(lines.Bytes(), &m) == nil && m.Msg == "tracing" {
			return a, nil
		}
	}
	return nil, errors.Join(errors.New("the agent does not trace"), a.cmd.Wait())
}

// cpu is what it has used: utime and stime of /proc/PID/stat, in hundredths of a second.
func (a *agent) cpu() time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(a.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (a *agent) stop() error {
	return errors.Join(a.cmd.Process.Signal(syscall.SIGTERM), a.cmd.Wait())
}
