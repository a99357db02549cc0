package drill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/prometheus"
)

// result is what the drill says of one reason.
type result struct {
	Reason string
	Made   int
	OK     bool
	Steps  []struct {
		Step, Seen string
		OK         bool
		LookAt     string `json:"look_at"`
	}
}

func (r result) String() string { return fmt.Sprintf("%s: %v %+v", r.Reason, r.OK, r.Steps) }

// drill runs one, and returns what it says of each reason.
func (m *machine) drill(want int, args ...string) []result {
	m.t.Helper()
	out, said, code := m.run(append([]string{"drill", "-o", "json"}, args...)...)
	if code != want {
		m.t.Errorf("drill %q ends with %d, want %d:\n%s%s", args, code, want, out, said)
	}
	var all []result
	for decoder := json.NewDecoder(strings.NewReader(out)); ; {
		var r result
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			m.t.Fatalf("%v: %s", err, out)
		}
		all = append(all, r)
	}
}

// last is the step at which a drill ended.
func (m *machine) last(all []result) (step, lookAt string) {
	m.t.Helper()
	if len(all) != 1 || len(all[0].Steps) == 0 {
		m.t.Fatalf("got %v, want one result", all)
	}
	s := all[0].Steps[len(all[0].Steps)-1]
	return s.Step, s.LookAt
}

// reasons are all that can be made to fail.
func (m *machine) reasons() []string {
	m.t.Helper()
	out, _, _ := m.run("drill", "--list")
	var all []string
	for line := range strings.Lines(out) {
		if word := strings.Fields(line)[0]; word != "REASON" {
			all = append(all, word)
		}
	}
	return all
}

func TestEveryFailureArrivesAtTheAgent(t *testing.T) {
	m := newMachine(t)
	agent, reasons := m.agent("--fold", "0"), m.reasons()
	all := m.drill(0, "--agent", agent, "--count", "2", "--reason", strings.Join(reasons, ","))
	if len(all) != len(reasons) || len(all) < 12 {
		t.Errorf("%d of %d reasons were tried", len(all), len(reasons))
	}
	for _, r := range all {
		if !r.OK || r.Made != 2 || len(r.Steps) != 3 || !strings.Contains(r.Steps[2].Seen, "+2") {
			t.Errorf("%v", r)
		}
		if strings.Contains(r.Steps[len(r.Steps)-1].Seen, "others") {
			t.Errorf("%s: counted more than were made: %v", r.Reason, r)
		}
	}
}

// TestAlertFires drills twice: a Prometheus that has not known the agent for half an hour does not count the first failures of a kind.
func TestAlertFires(t *testing.T) {
	m := newMachine(t)
	agent := m.agent("--fold", "1s")
	server := withRules(t, agent).URL
	const reasons = "certificate_expired"
	for _, r := range m.drill(1, "--agent", agent, "--prometheus", server, "--wait", "20s", "--reason", reasons) {
		if s := r.Steps[len(r.Steps)-1]; s.Step != "alert" || !strings.Contains(s.LookAt, "half an hour") {
			t.Errorf("%v", r)
		}
	}
	for _, r := range m.drill(0, "--agent", agent, "--prometheus", server, "--wait", "120s", "--until", "firing", "--reason", reasons) {
		if s := r.Steps[len(r.Steps)-1]; s.Step != "alert" || !strings.HasSuffix(s.Seen, "is firing") {
			t.Errorf("%v", r)
		}
	}
}

func TestAlertThatCannotComeIsExplained(t *testing.T) {
	m := newMachine(t)
	agent := m.agent("--fold", "0")
	all := m.drill(1, "--agent", agent, "--prometheus", withRules(t, "http://127.0.0.1:1").URL, "--wait", "3s")
	if step, at := m.last(all); step != "alert" || !strings.Contains(at, "has no sample") {
		t.Errorf("a Prometheus that does not reach the agent: %v", all)
	}
	all = m.drill(1, "--agent", agent, "--prometheus", prometheus.Start(t, agent, "", nil).URL, "--wait", "3s")
	if step, at := m.last(all); step != "alert" || !strings.Contains(at, "no rule of that name is loaded") {
		t.Errorf("a Prometheus without rules: %v", all)
	}
}

func TestWhatDoesNotArriveIsTold(t *testing.T) {
	m := newMachine(t)
	silent := m.agent("--reason", "unknown_ca")
	all := m.drill(1, "--agent", silent, "--wait", "3s")
	if step, at := m.last(all); step != "event" || !strings.Contains(at, "filter") {
		t.Errorf("an agent whose filter does not choose it: %v", all)
	}
	if all := m.drill(3, "--agent", "http://127.0.0.1:1"); len(all) > 0 {
		t.Errorf("no agent: %v", all)
	}
}

func TestBetweenTwo(t *testing.T) {
	m := newMachine(t)
	agent := m.agent("--fold", "0")
	address := m.start(true, func(line string) string {
		after, _ := strings.CutPrefix(line, "failing handshakes on ")
		address, _, _ := strings.Cut(after, " ")
		return address
	}, "drill", "serve", "--listen", "127.0.0.1:0", "--for", "1m")
	all := m.drill(0, "--agent", agent, "--connect", address, "--reason", "certificate_expired,tls_to_plaintext,connection_refused")
	if len(all) != 3 {
		t.Errorf("got %v", all)
	}
}

// TestNobodyElseIsTouched has the drill come to a server that is none of its own.
func TestNobodyElseIsTouched(t *testing.T) {
	m := newMachine(t)
	agent := m.agent("--fold", "0")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	connections := make(chan int, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(connections)
				return
			}
			connections <- 1
			_ = conn.Close()
		}
	}()
	if all := m.drill(3, "--agent", agent, "--connect", l.Addr().String()); len(all) > 0 {
		t.Errorf("got %v", all)
	}
	time.Sleep(100 * time.Millisecond)
	_ = l.Close()
	n := 0
	for range connections {
		n++
	}
	if n != 1 {
		t.Errorf("%d connections, want the question whether it is a drill's server and no other", n)
	}
}
