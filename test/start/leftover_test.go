package start

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestNothingStays ends the program in every way that there is. Whatever of BPF it held must be gone, by bpftool's account, and with the
// objects whatever pins them; nor may it leave a file in the BPF file system, a mount or a probe.
func TestNothingStays(t *testing.T) {
	needRoot(t)
	binary := build(t)
	for name, signal := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT, "SIGKILL": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			mounts, probes := mounts(t), tracefsProbes()
			s := start(t, binary)
			held := held(t, s.Process.Pid)
			known := inKernel(t)
			for _, kind := range kinds {
				if !slices.ContainsFunc(held, func(o object) bool { return o.kind == kind }) {
					t.Errorf("it holds no %s: %v", kind, held)
				}
			}
			for _, o := range held {
				if !known[o] {
					t.Errorf("bpftool does not know %v", o)
				}
			}
			s.end(t, signal)
			eventually(t, "the kernel frees what it held, after a grace period", func() bool {
				left := inKernel(t)
				return !slices.ContainsFunc(held, func(o object) bool { return left[o] })
			})
			if pins := pins(t); len(pins) > 0 {
				t.Errorf("pinned: %v", pins)
			}
			for _, m := range mountsSince(t, mounts) {
				t.Errorf("mounted: %s", m)
			}
			if now := tracefsProbes(); now != probes {
				t.Errorf("probes: %q, before %q", now, probes)
			}
		})
	}
}

// object is a BPF object of the kernel, by bpftool's name of its kind.
type object struct {
	kind string
	id   uint64
}

var kinds = []string{"prog", "map", "link"}

// held are the objects that a process has open (proc(5), /proc/pid/fdinfo).
func held(t *testing.T, pid int) []object {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	must(t, err)
	var all []object
	for _, info := range infos {
		text, err := os.ReadFile(info)
		if err != nil {
			continue // closed meanwhile
		}
		fields := map[string]uint64{}
		for line := range strings.Lines(string(text)) {
			var id uint64
			if key, value, ok := strings.Cut(line, ":"); ok {
				if n, _ := fmt.Sscan(value, &id); n == 1 {
					fields[key] = id
				}
			}
		}
		// A link tells its program, too, which is held already.
		for _, kind := range []string{"link", "map", "prog"} {
			if id, ok := fields[kind+"_id"]; ok {
				all = append(all, object{kind, id})
				break
			}
		}
	}
	return all
}

// inKernel are all objects that bpftool lists.
func inKernel(t *testing.T) map[object]bool {
	t.Helper()
	all := map[object]bool{}
	for _, kind := range kinds {
		var rows []struct {
			ID uint64 `json:"id"`
		}
		eventually(t, "bpftool lists what there is", func() bool { // an object that goes meanwhile may be an error
			out, err := exec.Command("bpftool", "-j", kind, "show").Output()
			return err == nil && json.Unmarshal(out, &rows) == nil
		})
		for _, r := range rows {
			all[object{kind, r.ID}] = true
		}
	}
	return all
}

// pins are the files in the BPF file system that bear the program's name.
func pins(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("/sys/fs/bpf", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.Contains(entry.Name(), "tlstrace") {
			all = append(all, path)
		}
		return nil // what others remove meanwhile is no matter
	})
	must(t, err)
	return all
}

// mounts are the mounts of cgroup v2 and of the BPF file system, by where they are.
func mounts(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	var all []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 2 && slices.Contains([]string{"cgroup2", "bpf"}, fields[2]) {
			all = append(all, fields[1])
		}
	}
	return all
}

func mountsSince(t *testing.T, before []string) []string {
	t.Helper()
	return slices.DeleteFunc(mounts(t), func(m string) bool { return slices.Contains(before, m) })
}

// tracefsProbes are the probes by name, which stay when their maker is gone; "" if tracefs is not mounted.
func tracefsProbes() string {
	var all strings.Builder
	for _, file := range []string{"uprobe_events", "kprobe_events"} {
		text, err := os.ReadFile(filepath.Join("/sys/kernel/tracing", file))
		if err == nil {
			all.Write(text)
		}
	}
	return all.String()
}
