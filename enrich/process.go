// Package enrich gives names to the ends of an event: the process and the container; package kube builds pods and services on it.
//
// What it reads is the world at the time of reading, which is a little later than the event. Every look-up guards
// against that: a name that may belong to somebody else stays absent.
package enrich

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

const (
	// userHZ is the unit of starttime in /proc/PID/stat (proc_pid_stat(5)): USER_HZ is 100 on amd64 and arm64.
	userHZ = 100
	// startSlack covers the rounding of both /proc/uptime and starttime to 10 ms.
	startSlack = 20 * time.Millisecond
	// maxStatBytes bounds what is read of /proc/PID/stat: 52 numbers and a name of 16 bytes.
	maxStatBytes = 2048
	// maxExeBytes bounds the path of an executable (PATH_MAX).
	maxExeBytes = 4096
)

// ErrReused says that the process of this number started after the event: the one that was meant is gone.
var ErrReused = errors.New("the process number was used again")

// Processes names processes out of procfs.
type Processes struct {
	root   string
	now    func() time.Time
	owners *owners
}

// NewProcesses reads procfs at root ("/proc", or where the host's is mounted); now is the wall clock.
func NewProcesses(root string, now func() time.Time) *Processes {
	return &Processes{root: root, now: now, owners: newOwners(root, now)}
}

// Fill completes the processes of both ends as far as procfs still knows them: the executable, a name that the
// kernel did not see, and the owner of a listening port that no process had accepted from yet.
// What cannot be found is left as it was.
func (p *Processes) Fill(e *event.Event) {
	if s := &e.Server; s.Process == nil && s.NetNS != 0 && e.TCP.How != event.CloseRefused {
		if pid, err := p.Owner(s.NetNS, s.Addr, s.Port); err == nil {
			s.Process = &event.Process{PID: pid}
		}
	}
	for _, end := range []*event.Endpoint{&e.Client, &e.Server} {
		if end.Process != nil {
			p.name(end.Process, e.Time)
		}
	}
}

// name fills what is missing of one process, unless its number was used again since the event.
func (p *Processes) name(proc *event.Process, at time.Time) {
	if proc.PID <= 0 || (proc.Exe != "" && proc.Comm != "") {
		return
	}
	comm, err := p.Comm(proc.PID, at)
	if err != nil {
		return
	}
	exe, err := os.Readlink(p.path(proc.PID, "exe"))
	if err == nil && proc.Exe == "" {
		proc.Exe = bounded(strings.TrimSuffix(exe, " (deleted)"), maxExeBytes)
	}
	if proc.Comm == "" {
		proc.Comm = comm
	}
}

// Comm returns the name of the process that had this number at the given time, or [ErrReused] if it started later.
func (p *Processes) Comm(pid int, at time.Time) (string, error) {
	stat, err := readBounded(p.path(pid, "stat"), maxStatBytes)
	if err != nil {
		return "", fmt.Errorf("reading process %d: %w", pid, err)
	}
	comm, ticks, err := parseStat(stat)
	if err != nil {
		return "", fmt.Errorf("reading process %d: %w", pid, err)
	}
	uptime, err := p.uptime()
	if err != nil {
		return "", err
	}
	age := uptime - time.Duration(ticks)*(time.Second/userHZ)
	if age+startSlack < p.now().Sub(at) {
		return "", fmt.Errorf("process %d: %w", pid, ErrReused)
	}
	return comm, nil
}

// uptime is the time since boot, suspend included, on the clock that starttime uses.
func (p *Processes) uptime() (time.Duration, error) {
	text, err := readBounded(filepath.Join(p.root, "uptime"), 64)
	if err != nil {
		return 0, fmt.Errorf("reading the time since boot: %w", err)
	}
	first, _, _ := strings.Cut(text, " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the time since boot: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

func (p *Processes) path(pid int, name string) string {
	return filepath.Join(p.root, strconv.Itoa(pid), name)
}

// readBounded reads at most limit bytes of a file.
func readBounded(path string, limit int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit))
	return string(text), err
}

// parseStat takes comm and starttime (fields 2 and 22) out of /proc/PID/stat. The name may hold spaces and
// parentheses, so that the last closing one ends it.
func parseStat(stat string) (comm string, startTicks uint64, err error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, errors.New("stat has no process name")
	}
	fields := strings.Fields(stat[end+1:]) // from field 3, the state
	const startTime = 22 - 3
	if len(fields) <= startTime {
		return "", 0, errors.New("stat is cut short")
	}
	startTicks, err = strconv.ParseUint(fields[startTime], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("stat has no start time: %w", err)
	}
	return stat[open+1 : end], startTicks, nil
}

func bounded(s string, limit int) string {
	if len(s) > limit {
		return s[:limit]
	}
	return s
}
