package main

import (
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryShare is how much of the container's memory Go may use before it collects harder: the rest is for what Go does not count.
const memoryShare = 0.9

// collectAt is how much garbage Go lets grow beside what is in use, in percent. The agent has little to do and runs everywhere: memory is
// dearer than time.
const collectAt = 50

// saveMemory has Go collect earlier than it does by itself, unless GOGC says otherwise.
func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}

// limitMemory keeps Go below the memory limit of the cgroup v2 that the agent runs in, unless GOMEMLIMIT says otherwise.
func limitMemory(proc, cgroups string, log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := memoryLimit(proc, cgroups); limit > 0 {
		debug.SetMemoryLimit(int64(float64(limit) * memoryShare))
		log.Debug("memory is limited by the cgroup", "bytes", limit)
	}
}

// memoryLimit is the lowest memory.max from the agent's own cgroup up to the root that can be seen, in bytes; 0 without one.
func memoryLimit(proc, cgroups string) int64 {
	lowest := int64(math.MaxInt64)
	for dir := ownCgroup(proc); dir != ""; dir = above(dir) {
		text, err := readSmall(filepath.Join(cgroups, dir, "memory.max"), 64)
		if err != nil {
			continue // the root has none, and a container sees its own cgroup as the root
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil { // or "max"
			lowest = min(lowest, limit)
		}
	}
	if lowest == math.MaxInt64 {
		return 0
	}
	return lowest
}

// above is the directory that holds dir, or "" at the root.
func above(dir string) string {
	if dir == "/" {
		return ""
	}
	return filepath.Dir(dir)
}

// ownCgroup is the path of this process in the cgroup v2 hierarchy (cgroups(7)), or "" if it has none.
func ownCgroup(proc string) string {
	text, err := readSmall(filepath.Join(proc, "self/cgroup"), 64<<10)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Join("/", path)
		}
	}
	return ""
}
