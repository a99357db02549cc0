package tracer

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer/hello"
)

// Types of handshake messages whose presence is a fact of its own (RFC 5246 section 7.4).
const (
	messageCertificate        = 11
	messageCertificateRequest = 13
)

// tls is what the hellos and the clear messages say.
func (c connection) tls(client, server flow) *event.TLS {
	clientHello, serverHello := c.hellos()
	t := hello.Describe(clientHello, serverHello)
	if t == nil {
		return nil
	}
	t.HelloRetry = t.HelloRetry || c.has(bpfHandshakeFlagHS_RETRY)
	t.ClientAuth = clientAuth(client, server)
	return t
}

// hellos returns the longest capture of each.
func (c connection) hellos() (client, server []byte) {
	for _, h := range c.ends() {
		if len(h.client) > len(client) {
			client = h.client
		}
		if len(h.server) > len(server) {
			server = h.server
		}
	}
	return client, server
}

func clientAuth(client, server flow) event.ClientAuth {
	switch {
	case client.has(bpfStreamFlagSTREAM_EMPTY_CERT):
		return event.ClientAuthEmpty
	case client.Seen&(1<<messageCertificate) != 0:
		return event.ClientAuthSent
	case server.Seen&(1<<messageCertificateRequest) != 0:
		return event.ClientAuthRequested
	}
	return ""
}

// alert returns the alert in clear that counts: one that is more than a goodbye before one that is not, and the earlier
// of two.
func alert(client, server flow) *event.Alert {
	a, b := clearAlert(client), clearAlert(server)
	switch {
	case a == nil || b == nil:
		return firstOf(a, b)
	case isGoodbye(a) != isGoodbye(b):
		if isGoodbye(a) {
			return b
		}
		return a
	case alertTime(server) < alertTime(client):
		return b
	}
	return a
}

func firstOf(a, b *event.Alert) *event.Alert {
	if a != nil {
		return a
	}
	return b
}

func clearAlert(f flow) *event.Alert {
	if f.Alerts == 0 {
		return nil
	}
	code := f.AlertCode
	return &event.Alert{Sender: f.from, Level: hello.AlertLevel(f.AlertLevel), Code: &code, Name: hello.AlertName(code)}
}

func isGoodbye(a *event.Alert) bool { return *a.Code == 0 }

// alertTime is the moment of a flow's last alert record.
func alertTime(f flow) uint64 {
	for i := min(int(f.Records), len(f.Trail)) - 1; i >= 0; i-- {
		if f.Trail[i].Type == 21 {
			return f.start + uint64(f.Trail[i].AtUs)*1000
		}
	}
	return 0
}

// tcp is what the transport did.
func (c connection) tcp(client, server flow) event.TCP {
	closer, how, at := c.firstClose()
	t := event.TCP{
		ClosedBy: closer, How: how, ResetBy: c.resetBy(),
		ClientBytes: client.bytes(), ServerBytes: server.bytes(),
		TLSListener: c.has(bpfHandshakeFlagHS_TLS_LISTENER), BadRequest: c.has(bpfHandshakeFlagHS_BAD_REQUEST),
	}
	if how != event.CloseOpen {
		t.ClosedAt = int64(at-c.start()) / 1000
	}
	if last := max(client.lastNs(), server.lastNs()); last > 0 && at > last {
		t.Idle = float64(at-last) / 1e9
	}
	for _, h := range c.ends() {
		t.Retransmits += h.handshake.Retransmits
		if bpfEnding(h.handshake.Ending) == bpfEndingEND_CONNECT {
			t.Error = unix.ErrnoName(unix.Errno(h.handshake.Error))
		}
	}
	return t
}

// firstClose tells who ended the connection first, how, and when. A side that says that it closed itself is believed
// before one that saw the other close; of two that both did, the earlier.
func (c connection) firstClose() (event.Side, event.Close, uint64) {
	ends := slices.DeleteFunc(c.ends(), func(h *half) bool { return bpfCloser(h.handshake.Closer) == bpfCloserCLOSER_NONE })
	if len(ends) == 0 {
		return "", event.CloseOpen, c.end()
	}
	first := slices.MinFunc(ends, func(a, b *half) int {
		if x, y := isLocal(a), isLocal(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return int(a.handshake.CloseNs) - int(b.handshake.CloseNs)
	})
	h := &first.handshake
	side := sideOf(h, bpfCloser(h.Closer))
	if len(ends) == 2 && !isLocal(ends[0]) && !isLocal(ends[1]) && bpfCloseHow(h.How) == bpfCloseHowHOW_RST {
		side = event.Network
	}
	return side, closeName(bpfCloseHow(h.How)), h.CloseNs
}

func isLocal(h *half) bool { return bpfCloser(h.handshake.Closer) == bpfCloserCLOSER_LOCAL }

func sideOf(h *bpfHandshake, closer bpfCloser) event.Side {
	local := event.Server
	if h.isClient() {
		local = event.Client
	}
	switch closer {
	case bpfCloserCLOSER_LOCAL:
		return local
	case bpfCloserCLOSER_REMOTE:
		return local.Peer()
	case bpfCloserCLOSER_NETWORK:
		return event.Network
	}
	return event.Unknown
}

func closeName(how bpfCloseHow) event.Close {
	switch how {
	case bpfCloseHowHOW_FIN:
		return event.CloseFIN
	case bpfCloseHowHOW_RST:
		return event.CloseRST
	case bpfCloseHowHOW_TIMEOUT:
		return event.CloseTimeout
	case bpfCloseHowHOW_REFUSED:
		return event.CloseRefused
	}
	return event.CloseOpen
}

// resetBy tells who sent a reset. If both ends were seen, both received one and neither sent it, it came from in between.
func (c connection) resetBy() event.Side {
	for _, h := range c.ends() {
		if h.handshake.has(bpfHandshakeFlagHS_RESET_SENT) || h.handshake.has(bpfHandshakeFlagHS_ABORTING) {
			return sideOf(&h.handshake, bpfCloserCLOSER_LOCAL)
		}
	}
	received := 0
	side := event.Side("")
	for _, h := range c.ends() {
		if h.handshake.has(bpfHandshakeFlagHS_RESET_RECEIVED) {
			received++
			side = sideOf(&h.handshake, bpfCloserCLOSER_REMOTE)
		}
	}
	if received == 2 {
		return event.Network
	}
	return side
}

// resetReason returns the kernel's reason of a reset that an end sent.
func (c connection) resetReason() *uint32 {
	for _, h := range c.ends() {
		if h.handshake.has(bpfHandshakeFlagHS_REASON) {
			return &h.handshake.ResetReason
		}
	}
	return nil
}

var prefaces = map[bpfPreface]event.Preface{
	bpfPrefacePREFACE_OTHER:    event.PrefaceOther,
	bpfPrefacePREFACE_HTTP:     event.PrefaceHTTP,
	bpfPrefacePREFACE_CONNECT:  event.PrefaceConnect,
	bpfPrefacePREFACE_PROXY_V1: event.PrefaceProxyV1,
	bpfPrefacePREFACE_PROXY_V2: event.PrefaceProxyV2,
	bpfPrefacePREFACE_POSTGRES: event.PrefacePostgres,
	bpfPrefacePREFACE_MYSQL:    event.PrefaceMySQL,
	bpfPrefacePREFACE_SMTP:     event.PrefaceSMTP,
	bpfPrefacePREFACE_IMAP:     event.PrefaceIMAP,
	bpfPrefacePREFACE_POP3:     event.PrefacePOP3,
	bpfPrefacePREFACE_FTP:      event.PrefaceFTP,
	bpfPrefacePREFACE_LDAP:     event.PrefaceLDAP,
	bpfPrefacePREFACE_XMPP:     event.PrefaceXMPP,
	bpfPrefacePREFACE_SSH:      event.PrefaceSSH,
}

func prefaceName(p bpfPreface) event.Preface { return prefaces[p] }
