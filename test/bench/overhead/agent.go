package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// agents are the agent, with more flags, in each of the ways in which it captures.
func agents(binary string, more ...string) []subject {
	with := func(capture string, flags ...string) subject {
		return agent(binary, capture, append(append([]string{"--capture", capture}, flags...), more...)...)
	}
	// A short connection is a sign: within the hold after a clean look nobody looks again, and what is measured has to fit into that, from the first
	// container that it lets go of.
	adaptive := with("adaptive", "--capture-hold", "8s")
	adaptive.serves, adaptive.settle = nginxChains, introduced
	return []subject{with("all"), adaptive, with("light")}
}

func agent(binary, capture string, flags ...string) subject {
	return subject{
		name: capture, capture: capture, isAgent: true, what: "`tlstrace agent --kubernetes off " + strings.Join(flags, " ") + "`",
		start: func(ctx context.Context, l *lab) (*watcher, error) {
			port, err := newPorts().free()
			if err != nil {
				return nil, err
			}
			listen := fmt.Sprintf("127.0.0.1:%d", port)
			p, err := startIn(l.tool, othersCPU(), append([]string{binary, "agent", "--kubernetes", "off", "--listen", listen}, flags...)...)
			if err != nil {
				return nil, err
			}
			w := &watcher{process: p, listen: listen, end: syscall.SIGTERM}
			return w, p.until(ctx, "it is ready", func() bool { return isReady(ctx, listen) })
		},
	}
}

// introduced waits until an agent that adapts has looked at everybody: to it all containers are new, and it looks at them for a while.
func introduced(ctx context.Context, l *lab, p profile, w *watcher) error {
	if _, _, err := l.load(ctx, p, false, time.Second); err != nil {
		return err
	}
	return w.until(ctx, "it looks at nobody", func() bool {
		n, err := lookedAt(ctx, w.listen)
		return err == nil && n == 0
	})
}

// get asks the agent, which is on this machine.
func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 10 * time.Second}
	return client.Do(request)
}

func isReady(ctx context.Context, listen string) bool {
	response, err := get(ctx, "http://"+listen+"/readyz")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// program is what a program in the kernel ran, by the agent's own metrics.
type program struct {
	runs    float64
	seconds float64
}

// The metrics by which the agent tells what its programs ran.
const (
	runSeconds = "tlstrace_bpf_run_seconds_total"
	runCounts  = "tlstrace_bpf_runs_total"
)

var errNoRuns = errors.New("the agent does not tell what its programs ran")

// programs asks the agent.
func programs(ctx context.Context, listen string) (map[string]program, error) {
	families, err := ask(ctx, listen)
	if err != nil {
		return nil, err
	}
	all := map[string]program{}
	for name, count := range byProgram(families[runCounts]) {
		all[name] = program{runs: count, seconds: byProgram(families[runSeconds])[name]}
	}
	if len(all) == 0 {
		return nil, errNoRuns
	}
	return all, nil
}

// lookedAt asks the agent at how many containers it looks in depth.
func lookedAt(ctx context.Context, listen string) (float64, error) {
	families, err := ask(ctx, listen)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, metric := range families["tlstrace_capture_cgroups"].GetMetric() {
		sum += metric.GetGauge().GetValue()
	}
	return sum, nil
}

// ask reads all metrics.
func ask(ctx context.Context, listen string) (map[string]*dto.MetricFamily, error) {
	response, err := get(ctx, "http://"+listen+"/metrics")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, fmt.Errorf("the agent's metrics: %w", err)
	}
	return families, nil
}

func byProgram(family *dto.MetricFamily) map[string]float64 {
	values := map[string]float64{}
	for _, metric := range family.GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "program" {
				values[label.GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	return values
}

// since is what programs ran between two questions.
func since(before, after map[string]program) map[string]program {
	d := map[string]program{}
	for name, p := range after {
		d[name] = program{p.runs - before[name].runs, p.seconds - before[name].seconds}
	}
	return d
}
