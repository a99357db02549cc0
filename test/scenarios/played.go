package scenarios

import (
	"fmt"
	"net/netip"
	"regexp"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// proofTimeout bounds how long a program may take to print why it gave up.
const proofTimeout = 20 * time.Second

// Played is a scenario that has run: where its event is to be found, and which processes were the two ends.
type Played struct {
	Port           int // of the server; no other scenario of the lab has it
	Client, Server End
	Output         func() string // of both programs so far: a server may print after its client has ended
}

// End is one process of a scenario; what is empty is not known.
type End struct {
	PID  int
	Comm string // as the kernel knows it
	Addr string
}

// Proves waits a little for what the programs print to show that it happened as it was meant to.
func (p Played) Proves(w Truth) bool {
	re := regexp.MustCompile(w.Proof)
	for deadline := time.Now().Add(proofTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if re.MatchString(p.Output()) {
			return true
		}
	}
	return false
}

// judge compares the two ends of an event with the processes that really ran.
func (p Played) judge(e event.Event) []string {
	wrong := p.Client.judge("client", e.Client)
	wrong = append(wrong, p.Server.judge("server", e.Server)...)
	if int(e.Server.Port) != p.Port || e.Client.Port == 0 {
		wrong = append(wrong, fmt.Sprintf("ports: got %d to %d, want any to %d", e.Client.Port, e.Server.Port, p.Port))
	}
	return wrong
}

func (want End) judge(side string, got event.Endpoint) []string {
	var wrong []string
	if want.Addr != "" && got.Addr != netip.MustParseAddr(want.Addr) {
		wrong = append(wrong, fmt.Sprintf("%s.addr: got %v, want %s", side, got.Addr, want.Addr))
	}
	if want.PID == 0 {
		return wrong
	}
	if got.Process == nil {
		return append(wrong, fmt.Sprintf("%s.process: absent, want %s (pid %d)", side, want.Comm, want.PID))
	}
	if got.Process.PID != want.PID || got.Process.Comm != want.Comm {
		wrong = append(wrong, fmt.Sprintf("%s.process: got %s (pid %d), want %s (pid %d)",
			side, got.Process.Comm, got.Process.PID, want.Comm, want.PID))
	}
	return wrong
}

// comm is the name of the process at an end, if it is known.
func comm(e event.Endpoint) string {
	if e.Process == nil {
		return ""
	}
	return e.Process.Comm
}
