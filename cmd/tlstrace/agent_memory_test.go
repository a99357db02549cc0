package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	tests := []struct {
		name   string
		cgroup string
		files  map[string]string
		want   int64
	}{
		{"none", "0::/a/b\n", map[string]string{"a/b": "max"}, 0},
		{"of its own", "0::/a/b\n", map[string]string{"a/b": "104857600", "a": "max"}, 100 << 20},
		{"of one above", "0::/a/b\n", map[string]string{"a/b": "104857600", "a": "52428800"}, 50 << 20},
		{"beside version 1", "4:memory:/x\n0::/a\n", map[string]string{"a": "1048576", "x": "1"}, 1 << 20},
		{"in a container of its own", "0::/\n", map[string]string{"": "1048576"}, 1 << 20},
		{"version 1 only", "4:memory:/x\n", map[string]string{"x": "1"}, 0},
		{"something else", "0::/a\n", map[string]string{"a": "much"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			proc, cgroups := t.TempDir(), t.TempDir()
			put(t, filepath.Join(proc, "self"), "cgroup", tt.cgroup)
			for dir, text := range tt.files {
				put(t, filepath.Join(cgroups, dir), "memory.max", text+"\n")
			}
			if got := memoryLimit(proc, cgroups); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	if got := memoryLimit(t.TempDir(), t.TempDir()); got != 0 {
		t.Errorf("without procfs: %d", got)
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, name), text)
}
