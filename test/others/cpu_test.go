package others

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// procfs writes files as they are in /proc.
func procfs(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCPUTimeIsThatOfAllThreadsAndChildren(t *testing.T) {
	root := procfs(t, map[string]string{
		"7/task/7/schedstat": "1000000 5 3\n", "7/task/7/children": "9 ",
		"7/task/8/schedstat": "200000 0 1\n", "7/task/8/children": "",
		"9/task/9/schedstat": "30000 0 1\n", "9/task/9/children": "10 ", // 10 has ended
	})
	got, err := cpuTime(root, 7)
	if want := 1230 * time.Microsecond; err != nil || got != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	if _, err := cpuTime(root, 8); err == nil {
		t.Error("a process that does not exist has a time")
	}
}

func TestCPUTimeOfThisProcessGrows(t *testing.T) {
	before, err := cpuTime("/proc", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		after, err := cpuTime("/proc", os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after > before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not")
		}
	}
}

func TestRunsOfAllProgramsAreAdded(t *testing.T) {
	root := procfs(t, map[string]string{
		"7/fdinfo/0": "pos:\t0\nflags:\t02\n",
		"7/fdinfo/4": "pos:\t0\nprog_type:\t2\nrun_time_ns:\t900\nrun_cnt:\t12\n",
		"7/fdinfo/5": "prog_type:\t2\nrun_cnt:\t30\nrecursion_misses:\t0\n",
	})
	if got, err := programRuns(root, 7); got != 42 || err != nil {
		t.Errorf("got %d (%v), want 42", got, err)
	}
}

func TestSpread(t *testing.T) {
	for _, row := range []struct {
		name   string
		rounds []float64
		want   Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{3}, Spread{3, 3, 3}},
		{"in any order", []float64{5, 1, 4, 2, 3}, Spread{Median: 3, Low: 2, High: 4}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := spread(row.rounds); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
