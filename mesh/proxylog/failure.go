package proxylog

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// failure is what a line says of a handshake.
type failure struct {
	words
	library     *event.Library // set where the words are not Envoy's
	errno       string         // likewise, an error of the operating system
	side        event.Side     // of the proxy in this connection
	established bool           // the proxy took the connection for established
	unsure      bool           // the line does not say whether the handshake was over
	spell       func(reason int) string
}

// afterHandshake says that what failed was an established connection: a reset or a record that does not decrypt may come at any time.
// A TLS 1.3 client takes a connection for established before the server has judged its certificate: an alert is of the handshake all
// the same.
func (f *failure) afterHandshake() bool {
	if !f.established || len(f.errors) == 0 {
		return false
	}
	q := f.cause()
	return q.lib() != libSSL || q.reason() < receivedAlert
}

// event is the facts that words and side make. The ends and the time are the line's.
func (f *failure) event() event.Event {
	e := event.Event{Schema: event.Schema, ObservedFrom: event.FromLog}
	side := f.side
	if side == event.Unknown || side == "" {
		side = f.impliedSide()
	}
	f.side = side
	switch {
	case f.library != nil:
		l := *f.library
		l.Side = side
		e.Library = &l
	case f.errno != "":
		f.transport(&e, f.errno)
	case len(f.errors) > 0 && f.cause().lib() == libSystem:
		errno := f.cause().errno()
		if errno == "" {
			errno = "error " + itoa(f.cause().reason())
		}
		f.transport(&e, errno)
	default:
		e.Library = f.words.library(side, f.spell)
	}
	f.shorten(e.Library)
	return e
}

// shorten bounds what came from the log.
func (f *failure) shorten(l *event.Library) {
	if l != nil {
		l.ErrorText, l.VerifyText = bounded(l.ErrorText, maxWords), bounded(l.VerifyText, maxWords)
	}
}

// transport tells of an error beneath TLS. In a handshake, it was the peer, or something in its place, that ended the connection.
func (f *failure) transport(e *event.Event, errno string) {
	e.TCP.Error = bounded(errno, maxWords)
	if f.unsure {
		return
	}
	peer := f.side.Peer()
	switch errno {
	case "ECONNRESET":
		e.TCP.How, e.TCP.ResetBy, e.TCP.ClosedBy = event.CloseRST, peer, peer
	case "EPIPE", "ECONNABORTED", "ENOTCONN":
		e.TCP.How, e.TCP.ClosedBy = event.CloseFIN, peer
	case "ETIMEDOUT":
		e.TCP.How, e.TCP.ClosedBy = event.CloseTimeout, f.side
	}
}

// claimed adds who the peer said that it was, by the certificate that was refused for it.
func (f *failure) claimed(e *event.Event) {
	id := identity(strings.TrimSpace(f.presented()))
	if id == nil {
		return
	}
	if f.side == event.Server {
		mergeK8s(&e.Client, id)
	} else if f.side == event.Client {
		mergeK8s(&e.Server, id)
	}
}
