package scenarios

import (
	"fmt"
	"net/netip"

	"github.com/tlstrace/tlstrace/event"
)

// played is a scenario that has run: where its event is to be found, and which processes were the two ends.
type played struct {
	port           int
	client, server end
	output         func() string // of both programs so far: a server may print after its client has ended
}

// end is one process of a scenario; the zero value is not checked.
type end struct {
	pid  int
	comm string
	addr string
}

// judge compares the two ends of an event with the processes that really ran.
func (p played) judge(e event.Event) []string {
	wrong := p.client.judge("client", e.Client)
	wrong = append(wrong, p.server.judge("server", e.Server)...)
	if int(e.Server.Port) != p.port || e.Client.Port == 0 {
		wrong = append(wrong, fmt.Sprintf("ports: got %d to %d, want any to %d", e.Client.Port, e.Server.Port, p.port))
	}
	return wrong
}

func (want end) judge(side string, got event.Endpoint) []string {
	var wrong []string
	if want.addr != "" && got.Addr != netip.MustParseAddr(want.addr) {
		wrong = append(wrong, fmt.Sprintf("%s.addr: got %v, want %s", side, got.Addr, want.addr))
	}
	if want.pid == 0 {
		return wrong
	}
	if got.Process == nil {
		return append(wrong, fmt.Sprintf("%s.process: absent, want %s (pid %d)", side, want.comm, want.pid))
	}
	if got.Process.PID != want.pid || got.Process.Comm != want.comm {
		wrong = append(wrong, fmt.Sprintf("%s.process: got %s (pid %d), want %s (pid %d)",
			side, got.Process.Comm, got.Process.PID, want.comm, want.pid))
	}
	return wrong
}
