package proxylog

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/tlstrace/tlstrace/event"
)

// Options say how a log is read.
type Options struct {
	// Pod is whose log it is, if that is known ([PodOf]): the proxy's own end gets it.
	Pod *event.K8s
	// Formats are tried before those that are known, for text access logs that were configured otherwise.
	Formats []*Format
	// Reason names an error of BoringSSL by its number, for logs that have the number only; nil leaves it a number.
	Reason func(reason int) string
}

// Stats count what was read.
type Stats struct {
	Lines    uint64 // also those that were passed over
	Bytes    uint64 // after decompression
	Failures uint64 // of TLS handshakes
	TooLong  uint64 // lines beyond [MaxLine]
	Unknown  uint64 // lines that hold a proxy's words about TLS in a shape that is not known
}

// Add adds what was counted elsewhere.
func (s *Stats) Add(other Stats) {
	s.Lines += other.Lines
	s.Bytes += other.Bytes
	s.Failures += other.Failures
	s.TooLong += other.TooLong
	s.Unknown += other.Unknown
}

// Reader reads one log. It is used by one goroutine at a time.
type Reader struct {
	options     Options
	lines       *lines
	wrapper     *unwrapper
	connections *connections
	formats     []*Format
	custom      bool  // some of them are not among those that are known
	stats       Stats // but for what lines and wrapper count themselves
	published   atomic.Pointer[Stats]
}

// NewReader reads the lines of r, which are plain text: see [Open] for files that may be compressed.
func NewReader(r io.Reader, o Options) *Reader {
	log := &Reader{
		options: o, custom: len(o.Formats) > 0, wrapper: newUnwrapper(), connections: newConnections(),
		formats: defaultFormats(),
	}
	log.lines = newLines(&publisher{r, log})
	log.publish()
	return log
}

// publisher tells what was counted whenever more is read, so that it is known while a read waits.
type publisher struct {
	io.Reader
	log *Reader
}

func (p *publisher) Read(b []byte) (int, error) {
	if p.log.lines != nil {
		p.log.publish()
	}
	return p.Reader.Read(b)
}

// Next returns the next failure, not judged yet; io.EOF at the end. Another error is that of the underlying reader.
func (r *Reader) Next() (event.Event, error) {
	defer r.publish()
	for {
		line, err := r.lines.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return event.Event{}, io.EOF
			}
			return event.Event{}, fmt.Errorf("after line %d: %w", r.stats.Lines, err)
		}
		r.stats.Lines++
		if e, ok := r.look(line); ok {
			r.stats.Failures++
			return e, nil
		}
	}
}

// Stats returns what was counted so far. It may be called by any goroutine at any time.
func (r *Reader) Stats() Stats { return *r.published.Load() }

func (r *Reader) publish() {
	s := r.stats
	if r.lines != nil {
		s.Bytes, s.TooLong = r.lines.bytes, r.lines.tooLong+r.wrapper.tooLong
		s.Lines += r.lines.tooLong
	}
	r.published.Store(&s)
}

// look gives a line its second look if it needs one.
func (r *Reader) look(line []byte) (event.Event, bool) {
	text, split := line, false
	if wrapped(line) {
		text, split = r.wrapper.peek(line)
	}
	if !split && !suspicious(text, r.custom) && !(isDebug(text) && telling(text)) {
		return event.Event{}, false
	}
	return r.judge(line, split)
}

// judge is the second look.
func (r *Reader) judge(line []byte, split bool) (event.Event, bool) {
	c, whole := r.wrapper.unwrap(line)
	if !whole || split && !suspicious(c.text, r.custom) && !isDebug(c.text) {
		return event.Event{}, false
	}
	e, ok := r.readCustom(&c)
	if !ok {
		e, ok = r.read(strings.TrimRight(string(c.text), "\r"))
	}
	if !ok {
		return event.Event{}, false
	}
	if e.Time.IsZero() {
		e.Time = c.time
	}
	r.own(&e, c.pod)
	e.ID = lineID(c.text)
	return e, true
}

// read tells what a line is, and what it says.
func (r *Reader) read(line string) (event.Event, bool) {
	if strings.HasPrefix(line, "{") {
		if o, ok := parseObject([]byte(line)); ok {
			if m, ok := o.message(); ok {
				return r.message(m)
			}
			a := o.access()
			return r.access(&a)
		}
		return event.Event{}, r.unknown(line)
	}
	if m, ok := textMessage(line); ok {
		return r.message(m)
	}
	for _, f := range r.formats {
		if a, ok := f.match(line); ok {
			return r.access(&a)
		}
	}
	return event.Event{}, r.unknown(line)
}

// readCustom tries the formats that the user has given. They say all about a line: what comes first in it is no prefix.
func (r *Reader) readCustom(c *content) (event.Event, bool) {
	for _, f := range r.options.Formats {
		for _, text := range [][]byte{c.raw, c.text} {
			if a, ok := f.match(strings.TrimRight(string(text), "\r")); ok {
				return r.access(&a)
			}
		}
	}
	return event.Event{}, false
}

func (r *Reader) access(a *access) (event.Event, bool) {
	f, ok := a.failure()
	if !ok {
		return event.Event{}, false
	}
	f.spell = r.options.Reason
	e := a.event(f)
	f.claimed(&e)
	return e, true
}

func (r *Reader) message(m message) (event.Event, bool) {
	r.connections.spell = r.options.Reason
	if strings.HasPrefix(m.scope, "envoy ") {
		return r.connections.hear(m)
	}
	if e, ok := ztunnelEvent(m); ok {
		return e, true
	}
	return goEvent(m)
}

// unknown counts a line that has a proxy's words in no shape that is known. It is never a failure.
func (r *Reader) unknown(line string) bool {
	for _, begin := range wordsBegin {
		if _, after, ok := strings.Cut(line, begin); ok {
			if _, _, ok := nextError(strings.TrimLeft(after, "| _")); ok || strings.HasPrefix(blanks(after), " "+secretMissing) {
				r.stats.Unknown++
				break
			}
		}
	}
	return false
}

// own gives the proxy's end of the connection its pod.
func (r *Reader) own(e *event.Event, pod *event.K8s) {
	if r.options.Pod != nil {
		pod = r.options.Pod
	}
	if pod == nil || e.Library != nil && (e.Library.Name == "rustls" || e.Library.Name == "ztunnel") {
		return // a ztunnel works for other pods
	}
	end := r.ownEnd(e)
	if end == nil {
		return
	}
	k := *pod
	if end.K8s != nil {
		k.ServiceAccount, k.Service = end.K8s.ServiceAccount, end.K8s.Service
	}
	end.K8s = &k
}

func (r *Reader) ownEnd(e *event.Event) *event.Endpoint {
	side := e.TCP.ClosedBy.Peer() // the peer ended it
	switch {
	case e.Library != nil:
		side = e.Library.Side
	case e.TCP.How == event.CloseTimeout:
		side = e.TCP.ClosedBy
	}
	switch side {
	case event.Client:
		return &e.Client
	case event.Server:
		return &e.Server
	}
	return nil
}

// lineID makes an ID of a line: a log tells no sequence numbers. It is the same whenever the line is read.
func lineID(line []byte) string {
	h := fnv.New64a()
	h.Write(line)
	return strconv.FormatUint(h.Sum64(), 16)
}
