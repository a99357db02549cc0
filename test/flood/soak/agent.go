package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tlstrace/tlstrace/event"
)

// agent is the agent under load.
type agent struct {
	cmd     *exec.Cmd
	address string
	told    atomic.Uint64 // failures, with those that were folded into them
	first   atomic.Pointer[event.Event]
	read    chan struct{} // closed when its output has ended
}

// startAgent returns once its hooks are attached.
func startAgent(binary, cgroup, home string) (*agent, error) {
	a := &agent{read: make(chan struct{})}
	a.cmd = exec.Command(binary, "agent", "--kubernetes", "off", "--listen", "127.0.0.1:0", "--cgroup", cgroup)
	a.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+home)
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	said, err := a.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	go a.readEvents(out)
	if a.address, err = waitTracing(said); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

// waitTracing reads the agent's messages until it traces, and passes on those that come later.
func waitTracing(said io.Reader) (address string, err error) {
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		var m struct{ Msg, Address string }
		_ = json.Unmarshal(lines.Bytes(), &m) // a message of another form is none of those that are waited for
		if m.Msg == "serving" {
			address = m.Address
		}
		if m.Msg == "tracing" {
			go func() { _, _ = io.Copy(os.Stderr, said) }()
			return address, nil
		}
		fmt.Fprintln(os.Stderr, lines.Text())
	}
	return "", errors.New("the agent does not trace")
}

func (a *agent) readEvents(out io.Reader) {
	defer close(a.read)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var e event.Event
		if json.Unmarshal(line, &e) == nil && e.Outcome == event.Failed {
			a.told.Add(1 + uint64(max(e.Repeated, 0)))
			a.first.CompareAndSwap(nil, &e)
		}
	}
}

// metrics reads what the agent counts: the sums of each metric over the labels that are not asked for.
func (a *agent) metrics(ctx context.Context) (figures, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	return parseFigures(body)
}

// figures are sums of metrics, by name and by name{label}.
type figures map[string]float64

func parseFigures(text []byte) (figures, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	f := figures{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
			f[name] += value
			for _, l := range m.GetLabel() {
				f[name+"{"+l.GetValue()+"}"] += value
			}
		}
	}
	return f, nil
}

// lost are the events that were lost, by where, without those that were told all the same.
func (f figures) lost() float64 {
	const lost = "tlstrace_events_lost_total"
	sum := f[lost]
	for _, told := range []string{"hello_full", "one_end", "stream"} {
		sum -= f[lost+"{"+told+"}"]
	}
	return sum
}

// stop ends the agent, and waits until everything that it wrote was read.
func (a *agent) stop() error {
	err := a.cmd.Process.Signal(syscall.SIGTERM)
	<-a.read
	return errors.Join(err, a.cmd.Wait())
}

// firstFailure describes the first failure that was told, for whoever expects none.
func (a *agent) firstFailure() string {
	e := a.first.Load()
	if e == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s: %s", e.Time.Format(time.TimeOnly), e.Verdict.Reason, e.Verdict.Summary))
}
