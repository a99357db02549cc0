package proxylog

import (
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// How far apart in time two accounts of one connection may be: a proxy's access log is about the request that the connection was for, and
// so ends it a little later. Without the client's port the time has to tell connections of one client apart.
const (
	sameConnection = 5 * time.Second
	sameServer     = time.Second
)

// Matches says whether a log tells of the connection that e was seen to be. Both must not contradict each other, and the log has to know
// the client by its port, or else the server by its own, at about the same time. The server's port may differ where traffic is redirected:
// the proxy logs where the client wanted to go.
func Matches(e, log event.Event) bool {
	if e.Outcome == event.Succeeded || e.Outcome == event.Noise || log.ObservedFrom != event.FromLog {
		return false
	}
	apart := e.Time.Sub(log.Time).Abs()
	if apart > sameConnection || !sameAddr(e.Client, log.Client) || !sameAddr(e.Server, log.Server) {
		return false
	}
	if knownPort(e.Client) && knownPort(log.Client) {
		return e.Client.Port == log.Client.Port
	}
	if !knownPort(e.Server) || !knownPort(log.Server) || e.Server.Port != log.Server.Port {
		return false
	}
	return apart <= sameServer && sameName(e, log)
}

// sameAddr: an address that is not known contradicts none, and neither does the loopback, to which traffic is redirected.
func sameAddr(a, b event.Endpoint) bool {
	return !a.Addr.IsValid() || !b.Addr.IsValid() || a.Addr.Unmap() == b.Addr.Unmap() || a.Addr.IsLoopback() || b.Addr.IsLoopback()
}

func knownPort(end event.Endpoint) bool { return end.Addr.IsValid() && end.Port != 0 }

// sameName: the names that both know, of the server that was asked for, agree.
func sameName(e, log event.Event) bool {
	if e.Mesh != nil && log.Mesh != nil && *e.Mesh != *log.Mesh {
		return false
	}
	return e.TLS == nil || log.TLS == nil || e.TLS.SNI == "" || log.TLS.SNI == "" || e.TLS.SNI == log.TLS.SNI
}
