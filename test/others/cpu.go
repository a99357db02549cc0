package others

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the CPU time of a process, its threads and its children that live, from proc, the root of procfs. It is finer than
// the ticks of /proc/PID/stat; threads that have ended are not in it.
func cpuTime(proc string, pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(filepath.Join(proc, strconv.Itoa(pid), "task/*"))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	var sum time.Duration
	for _, task := range tasks {
		ran, err := taskTime(proc, task)
		if errors.Is(err, fs.ErrNotExist) { // ended meanwhile
			continue
		}
		if err != nil {
			return 0, err
		}
		sum += ran
	}
	return sum, nil
}

// taskTime is the time of a thread and of the processes that it has started.
func taskTime(proc, task string) (time.Duration, error) {
	sched, err := os.ReadFile(filepath.Join(task, "schedstat")) // nanoseconds on a CPU, nanoseconds in the queue, turns
	if err != nil {
		return 0, err
	}
	ran, _, _ := strings.Cut(string(sched), " ")
	nanoseconds, err := strconv.ParseInt(ran, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s/schedstat: %w", task, err)
	}
	sum := time.Duration(nanoseconds)
	children, err := os.ReadFile(filepath.Join(task, "children"))
	if err != nil {
		return 0, err
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return 0, fmt.Errorf("%s/children: %w", task, err)
		}
		if ran, err := cpuTime(proc, pid); err == nil {
			sum += ran
		}
	}
	return sum, nil
}

// programRuns is how often the BPF programs that a process holds have run, while kernel.bpf_stats_enabled is 1.
func programRuns(proc string, pid int) (int, error) {
	files, err := filepath.Glob(filepath.Join(proc, strconv.Itoa(pid), "fdinfo/*"))
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil { // closed meanwhile
			continue
		}
		for line := range splitLines(string(b)) {
			if count, ok := strings.CutPrefix(line, "run_cnt:\t"); ok {
				n, err := strconv.Atoi(count)
				if err != nil {
					return 0, fmt.Errorf("%s: %w", file, err)
				}
				sum += n
			}
		}
	}
	return sum, nil
}
