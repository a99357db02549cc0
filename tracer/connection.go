package tracer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer/hello"
)

// connection is what is known of one connection: from one of its ends, or from both.
type connection struct {
	client, server *half
}

func connectionOf(h *half) connection {
	if h.handshake.isClient() {
		return connection{client: h}
	}
	return connection{server: h}
}

// with adds the other end.
func (c connection) with(h *half) connection {
	if h.handshake.isClient() {
		c.client = h
	} else {
		c.server = h
	}
	return c
}

// ends returns the ends that were seen, the client's first.
func (c connection) ends() []*half {
	ends := make([]*half, 0, 2)
	if c.client != nil {
		ends = append(ends, c.client)
	}
	if c.server != nil {
		ends = append(ends, c.server)
	}
	return ends
}

// any returns one of the ends.
func (c connection) any() *bpfHandshake {
	if c.client != nil {
		return &c.client.handshake
	}
	return &c.server.handshake
}

func (c connection) has(flag bpfHandshakeFlag) bool {
	return c.client != nil && c.client.handshake.has(flag) || c.server != nil && c.server.handshake.has(flag)
}

func (c connection) vantage() event.Vantage {
	switch {
	case c.client == nil:
		return event.FromServer
	case c.server == nil:
		return event.FromClient
	}
	return event.FromBoth
}

// start is the earliest moment of either end, in nanoseconds of CLOCK_MONOTONIC.
func (c connection) start() uint64 {
	if c.client != nil && (c.server == nil || c.client.handshake.StartNs <= c.server.handshake.StartNs) {
		return c.client.handshake.StartNs
	}
	return c.server.handshake.StartNs
}

// end is the moment at which the first end was done with the connection.
func (c connection) end() uint64 {
	switch {
	case c.client == nil:
		return c.server.handshake.EndNs
	case c.server == nil:
		return c.client.handshake.EndNs
	}
	return min(c.client.handshake.EndNs, c.server.handshake.EndNs)
}

// flow is one direction of the byte stream with the clock it is measured by.
type flow struct {
	*bpfStream
	from  event.Side
	start uint64 // of the end that measured it
	isn   uint32
}

// flow returns the stream that one side sent: as that side sent it, where it was seen there, because what is received may
// come in another order; else as the other side received it.
func (c connection) flow(from event.Side) flow {
	own, other := c.client, c.server
	if from == event.Server {
		own, other = c.server, c.client
	}
	sent, received := sentFlow(own, from), receivedFlow(other, from)
	switch {
	case own == nil:
		return received
	case other == nil:
		return sent
	case sent.Records == 0 && received.Records > 0:
		return received
	}
	return sent
}

func sentFlow(h *half, from event.Side) flow {
	if h == nil {
		return flow{}
	}
	return flow{&h.handshake.Stream[bpfDirectionSENT], from, h.handshake.StartNs, h.handshake.LocalIsn}
}

func receivedFlow(h *half, from event.Side) flow {
	if h == nil {
		return flow{}
	}
	return flow{&h.handshake.Stream[bpfDirectionRECEIVED], from, h.handshake.StartNs, h.handshake.RemoteIsn}
}

func (f flow) bytes() uint64 { return uint64(f.Top - f.isn) }

// lastNs is the moment of the last payload byte, or 0.
func (f flow) lastNs() uint64 {
	if f.LastUs == 0 {
		return 0
	}
	return f.start + uint64(f.LastUs)*1000
}

// records appends the flow's trail, timed from start.
func (f flow) records(to []event.Record, start uint64, retry bool) []event.Record {
	offset := int64(f.start-start) / 1000
	for i := range min(int(f.Records), len(f.Trail)) {
		r := &f.Trail[i]
		to = append(to, event.Record{
			From: f.from, Type: hello.RecordName(r.Type), Handshake: handshakeName(r.Handshake),
			Length: int(r.Length), At: int64(r.AtUs) + offset,
		})
		if retry && to[len(to)-1].Handshake == "server_hello" {
			to[len(to)-1].Handshake, retry = "hello_retry_request", false
		}
	}
	return to
}

func handshakeName(t uint8) string {
	if t == 0 {
		return ""
	}
	return hello.HandshakeName(t)
}

// gap tells why the flow could not be followed to its end.
func (f flow) gap() (event.Gap, bool) {
	switch {
	case bpfStreamState(f.State) == bpfStreamStateSTREAM_LOST:
		return event.Gap{From: f.from, Why: gapName(bpfGap(f.Gap))}, true
	case bpfStreamState(f.State) == bpfStreamStateSTREAM_RECORDS && int32(f.Top-f.Next) > 0:
		return event.Gap{From: f.from, Why: event.GapReordered}, true
	case f.has(bpfStreamFlagSTREAM_TRAIL_FULL):
		return event.Gap{From: f.from, Why: event.GapTrail}, true
	}
	return event.Gap{}, false
}

func gapName(g bpfGap) string {
	switch g {
	case bpfGapGAP_NOT_TLS:
		return event.GapNotTLS
	case bpfGapGAP_TOO_MANY:
		return event.GapTooMany
	}
	return event.GapReordered
}

// facts turns a connection into an event without a verdict. now gives the wall clock for a moment of CLOCK_MONOTONIC,
// reasons the names of reset reasons, find the library of a process.
func (c connection) facts(now func(monotonic uint64) time.Time, reasons map[uint32]string, find finder) event.Event {
	start, end := c.start(), c.end()
	client, server := c.flow(event.Client), c.flow(event.Server)
	e := event.Event{
		Schema: event.Schema, Time: now(end), ID: c.id(), ObservedFrom: c.vantage(),
		Outcome: c.outcome(), Light: c.light(), Duration: float64(end-start) / 1e9,
		Preface: prefaceName(c.preface()),
		TLS:     c.tls(client, server), Alert: alert(client, server), TCP: c.tcp(client, server),
		Client: c.endpoint(event.Client), Server: c.endpoint(event.Server), Library: c.library(find),
	}
	if dialed := c.dialed(); dialed.IsValid() && dialed != netip.AddrPortFrom(e.Server.Addr, e.Server.Port) {
		e.TCP.Dialed = dialed
	}
	if r := c.resetReason(); r != nil {
		e.TCP.ResetReason = reasons[*r]
	}
	e.Records = trail(client, server, start, c.has(bpfHandshakeFlagHS_RETRY))
	if e.Outcome != event.Succeeded { // success is certain: what came after it was not followed
		e.Gaps = gaps(client, server)
	}
	if e.TLS != nil {
		e.Mesh = hello.Mesh(e.TLS.SNI)
	}
	return e
}

// light says that nobody looked at the bytes, on neither end that was seen.
func (c connection) light() bool {
	return !slices.ContainsFunc(c.ends(), func(h *half) bool { return !h.handshake.has(bpfHandshakeFlagHS_LIGHT) })
}

func gaps(client, server flow) []event.Gap {
	var all []event.Gap
	if g, ok := client.gap(); ok {
		all = append(all, g)
	}
	switch g, ok := server.gap(); {
	case ok:
		all = append(all, g)
	case spokeFirst(client, server):
		all = append(all, event.Gap{From: event.Server, Why: event.GapNotTLS})
	}
	return all
}

// spokeFirst tells whether a server that speaks first (a banner) got a hello that it did not expect: the client said nothing
// in plaintext before, as it would to ask for TLS.
func spokeFirst(client, server flow) bool {
	return client.Records > 0 && !client.has(bpfStreamFlagSTREAM_PLAIN) &&
		server.Records == 0 && server.has(bpfStreamFlagSTREAM_PLAIN)
}

// trail is both flows' records in the order of time.
func trail(client, server flow, start uint64, retry bool) []event.Record {
	n := int(client.Records) + int(server.Records)
	if n == 0 {
		return nil
	}
	records := server.records(client.records(make([]event.Record, 0, n), start, false), start, retry)
	slices.SortStableFunc(records, func(a, b event.Record) int { return cmp.Compare(a.At, b.At) })
	return records
}

func (c connection) outcome() event.Outcome {
	for _, h := range c.ends() {
		if bpfEnding(h.handshake.Ending) == bpfEndingEND_SUCCEEDED {
			return event.Succeeded
		}
	}
	return ""
}

// id names the connection the same from both ends: both initial sequence numbers and the client's port. A connection
// that was never established has the socket's cookie instead.
func (c connection) id() string {
	h := c.any()
	if h.LocalIsn == 0 && h.RemoteIsn == 0 {
		return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Cookie))
	}
	client, server, port := h.LocalIsn, h.RemoteIsn, h.LocalPort
	if !h.isClient() {
		client, server, port = h.RemoteIsn, h.LocalIsn, h.RemotePort
	}
	var b [10]byte
	binary.BigEndian.PutUint32(b[0:], client)
	binary.BigEndian.PutUint32(b[4:], server)
	binary.BigEndian.PutUint16(b[8:], port)
	return hex.EncodeToString(b[:])
}

func (c connection) preface() bpfPreface {
	best := bpfPrefacePREFACE_NONE
	for _, h := range c.ends() {
		best = max(best, bpfPreface(h.handshake.Preface))
	}
	return best
}

func (c connection) endpoint(side event.Side) event.Endpoint {
	own, other := c.client, c.server
	if side == event.Server {
		own, other = c.server, c.client
	}
	if own == nil {
		at := other.peer()
		return event.Endpoint{Addr: at.Addr(), Port: at.Port()}
	}
	h := &own.handshake
	return event.Endpoint{
		Addr: netip.AddrFrom16(h.LocalAddr).Unmap(), Port: h.LocalPort, Process: process(h), Cgroup: h.Cgroup, NetNS: h.Netns,
	}
}

// peer is where the other end is: as this end knows it or, if a SYN was refused, where NAT had sent that.
func (h *half) peer() netip.AddrPort {
	if h.handshake.ArrivedPort != 0 {
		return addrPort(h.handshake.ArrivedAddr, h.handshake.ArrivedPort)
	}
	return addrPort(h.handshake.RemoteAddr, h.handshake.RemotePort)
}

// dialed is what the client connected to, the zero value if its end was not seen.
func (c connection) dialed() netip.AddrPort {
	if c.client == nil {
		return netip.AddrPort{}
	}
	return addrPort(c.client.handshake.RemoteAddr, c.client.handshake.RemotePort)
}

func addrPort(addr [16]uint8, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(addr).Unmap(), port)
}

func process(h *bpfHandshake) *event.Process {
	if h.Pid == 0 {
		return nil
	}
	comm, _, _ := bytes.Cut(h.Comm[:], []byte{0})
	return &event.Process{PID: int(h.Pid), Comm: string(comm)}
}
