package others

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the tests of the cost are told through the environment.
const (
	costFile   = "TLSTRACE_OTHERS_COST"   // where TestCost writes its figures; empty skips it
	costRounds = "TLSTRACE_OTHERS_ROUNDS" // how many rounds; 10 if it is empty
	costInside = "TLSTRACE_COST_INSIDE"   // where TestCostInside writes, and by that it is run: a directory
	costTools  = "TLSTRACE_COST_TOOLS"    // the tools that TestCostInside measures, separated by commas
)

// The traffic of a run. An emulated machine makes fewer handshakes.
const (
	handshakesHere    = 2000
	handshakesInGuest = 200
)

const costOutput = "cost.json"

// TestCost measures what the tools cost: those that can run on this kernel in a network namespace, bpftrace in the virtual machine.
func TestCost(t *testing.T) {
	path := os.Getenv(costFile)
	if path == "" {
		t.Skip("run by make bench-others")
	}
	rounds := os.Getenv(costRounds)
	if rounds == "" {
		rounds = "10"
	}
	dir := t.TempDir()
	alone(t, "TestCostInside", costInside+"="+dir, costTools+"=tcpdump,tshark,python", costRounds+"="+rounds)
	here, err := os.ReadFile(filepath.Join(dir, costOutput))
	if err != nil {
		t.Fatal(err)
	}
	guest := inGuest(t, machine(t), "TestCostInside", nil, costInside+"=/result", costTools+"=bpftrace", costRounds+"="+rounds)
	if guest.ExitCode != 0 {
		t.Fatalf("the virtual machine's run failed:\n%s", guest.Output)
	}
	costs := make([]Costs, 2)
	for i, b := range [][]byte{here, guest.Files[costOutput]} {
		if err := json.Unmarshal(b, &costs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteCosts(path, costs); err != nil {
		t.Fatal(err)
	}
}

// TestCostInside measures where port 443 is free.
func TestCostInside(t *testing.T) {
	dir := os.Getenv(costInside)
	if dir == "" {
		t.Skip("run by TestCost")
	}
	rounds, err := strconv.Atoi(os.Getenv(costRounds))
	if err != nil {
		t.Fatal(err)
	}
	chosen := strings.Split(os.Getenv(costTools), ",")
	costs := Costs{Kernel: kernelRelease(t), Handshakes: handshakesHere, Rounds: rounds}
	if slices.Contains(chosen, "bpftrace") {
		costs.Handshakes = handshakesInGuest
		countProgramRuns(t)
	}
	costs.Failing = costs.Handshakes / 10
	tr := newTraffic(t, costs.Handshakes, costs.Failing)
	tr.run(t) // what is loaded once is loaded now
	runs := map[string][]measured{}
	for round := range rounds {
		for i := range len(chosen) + 1 {
			name := append([]string{""}, chosen...)[(i+round)%(len(chosen)+1)]
			runs[name] = append(runs[name], tr.beside(t, name))
		}
		t.Logf("round %d of %d", round+1, rounds)
	}
	for _, name := range chosen {
		costs.Tools = append(costs.Tools, summarise(name, version(t, programs[name]), costs.Handshakes, runs[""], runs[name]))
	}
	b, err := json.Marshal(costs)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, costOutput), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// programs are what the tools' versions are asked of.
var programs = map[string]string{"tcpdump": "tcpdump", "tshark": "tshark", "python": "/usr/bin/python3", "bpftrace": "bpftrace"}

func kernelRelease(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// countProgramRuns makes the kernel count the runs of BPF programs. It is done in the virtual machine only, for all runs there.
func countProgramRuns(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/kernel/bpf_stats_enabled", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
}

// measured is one run.
type measured struct {
	tool, traffic time.Duration
	hits          int
}

func summarise(name, version string, handshakes int, without, with []measured) Cost {
	var tool, traffic, all []float64
	hits := 0
	for i, m := range with {
		base := without[i].traffic.Seconds()
		tool = append(tool, m.tool.Seconds()*1000/float64(handshakes))
		traffic = append(traffic, m.traffic.Seconds()/base)
		all = append(all, (m.tool+m.traffic).Seconds()/base)
		hits += m.hits
	}
	return Cost{
		Tool: name, Version: version, ToolCPU: spread(tool), TrafficCPU: spread(traffic), All: spread(all),
		Hits: float64(hits) * 1000 / float64(handshakes*len(with)),
	}
}

// beside makes the traffic beside a tool; "" is no tool.
func (tr *traffic) beside(t *testing.T, name string) measured {
	t.Helper()
	if name == "" {
		return measured{traffic: tr.run(t)}
	}
	cmd, ready := tr.tool(t, name)
	var out, complaints lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, name+" does not get ready: ", func() bool { return ready(out.String()) }, &complaints)
	pid := cmd.Process.Pid
	before, hitsBefore := idleTime(t, pid), runsOf(t, pid)
	m := measured{traffic: tr.run(t)}
	m.tool = idleTime(t, pid) - before
	m.hits = runsOf(t, pid) - hitsBefore
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // ended by a signal
	return m
}

// await waits until something holds.
func await(t *testing.T, complaint string, holds func() bool, said fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s%s", complaint, said)
		}
	}
}

// idleTime waits until a tool has caught up, which is when it takes no more than what it takes to look whether there is more, and
// returns its CPU time.
func idleTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	const pause, little = 300 * time.Millisecond, 10 * time.Millisecond
	for last, deadline := time.Duration(-1), time.Now().Add(patience); ; time.Sleep(pause) {
		now, err := cpuTime("/proc", pid)
		if err != nil {
			t.Fatal(err)
		}
		if last >= 0 && now-last < little || time.Now().After(deadline) {
			return now
		}
		last = now
	}
}

func runsOf(t *testing.T, pid int) int {
	t.Helper()
	n, err := programRuns("/proc", pid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
