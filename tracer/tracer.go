// Package tracer watches the TLS handshakes of every process on a machine from the kernel.
//
// [Open] loads and attaches the programs, [Tracer.Read] returns the connections that ended before their handshake
// had surely succeeded, as facts; package verdict judges them. Nothing is pinned: when the Tracer is closed, or its process
// dies in whatever way, the kernel detaches and unloads everything.
//
// It needs Linux 5.10 with BTF, a cgroup v2 hierarchy, and the capabilities that [Probe] names when they are missing.
package tracer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer/library"
)

// Sentinels for the decisions that a caller takes. [Open] wraps them with what to do about it.
var (
	ErrClosed       = errors.New("tracer is closed")
	ErrPermission   = errors.New("not permitted to load BPF programs")
	ErrNoBTF        = errors.New("the kernel has no type information (BTF)")
	ErrNoCgroup2    = errors.New("no cgroup v2 hierarchy is mounted")
	ErrNotSupported = errors.New("the kernel does not support a hook that is required")
)

// Tracer is a running set of BPF programs. Read is for one goroutine at a time; the other methods are for any.
type Tracer struct {
	loaded  *loaded
	ring    *ringbuf.Reader
	record  ringbuf.Record // reused
	pairs   *pairs
	alike   *alike
	sweeper *sweeper
	targets *targets
	capture Capture
	depth   *depth             // nil but with CaptureAdaptive
	stop    context.CancelFunc // of what runs beside Read
	running sync.WaitGroup
	reasons map[uint32]string // of resets, by this kernel's names
	log     *slog.Logger
	lost    lost
	// hostProcesses: the numbers that the kernel tells are those of /proc. Else they are nobody's in here.
	hostProcesses bool
}

// lost counts what this side could not read. The kernel side counts its own.
type lost struct {
	undecodable atomic.Uint64
}

// Open loads the programs and attaches them to the cgroup. On an error nothing is left behind.
func Open(o Options) (*Tracer, error) {
	o = o.withDefaults()
	if missing := missingCapabilities(); len(missing) > 0 {
		return nil, fmt.Errorf("%w: missing %s; run it with sudo", ErrPermission, strings.Join(missing, ", "))
	}
	cgroups, err := openHierarchy(o.Cgroup)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cgroups.Close() }() // what is attached stays
	k := newKernel()
	if k.err != nil {
		return nil, fmt.Errorf("%w: %w; use a kernel built with CONFIG_DEBUG_INFO_BTF=y", ErrNoBTF, k.err)
	}
	o.NoLibraries = o.NoLibraries || !k.readable
	l, err := load(o, k, cgroups.path)
	if err != nil {
		return nil, err
	}
	ring, err := ringbuf.NewReader(l.collection.Maps[bpfMapEvents])
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the ring buffer: %w", err), l.Close())
	}
	inflight := l.collection.Maps[bpfMapInflight]
	t := &Tracer{
		capture: o.Capture, loaded: l, ring: ring, log: o.Logger, reasons: k.enumNames("sk_rst_reason"),
		hostProcesses: HostProcesses("/proc"),
		pairs:         newPairs(func(cookie uint64) *half { return lookUp(inflight, cookie) }),
		sweeper:       &sweeper{inflight: inflight, hellos: l.collection.Maps[bpfMapHellos]},
		alike:         newAlike(l.collection.Maps[bpfMapLimits], func() (uint64, error) { return l.counter(bpfCounterCOUNT_SHED) }),
		targets:       newTargets(o, &prober{programs: l.collection.Programs, cookies: hasAttachCookie(), multi: l.multi}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	if err := t.lookInDepth(ctx, o, cgroups.path); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	if l.chosen[PurposeLibraries] != nil {
		t.findLibraries(ctx)
	}
	return t, nil
}

// lookInDepth starts to decide at which cgroups to look.
func (t *Tracer) lookInDepth(ctx context.Context, o Options, cgroup string) error {
	if o.Capture != CaptureAdaptive {
		return nil
	}
	l, err := newLens(cgroup, t.loaded.collection)
	if err != nil {
		return err
	}
	t.depth = newDepth(o, l, time.Now)
	if err := t.depth.ask(o.InDepth); err != nil {
		return errors.Join(err, t.depth.close())
	}
	t.running.Go(func() { t.depth.run(ctx) })
	return nil
}

// findLibraries starts looking for TLS libraries, and waits until those of the processes that run already are found, or a
// second has passed: the rest is found while tracing.
func (t *Tracer) findLibraries(ctx context.Context) {
	scanned := make(chan struct{})
	t.running.Go(func() { t.targets.run(ctx, scanned) })
	select {
	case <-scanned:
	case <-time.After(firstScan):
	}
}

// lookUp returns a handshake that is still in flight, or nil.
func lookUp(inflight *ebpf.Map, cookie uint64) *half {
	h := &half{}
	if inflight.Lookup(cookie, &h.handshake) != nil {
		return nil
	}
	return h
}

func (o Options) withDefaults() Options {
	if o.RingBytes == 0 {
		o.RingBytes = DefaultRingBytes
	}
	if o.MaxInflight == 0 {
		o.MaxInflight = DefaultMaxInflight
	}
	if o.Capture == "" {
		o.Capture = CaptureAll
	}
	if o.Hold == 0 {
		o.Hold = DefaultHold
	}
	if o.MaxInDepth == 0 {
		o.MaxInDepth = DefaultMaxInDepth
	}
	if o.AlikePerSecond == 0 {
		o.AlikePerSecond = DefaultAlikePerSecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Read returns the next connection that ended, as facts. It blocks until there is one. It returns ctx's error when ctx is done, and
// [ErrClosed] when the tracer is closed; what cannot be decoded is counted in [Stats] and skipped.
func (t *Tracer) Read(ctx context.Context) (event.Event, error) {
	stop := context.AfterFunc(ctx, func() { _ = t.ring.Flush() }) // wakes a read that waits
	defer stop()
	for {
		if c, ok := t.pairs.next(); ok {
			return t.facts(c), nil
		}
		if err := ctx.Err(); err != nil {
			return event.Event{}, err
		}
		if err := t.fetch(); err != nil {
			return event.Event{}, err
		}
	}
}

// facts makes a connection an event. Those like it of which the kernel told nothing are counted in it.
func (t *Tracer) facts(c connection) event.Event {
	e := c.facts(wallClock(), t.reasons, t.libraryOf)
	e.Repeated = t.alike.repeatedBy(c)
	return e
}

// fetch reads one record, or waits until something else is due.
func (t *Tracer) fetch() error {
	t.ring.SetDeadline(t.due())
	switch err := t.ring.ReadInto(&t.record); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.tick()
		return nil
	case errors.Is(err, ringbuf.ErrFlushed):
		return nil
	case errors.Is(err, ringbuf.ErrClosed):
		return ErrClosed
	case err != nil:
		return fmt.Errorf("read the ring buffer: %w", err)
	}
	t.take(t.record.RawSample)
	if time.Now().After(t.sweeper.due()) {
		t.tick()
	}
	return nil
}

// due is when waiting for the ring has to end.
func (t *Tracer) due() time.Time {
	due := t.sweeper.due()
	if d, ok := t.pairs.due(); ok && d.Before(due) {
		return d
	}
	return due
}

// tick does what time has made due: ends that waited for their twin in vain, entries that nothing will end any more.
func (t *Tracer) tick() {
	now := time.Now()
	t.pairs.expire(now)
	for _, h := range t.sweeper.sweep(now, monotonic()) {
		if bpfFate(h.handshake.Fate) == bpfFateFATE_OPEN || t.pairs.awaits(h) { // else its other end was told, or shed, long ago
			t.pairs.add(h, now)
		}
	}
	if err := t.alike.settle(monotonic()); err != nil {
		t.log.Warn("what was shed is not known", "error", err)
	}
}

// take decodes one record.
func (t *Tracer) take(raw []byte) {
	kind, err := kindOf(raw)
	if err == nil {
		err = t.takeKind(kind, raw)
	}
	if err != nil {
		t.lost.undecodable.Add(1)
		t.log.Warn("skipped a record from the kernel", "error", err)
	}
}

func (t *Tracer) takeKind(kind bpfRingKind, raw []byte) error {
	switch kind {
	case bpfRingKindRING_CLIENT_HELLO, bpfRingKindRING_SERVER_HELLO:
		return t.pairs.addHello(kind, raw)
	case bpfRingKindRING_CGROUP:
		n, err := readNotice(raw)
		if err == nil && t.depth != nil {
			t.depth.heed(n)
		}
		return err
	case bpfRingKindRING_PROCESS:
		pid, err := readProcess(raw)
		if err == nil && t.targets != nil && t.hostProcesses {
			t.targets.announce(pid)
		}
		return err
	}
	h := &half{}
	err := readHandshake(raw, &h.handshake)
	if err == nil {
		t.pairs.add(h, time.Now())
		t.suspect(&h.handshake)
	}
	return err
}

// suspect draws attention to the cgroup and the process of a handshake that is handed over to be judged.
func (t *Tracer) suspect(h *bpfHandshake) {
	if bpfEnding(h.Ending) != bpfEndingEND_CLOSED {
		return
	}
	if t.depth != nil {
		t.depth.heed(notice{cgroup: h.Cgroup, why: WhySuspect, sure: true})
	}
	alerts := h.Stream[0].Alerts+h.Stream[1].Alerts > 0
	refused := alerts || bpfFamily(h.ErrorSaid.Family) != bpfFamilyFAMILY_NONE // else it may have been closed early, and healthy
	if refused && h.Pid != 0 && t.hostProcesses && t.loaded.chosen[PurposeLibraries] != nil {
		t.targets.suspect(int(h.Pid))
	}
}

// InDepth counts the cgroups whose bytes are looked at one by one, by why they are; nothing with [CaptureAll], which looks at all.
func (t *Tracer) InDepth() map[Why]int {
	if t.depth == nil {
		return nil
	}
	return t.depth.count()
}

// NotInDepth counts the looks that [CaptureAdaptive] could not take: too many were due at once, or the kernel refused.
func (t *Tracer) NotInDepth() uint64 {
	if t.depth == nil {
		return 0
	}
	return t.depth.missed.Load()
}

// Followed counts the processes whose calls of SSL_get_error are watched for a while, because a handshake of theirs failed.
func (t *Tracer) Followed() int { return t.targets.follower.count() }

// NotFollowed counts the processes that there was no room to follow.
func (t *Tracer) NotFollowed() uint64 { return t.targets.follower.missed.Load() }

// Purposes lists what hooks are for with this capture.
func (t *Tracer) Purposes() []Purpose {
	if t.capture != CaptureLight {
		return Purposes
	}
	return slices.DeleteFunc(slices.Clone(Purposes), isWire)
}

// libraryOf returns the library that a process uses, by the kernel's number of the process.
func (t *Tracer) libraryOf(pid int, family library.Family) (library.Target, bool) {
	if !t.hostProcesses {
		return library.Target{}, false
	}
	return t.targets.of(pid, family)
}

// Libraries lists the files with TLS libraries that processes use, and what became of the probes for them.
func (t *Tracer) Libraries() []Target { return t.targets.list() }

// Hooks says which variant serves each purpose. A purpose that nothing serves is absent.
func (t *Tracer) Hooks() map[Purpose]string {
	hooks := map[Purpose]string{}
	for p, v := range t.loaded.chosen {
		hooks[p] = v.name
	}
	return hooks
}

// Close detaches everything. A Read that is under way returns [ErrClosed].
func (t *Tracer) Close() error {
	t.stop()
	t.running.Wait()
	return errors.Join(t.ring.Close(), t.loaded.Close())
}

// monotonic is the clock of the kernel side, bpf_ktime_get_ns.
func monotonic() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return uint64(ts.Nano())
}

// wallClock tells the time of a moment of the monotonic clock, by the difference of both clocks now: a step of the
// wall clock moves later events only.
func wallClock() func(uint64) time.Time {
	now, mono := time.Now(), monotonic()
	return func(at uint64) time.Time { return now.Add(-time.Duration(mono - at)).Round(0) }
}
