package verdict

import (
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// unoffered: the server chose a version that the client had not offered, as GnuTLS does if it has none in common with a client of TLS 1.3,
// and the client would not have it (RFC 8446 section 4.2.1). GnuTLS' client says no more than close_notify then, and its server
// answers with an error of its own; the versions tell more than either.
func unoffered(c *connection) (finding, bool) {
	if !c.choseUnoffered() || c.established12() || !c.clientLeft() {
		return finding{}, false
	}
	return finding{
		outcome: event.Failed, reason: event.ProtocolVersion, confidence: event.Derived,
		phase: event.PhaseServerHello, gaveUp: event.Client, lookAt: c.olderSide(event.Client),
		summary: "The server chose " + word(c.TLS.Version) + ", which the client had not offered, and the client ended the handshake.",
		hint:    c.offered("versions", c.versions()),
	}, true
}

// choseUnoffered compares the server's choice with the list of the client. Before TLS 1.3 there was no list, only a newest version.
func (c *connection) choseUnoffered() bool {
	return c.answered && c.TLS != nil && c.TLS.Version != "" && !slices.Contains(c.versions(), c.TLS.Version) &&
		slices.ContainsFunc(c.versions(), func(v string) bool { return strings.HasSuffix(v, "1.3") })
}

// clientLeft says that the first alert was the client's, in clear and without a reason, and that nothing but alerts followed from it.
func (c *connection) clientLeft() bool {
	first := slices.IndexFunc(c.Records, func(r event.Record) bool { return r.Type == typeAlert })
	if first < 0 || c.Records[first].From != event.Client || c.Records[first].Length != clearAlertLength {
		return false
	}
	if a := c.Alert; a != nil && a.Sender == event.Client && a.Code != nil && *a.Code != alertCloseNotify && *a.Code != alertUserCanceled {
		return false // it said why
	}
	return !slices.ContainsFunc(c.Records[first:], func(r event.Record) bool {
		return r.From == event.Client && r.Type != typeAlert
	})
}
