package verdict

import "github.com/tlstrace/tlstrace/event"

// errnoTimedOut is the errno of a connect whose SYNs nobody answered.
const errnoTimedOut = "ETIMEDOUT"

// connect reads a connection that TCP never established: an error answered, or nobody did.
func connect(c *connection) (finding, bool) {
	if !c.silent() || (c.TCP.How != event.CloseRefused && c.TCP.Error == "") {
		return finding{}, false
	}
	f := finding{outcome: event.Failed, phase: event.PhaseConnect, confidence: event.Exact}
	switch c.TCP.Error {
	case "":
		return abandoned(c), true
	case "ECONNREFUSED":
		if f.refused(); c.redirected() {
			f.redirectRefused(c)
		} else if c.TCP.Dialed.IsValid() {
			f.hint = c.route() + "."
		}
	case errnoTimedOut:
		f.unanswered("Nobody answered the connect until the client's kernel stopped trying (" + errnoTimedOut + ").")
	default:
		f.unreachable(c.TCP.Error)
	}
	return f, true
}

// refused: a reset answered the SYN. The server's host or a firewall on its behalf said no; the client did not give up.
func (f *finding) refused() {
	f.reason, f.gaveUp, f.lookAt = event.ConnectionRefused, event.Server, event.Server
	f.summary = "The server refused the TCP connection (ECONNREFUSED): nobody listens on that port, or a firewall rejects it."
}

// unreachable: a router, a firewall or the routing table answered. Rejects by a packet filter come as several errnos.
func (f *finding) unreachable(errno string) {
	f.reason, f.gaveUp, f.lookAt = event.HostUnreachable, event.Network, event.Network
	f.summary = "The network refused to carry the connection to the server (" + word(errno) + ")."
}

// unanswered: the client stopped asking; whatever swallows the packets is between the two, or in place of the server.
func (f *finding) unanswered(summary string) {
	f.reason, f.gaveUp, f.lookAt = event.ConnectTimeout, event.Client, event.Network
	f.summary = summary
}

// abandoned reads a connect that the application gave up. Within a second and before the kernel asked twice that is
// an address that lost the race against another (RFC 8305), not a failure.
func abandoned(c *connection) finding {
	if c.TCP.Retransmits == 0 && c.Duration < promptly {
		f := noise(event.Probe, "The client dropped its connect before an answer could be expected.")
		f.phase = event.PhaseConnect
		return f
	}
	f := finding{outcome: event.Failed, phase: event.PhaseConnect, confidence: event.Derived}
	f.unanswered("The client gave up connecting: nobody answered.")
	return f
}

// silent says that no byte went either way.
func (c *connection) silent() bool {
	return c.TCP.ClientBytes == 0 && c.TCP.ServerBytes == 0 && len(c.Records) == 0
}

// silence reads an established connection that ended without a byte.
func silence(c *connection) (finding, bool) {
	if !c.silent() || len(c.Gaps) > 0 {
		return finding{}, false
	}
	return noise(event.Probe, "The connection was opened and closed without a byte."), true
}
