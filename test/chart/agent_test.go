package chart

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tlstrace builds the program as the image has it, and returns its path.
func tlstrace(t *testing.T) string {
	t.Helper()
	return compile(t, "../../cmd/tlstrace")
}

// compile builds a static program of this module.
func compile(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return path
}

// configOf is the file that the agents of a release get.
func configOf(t *testing.T, values string) string {
	t.Helper()
	o := object(t, render(t, values), "ConfigMap", "tlstrace")
	return o.Object["data"].(map[string]any)["config.yaml"].(string)
}

// flagOfHelp finds a flag in the agent's help.
var flagOfHelp = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)`)

// decided are the settings that the chart has values for, or that make no sense in a pod.
var decided = []string{
	"auth", "config", "help", "history-dir", "kubeconfig", "kubernetes", "listen", "node", "otlp-headers-file", "proc", "proxy-logs", "tls-cert", "tls-key", "token-file",
}

func TestSchemaHasTheAgentsSettings(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), tlstrace(t), "agent", "--help").Output()
	must(t, err)
	var flags []string
	for _, m := range flagOfHelp.FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(decided, m[1]) && !slices.Contains(flags, m[1]) {
			flags = append(flags, m[1])
		}
	}
	var known []string
	for name := range readSchema(t).Properties["config"].Properties {
		known = append(known, name)
	}
	slices.Sort(flags)
	slices.Sort(known)
	if !slices.Equal(flags, known) {
		t.Errorf("the agent has the settings\n%v\nthe schema\n%v", flags, known)
	}
}

// TestAgentTakesTheRenderedFile has the agent check its settings, up to the first thing that only a pod has.
func TestAgentTakesTheRenderedFile(t *testing.T) {
	tests := []struct{ name, values, want string }{
		{"as it is shipped", "", "--kubeconfig: .*absent"},
		{
			"every setting", `config:
  {log-events: all, fold: 1m, reason: [unknown_ca, certificate_expired], layer: certificate, namespace: [shop], pod: [a, b], from-pod: x,
  to-pod: z, sni: ["*.example"], port: [443, "8443"], pid: 1, comm: envoy, pprof: true, metrics-labels: [namespace, reason],
  metrics-max-series: 500, history-events: 10, history-bytes: 100000, otlp-endpoint: "https://otel:4318", otlp-insecure: false,
  cgroup: /sys/fs/cgroup, ring-bytes: 16777216, max-inflight: 16384, no-libraries: true, get-error: true, shutdown-timeout: 5s}`,
			"--kubeconfig: .*absent",
		},
		{
			"every file", `{tls: {secretName: a}, history: {hostPath: /a}, proxyLogs: {hostPath: /a}, otlp: {headersSecret: a}, events: {auth: token, tokenSecret: a},
			config: {otlp-endpoint: "http://otel:4318"}}`, "--kubeconfig: .*absent",
		},
		{"headers for nobody", "otlp: {headersSecret: a}", "--otlp-headers-file is for --otlp-endpoint"},
	}
	program := tlstrace(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			must(t, os.WriteFile(path, []byte(configOf(t, tt.values)), 0o600))
			cmd := exec.CommandContext(t.Context(), program, "agent", "--config", path, "--kubeconfig", "absent")
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Run(); err == nil || !regexp.MustCompile(tt.want).MatchString(said.String()) {
				t.Errorf("the agent ends with %v and says %s", err, said.String())
			}
		})
	}
}

// TestLiveSettingsAreTheAgents compares the settings that the chart leaves out of the checksum with those that the agent reads again.
func TestLiveSettingsAreTheAgents(t *testing.T) {
	source, err := os.ReadFile("../../cmd/tlstrace/agent_reload.go")
	must(t, err)
	template, err := os.ReadFile(filepath.Join(chartDir, "templates/_agent.tpl"))
	must(t, err)
	is := quoted(t, `(?s)var liveFlags = \[\]string\{(.*?)\}`, source)
	should := quoted(t, `\$live := list (.*?) -}}`, template)
	if !slices.Equal(is, should) {
		t.Errorf("the agent reads %v again, the chart thinks %v", is, should)
	}
}

// quoted are the words in quotes in the part of a text that an expression finds.
func quoted(t *testing.T, expression string, text []byte) []string {
	t.Helper()
	found := regexp.MustCompile(expression).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s is not there", expression)
	}
	var words []string
	for i, word := range strings.Split(string(found[1]), `"`) {
		if i%2 == 1 {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}
