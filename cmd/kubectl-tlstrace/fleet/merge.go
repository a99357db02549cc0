package fleet

import (
	"cmp"
	"net/netip"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/verdict"
)

// merge makes one event of the two ends of a connection, and judges the facts of both together.
func merge(a, b event.Event) event.Event {
	client, server := a, b
	if a.ObservedFrom == event.FromServer {
		client, server = b, a
	}
	e := client
	e.ObservedFrom = event.FromBoth
	e.Client = end(client.Client, server.Client, client.Node)
	e.Server = end(server.Server, client.Server, server.Node)
	e.TLS = hellos(client.TLS, server.TLS)
	e.Mesh = cmp.Or(client.Mesh, server.Mesh)
	e.Alert = alert(client.Alert, server.Alert)
	e.Library = library(client.Library, server.Library)
	e.TCP = transport(&client, &server)
	e.Preface = cmp.Or(client.Preface, server.Preface)
	if len(server.Records) > len(client.Records) {
		e.Records, e.Gaps = server.Records, server.Gaps
	}
	e.Duration = max(client.Duration, server.Duration)
	e.Repeated = max(client.Repeated, server.Repeated) // each end counts all of them
	return judge(e, client.Verdict, server.Verdict)
}

// judge reads the facts of both ends. What either end had read from more than the event holds, as from a proxy's log, is kept.
func judge(e event.Event, halves ...event.Verdict) event.Event {
	outcome := e.Outcome
	if outcome == event.Failed {
		e.Outcome = ""
	}
	e.Verdict = event.Verdict{}
	judged := verdict.Judge(e)
	if judged.Outcome != outcome { // both agents said so
		judged.Outcome, judged.Verdict = outcome, halves[0]
	}
	for _, h := range halves {
		switch {
		case h.Reason != judged.Verdict.Reason:
		case h.Hint != "" && len(h.Hint) > len(judged.Verdict.Hint):
			judged.Verdict.Hint = h.Hint
		}
	}
	return judged
}

// end is an endpoint as its own node sees it, with what only the other node knows.
func end(own, other event.Endpoint, node string) event.Endpoint {
	k := event.K8s{Node: node}
	switch {
	case own.K8s != nil:
		k = *own.K8s
		k.Node = cmp.Or(k.Node, node)
		if other.K8s != nil { // it knows which Service was asked for
			k.Service = cmp.Or(other.K8s.Service, k.Service)
		}
	case other.K8s != nil:
		k = *other.K8s
		k.Node = node
	}
	if k != (event.K8s{}) {
		own.K8s = &k
	}
	return own
}

func hellos(client, server *event.TLS) *event.TLS {
	switch {
	case client == nil:
		return server
	case server == nil:
		return client
	}
	all := *client
	if all.Truncated && !server.Truncated {
		all = *server
	}
	all.Version = cmp.Or(all.Version, client.Version, server.Version)
	all.SNI = cmp.Or(all.SNI, client.SNI, server.SNI)
	all.ALPN = cmp.Or(all.ALPN, client.ALPN, server.ALPN)
	all.Cipher = cmp.Or(all.Cipher, client.Cipher, server.Cipher)
	all.Group = cmp.Or(all.Group, client.Group, server.Group)
	all.JA4 = cmp.Or(all.JA4, client.JA4, server.JA4)
	all.ClientAuth = cmp.Or(all.ClientAuth, client.ClientAuth, server.ClientAuth)
	return &all
}

// alert is the one whose code is known, which for an encrypted one only the library of an end can tell.
func alert(client, server *event.Alert) *event.Alert {
	if client == nil || client.Code == nil && server != nil {
		return server
	}
	return client
}

// received bounds the codes by which every family tells that the other side sent an alert: 1000 and the alert's number.
const received, receivedEnd = 1000, 1256

// library is what the end says that found the fault: the other only heard of it.
func library(client, server *event.Library) *event.Library {
	switch {
	case client == nil:
		return server
	case server == nil:
		return client
	case weight(server) > weight(client):
		return server
	}
	return client
}

func weight(l *event.Library) int {
	switch {
	case l.VerifyText != "":
		return 3
	case l.ErrorCode >= received && l.ErrorCode < receivedEnd:
		return 1
	case l.ErrorText != "" || l.ErrorCode != 0:
		return 2
	}
	return 0
}

// transport is what TCP did, seen from both ends.
func transport(client, server *event.Event) event.TCP {
	c, s := client.TCP, server.TCP
	t := c
	t.ClosedBy, t.How, t.ClosedAt = c.ClosedBy, c.How, c.ClosedAt
	if c.ClosedBy == "" {
		t.ClosedBy, t.How, t.ClosedAt = s.ClosedBy, s.How, s.ClosedAt
	}
	t.ResetBy = cmp.Or(c.ResetBy, s.ResetBy)
	switch {
	case c.ResetBy == event.Server && s.ResetBy == event.Client:
		t.ResetBy = event.Network // both got it, and neither sent it
	case s.ResetBy == event.Server:
		t.ResetBy, t.ResetReason = event.Server, cmp.Or(s.ResetReason, c.ResetReason) // who sent it knows best
	}
	t.ResetReason = cmp.Or(t.ResetReason, s.ResetReason)
	t.Error = cmp.Or(c.Error, s.Error)
	t.Dialed = dialed(client, server)
	t.ClientBytes, t.ServerBytes = max(c.ClientBytes, s.ClientBytes), max(c.ServerBytes, s.ServerBytes)
	t.Retransmits = max(c.Retransmits, s.Retransmits)
	t.TLSListener, t.BadRequest = c.TLSListener || s.TLSListener, c.BadRequest || s.BadRequest
	t.Idle = max(c.Idle, s.Idle)
	return t
}

// dialed is where the client connected to, if that is not where the server is.
func dialed(client, server *event.Event) netip.AddrPort {
	if client.TCP.Dialed.IsValid() {
		return client.TCP.Dialed
	}
	asked, is := client.Server, server.Server
	if !asked.Addr.IsValid() || !is.Addr.IsValid() || asked.Addr == is.Addr && asked.Port == is.Port {
		return server.TCP.Dialed
	}
	return netip.AddrPortFrom(asked.Addr, asked.Port)
}
