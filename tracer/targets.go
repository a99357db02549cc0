package tracer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// Bounds and times of the search for libraries.
const (
	maxAnnounced  = 1024  // processes waiting to be looked at
	maxKnownFiles = 16384 // files remembered, most of them without TLS
	reapEvery     = 10 * time.Second
	firstScan     = time.Second // Open waits so long for the processes that run already
)

// targets finds the TLS libraries of processes and keeps probes in them as long as somebody uses them. All the work is done by
// one goroutine, off the path of events.
type targets struct {
	proc      string
	prober    *prober // nil if files are only looked at
	deep      bool
	shadowed  bool // processes may have shadow stacks
	follower  *follower
	log       *slog.Logger
	announced chan int
	dropped   atomic.Uint64

	mu    sync.Mutex
	files map[fileID]*file
	users map[procID][]*file
}

// file is a file that was looked into.
type file struct {
	path       string
	libraries  []library.Target
	points     map[library.Point]bool
	links      map[library.Probe][]link.Link
	callLayout library.Layout // that the probes at calls in a libssl were told
	handle     *os.File       // held as long as there are links
	users      int
	why        string
}

// newTargets makes targets that put probes into libraries; without a prober, it only looks.
func newTargets(o Options, p *prober) *targets {
	t := &targets{
		proc: "/proc", prober: p, deep: o.GetError, log: o.Logger,
		announced: make(chan int, maxAnnounced), files: map[fileID]*file{}, users: map[procID][]*file{},
	}
	t.shadowed = hasShadowStacks(t.proc)
	t.follower = newFollower(t.deepLinks, time.Now, o.Logger)
	return t
}

// announce asks for a look at a process. It never blocks.
func (t *targets) announce(pid int) {
	select {
	case t.announced <- pid:
	default:
		t.dropped.Add(1)
	}
}

// suspect asks to watch more of a process of which a handshake failed; not where that is watched of all.
func (t *targets) suspect(pid int) {
	if !t.deep && t.prober != nil {
		t.follower.heed(pid)
	}
}

// follow watches more of a process, unless it is gone. It may be a new one.
func (t *targets) follow(pid int) {
	id, err := identifyProcess(t.proc, pid)
	if err != nil {
		return
	}
	if t.users[id] == nil {
		t.look(pid)
	}
	t.follower.follow(id)
}

// run looks at processes until ctx is done: first at all that there are, which closes scanned, then at the announced ones.
func (t *targets) run(ctx context.Context, scanned chan<- struct{}) {
	t.scan(ctx)
	close(scanned)
	reap := time.NewTicker(reapEvery)
	defer reap.Stop()
	for {
		select {
		case <-ctx.Done():
			t.release()
			return
		case pid := <-t.announced:
			t.look(pid)
		case pid := <-t.follower.suspects:
			t.follow(pid)
		case <-reap.C:
			t.follower.settle()
			t.reap()
		}
	}
}

// scan looks at every process.
func (t *targets) scan(ctx context.Context) {
	entries, err := os.ReadDir(t.proc)
	if err != nil {
		t.log.Warn("cannot look for TLS libraries", "error", err)
		return
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return
		}
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			t.look(pid)
		}
	}
}

// look finds the libraries of a process and puts probes in those that have none yet. A process that is gone is no matter.
func (t *targets) look(pid int) {
	id, err := identifyProcess(t.proc, pid)
	if err != nil {
		return
	}
	maps, err := executables(t.proc, pid)
	if err != nil {
		return
	}
	used := t.withLibraries(t.open(pid, maps))
	if t.prober != nil {
		t.reconcile(used)
		t.attachAll(used)
	}
	t.use(id, used)
}

// attachAll puts the probes into the files of a process.
func (t *targets) attachAll(files []*file) {
	for _, f := range files {
		t.attach(f, files)
	}
}

// opened is a file that is held open, or known already.
type opened struct {
	*file
	id     fileID
	handle *os.File // nil if it is known
}

// open opens the files that are not known yet, all of them before the first is looked into: a process may be gone soon, and
// with it the way to its files.
func (t *targets) open(pid int, maps []mapping) []opened {
	var all []opened
	for _, m := range maps {
		handle, err := os.Open(m.reach(t.proc, pid))
		if err != nil {
			continue
		}
		id, err := identify(handle)
		t.mu.Lock()
		known := t.files[id]
		t.mu.Unlock()
		if err != nil || known != nil {
			_ = handle.Close()
			handle = nil
		}
		if err == nil {
			all = append(all, opened{file: cmp.Or(known, &file{path: m.path}), id: id, handle: handle})
		}
	}
	return all
}

// withLibraries looks into the files that are new, and returns those that have a TLS library in them.
func (t *targets) withLibraries(all []opened) []*file {
	var found []*file
	for _, o := range all {
		if o.handle != nil {
			t.analyse(o)
		}
		if len(o.libraries) > 0 && !slices.Contains(found, o.file) {
			found = append(found, o.file)
		}
	}
	return found
}

// analyse looks into a file, and holds it open if probes belong into it: it can then be reached whatever becomes of its name.
func (t *targets) analyse(o opened) {
	libraries, err := library.Analyse(o.handle, o.id.size)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shadowed {
		libraries = without(library.ProbeVerifyCall, libraries)
	}
	o.libraries, o.points, o.links = libraries, map[library.Point]bool{}, map[library.Probe][]link.Link{}
	if err != nil && !errors.Is(err, library.ErrNoTLS) {
		o.why = err.Error()
	}
	if len(libraries) > 0 && t.prober != nil {
		o.file.handle = o.handle
	} else {
		_ = o.handle.Close()
	}
	if len(t.files) >= maxKnownFiles {
		t.forget()
	}
	t.files[o.id] = o.file
}

// forget drops the files that nobody uses. They are looked into again if they come back.
func (t *targets) forget() {
	for id, f := range t.files {
		if f.users == 0 && f.handle == nil {
			delete(t.files, id)
		}
	}
}

// survey looks at every process and reports on the libraries in use, without putting probes into them.
func survey(ctx context.Context, o Options) []Target {
	t := newTargets(o.withDefaults(), nil)
	t.scan(ctx)
	all := t.list()
	for i := range all {
		if all[i].State == StateStandby {
			all[i].State = StateFound
		}
	}
	return all
}

// attach puts the probes into a file that it should have and has not.
func (t *targets) attach(f *file, together []*file) {
	if f.handle == nil {
		return
	}
	for _, l := range f.libraries {
		if l.Family == library.OpenSSL {
			l.Layout = openSSLLayout(f, together)
		}
		missing := pointsOf(l, func(p library.Point, u uprobe) bool {
			return !f.points[p] && (t.deep || !u.deep) && (l.Family != library.OpenSSL || belongs(u, f, together))
		})
		for probe, points := range missing {
			t.attachPoints(f, probe, points, l)
		}
	}
}

// pointsOf sorts the places in a library by the probe that belongs there.
func pointsOf(l library.Target, wanted func(library.Point, uprobe) bool) map[library.Probe][]library.Point {
	points := map[library.Probe][]library.Point{}
	for _, p := range l.Points {
		if u, ok := uprobeOf(p.Probe); ok && wanted(p, u) {
			points[p.Probe] = append(points[p.Probe], p)
		}
	}
	return points
}

// attachPoints puts one probe into all the places in a file where it belongs.
func (t *targets) attachPoints(f *file, probe library.Probe, points []library.Point, l library.Target) {
	links, err := t.prober.attach(f.reach(), probe, points, l, 0)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		f.why = string(probe) + ": " + err.Error()
		t.log.Warn("cannot put a probe into a TLS library", "path", f.path, "probe", probe, "error", err)
		return
	}
	for _, p := range points {
		f.points[p] = true
	}
	f.links[probe] = append(f.links[probe], links...)
	if probe == library.ProbeVerifyCall {
		f.callLayout = l.Layout
	}
}

// reach is a path by which a file that is held open can be reached.
func (f *file) reach() string { return fmt.Sprintf("/proc/self/fd/%d", f.handle.Fd()) }

// use notes which files a process uses; an exec may have changed them.
func (t *targets) use(p procID, files []*file) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.users[p] {
		f.users--
	}
	delete(t.users, p)
	if len(files) == 0 {
		return
	}
	t.users[p] = files
	for _, f := range files {
		f.users++
	}
}

// reap takes the probes out of files whose last user is gone.
func (t *targets) reap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, files := range t.users {
		if now, err := identifyProcess(t.proc, p.pid); err == nil && now == p {
			continue
		}
		delete(t.users, p)
		for _, f := range files {
			f.users--
		}
	}
	for id, f := range t.files {
		if f.users == 0 && f.handle != nil {
			f.close(t.log)
			delete(t.files, id)
		}
	}
}

// release takes all probes out.
func (t *targets) release() {
	t.follower.release()
	t.mu.Lock()
	defer t.mu.Unlock()
	var closing sync.WaitGroup
	for _, f := range t.files {
		closing.Go(func() { f.close(t.log) })
	}
	closing.Wait()
	clear(t.files)
	clear(t.users)
}

// close takes the probes out, all at the same time: each waits until no processor is in the middle of it.
func (f *file) close(log *slog.Logger) {
	var closing sync.WaitGroup
	for _, links := range f.links {
		for _, l := range links {
			closing.Go(func() {
				if err := l.Close(); err != nil {
					log.Warn("cannot take a probe out of a TLS library", "path", f.path, "error", err)
				}
			})
		}
	}
	closing.Wait()
	clear(f.links)
	clear(f.points)
	if f.handle != nil {
		_ = f.handle.Close()
		f.handle = nil
	}
}

// of returns the library of a family that a process uses. OpenSSL is two files, of which only one may tell the version.
func (t *targets) of(pid int, family library.Family) (library.Target, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var best library.Target
	found := false
	for p, files := range t.users {
		if p.pid != pid {
			continue
		}
		for _, f := range files {
			for _, l := range f.libraries {
				if l.Family == family && (!found || best.Version == "") {
					best, found = l, true
				}
			}
		}
	}
	return best, found
}
