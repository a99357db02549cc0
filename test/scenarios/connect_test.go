package scenarios

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// unreached is a port to which no connection comes about.
type unreached struct {
	name   string
	rule   string // of nftables at the server's end of the wire, for the port; "" for none
	reason event.Reason
	gaveUp []event.Side
	proof  string
}

var unreachedPorts = []unreached{
	{"refused", "", event.ConnectionRefused, []event.Side{event.Server, event.Network, event.Unknown}, `refused`},
	{"unreachable", "reject with icmp type host-unreachable", event.HostUnreachable,
		[]event.Side{event.Server, event.Network, event.Unknown}, `(?i)no route to host`},
	{"dropped", "drop", event.ConnectTimeout, []event.Side{event.Client}, `(?i)timed? ?out`},
}

// TestConnect makes connections over a wire that do not come about.
func TestConnect(t *testing.T) {
	r := newRun(t)
	w := r.newWire(t, "none")
	var all []Scenario
	for _, u := range unreachedPorts {
		all = append(all, u.scenario(w))
	}
	r.play(t, all)
	r.settle(t)
}

func (u unreached) scenario(w wire) Scenario {
	return Scenario{
		Name: u.name,
		Play: func(t testing.TB, l *Lab) Played {
			port := l.ports.free(t)
			u.block(t, w, port)
			url := "https://" + net.JoinHostPort(wireServer, strconv.Itoa(port))
			cli := start(t, "", inside(w.client, []string{"curl", "-sSv", "--connect-timeout", "2", url})...)
			if err := cli.wait(patience); err != nil {
				t.Fatal(err)
			}
			return Played{
				Port: port, Client: End{cli.pid(), "curl", wireClient}, Server: End{Addr: wireServer}, Output: cli.out.String,
			}
		},
		Truth: Truth{
			Reasons: []event.Reason{u.reason},
			GaveUp:  u.gaveUp,
			LookAt:  []event.Side{event.Server, event.Network, event.Unknown},
			Phases:  []event.Phase{event.PhaseConnect},
			Proof:   u.proof,
			Lonely:  true,
		},
	}
}

// block installs the rule; the table goes with the namespace.
func (u unreached) block(t testing.TB, w wire, port int) {
	t.Helper()
	if u.rule == "" {
		return
	}
	rules := fmt.Sprintf("table ip lab {\n chain in {\n type filter hook input priority 0;\n tcp dport %d %s\n }\n}\n", port, u.rule)
	cmd := exec.Command("nsenter", "--net="+w.server, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}
