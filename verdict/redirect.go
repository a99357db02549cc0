package verdict

import (
	"net/netip"

	"github.com/tlstrace/tlstrace/event"
)

// redirected says that NAT sent the connection to a proxy beside the application: to the loopback of the client's own pod, as the
// rules of a sidecar do for what leaves (REDIRECT in the OUTPUT chain), or to another port of the address that was dialed, as they do for what
// arrives (REDIRECT in PREROUTING). An address that NAT exchanged for another is a load balancer's, and no redirect.
func (c *connection) redirected() bool {
	dialed := c.TCP.Dialed
	if !dialed.IsValid() {
		return false
	}
	return c.Server.Addr == dialed.Addr() || c.Server.Addr.IsLoopback() && !dialed.Addr().IsLoopback()
}

// Where Istio's sidecars take what leaves a pod, and what arrives (istio.io, "Application Requirements").
const (
	istioOutbound = 15001
	istioInbound  = 15006
)

// sidecar says that the port serves whatever was dialed, in plaintext (PERMISSIVE) and over TLS: an answer in plaintext, whatever it
// says, is the application's. Where only the server's end was seen, what was dialed is not known.
func (c *connection) sidecar() bool {
	return c.redirected() || c.Server.Port == istioOutbound || c.Server.Port == istioInbound
}

// redirector is the side on whose host the rules are.
func (c *connection) redirector() event.Side {
	if c.Server.Addr == c.TCP.Dialed.Addr() {
		return event.Server
	}
	return event.Client
}

// route tells where NAT sent the connection.
func (c *connection) route() string {
	return "NAT sent the connection to " + c.TCP.Dialed.String() + " to " +
		netip.AddrPortFrom(c.Server.Addr, c.Server.Port).String()
}

// redirectRefused: the reset came from where the rules led, and not from the server.
func (f *finding) redirectRefused(c *connection) {
	f.reason, f.gaveUp, f.lookAt = event.RedirectRefused, event.Network, c.redirector()
	f.summary = c.route() + ", where nobody listens (ECONNREFUSED)."
}

// redirectNotTLS: a proxy answered that expects plaintext on that port, or something that is no proxy.
func (f *finding) redirectNotTLS(c *connection) {
	f.reason, f.lookAt = event.RedirectNotTLS, c.redirector()
	f.summary = c.route() + ", which answered the ClientHello with bytes that are not TLS."
}
