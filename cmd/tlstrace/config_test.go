package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
)

func TestPrecedence(t *testing.T) {
	const file = "output: yaml\nreason: [probe, scan]\nport: 8443\n"
	tests := []struct {
		name string
		args []string
		env  map[string]string
		flag string
		want string
	}{
		{"default", nil, nil, "color", "auto"},
		{"file", nil, nil, "output", "yaml"},
		{"environment over file", nil, map[string]string{"TLSTRACE_OUTPUT": "json"}, "output", "json"},
		{"flag over environment", []string{"-o", "wide"}, map[string]string{"TLSTRACE_OUTPUT": "json"}, "output", "wide"},
		{"empty environment is none", nil, map[string]string{"TLSTRACE_OUTPUT": ""}, "output", "yaml"},
		{"list in the file", nil, nil, "reason", "probe,scan"},
		{"list in the environment", nil, map[string]string{"TLSTRACE_REASON": "scan,malformed"}, "reason", "scan,malformed"},
		{"what Kubernetes sets for a service", nil, map[string]string{"TLSTRACE_PORT": "tcp://10.0.0.1:9090"}, "port", "[8443]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			var got string
			root := newRoot(newTestWorld(t).world)
			watch, _, err := root.Find([]string{"watch"})
			if err != nil {
				t.Fatal(err)
			}
			watch.RunE = func(cmd *cobra.Command, _ []string) error {
				got = cmd.Flag(tt.flag).Value.String()
				return nil
			}
			root.SetArgs(append([]string{"watch", "--config", path}, tt.args...))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("%s is %q, want %q", tt.flag, got, tt.want)
			}
		})
	}
}
