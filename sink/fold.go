package sink

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tlstrace/tlstrace/event"
)

// Defaults of [FoldOptions].
const (
	DefaultFoldWindow  = 10 * time.Second
	DefaultFoldLongest = 5 * time.Minute
	DefaultFoldKinds   = 2048
	DefaultFoldRate    = 1.0
	DefaultFoldBurst   = 10
)

// ErrClosed is returned by a sink that was closed.
var ErrClosed = errors.New("the sink is closed")

// FoldOptions bound what [Fold] lets pass. A zero is the default.
type FoldOptions struct {
	// Window is how long the repeats of an event are gathered. It doubles each time, up to Longest, as long as they go on.
	Window, Longest time.Duration
	// Kinds is how many kinds of events are told apart at a time, half of them at most for what did not fail. An event that is none of
	// them, when there is no room for another, passes at Rate, in events per second for each reason, of which Burst may come at once;
	// the others are shed.
	Kinds int
	Rate  float64
	Burst int
}

func (o FoldOptions) withDefaults() FoldOptions {
	if o.Window <= 0 {
		o.Window = DefaultFoldWindow
	}
	if o.Longest <= 0 {
		o.Longest = DefaultFoldLongest
	}
	if o.Kinds <= 0 {
		o.Kinds = DefaultFoldKinds
	}
	if o.Rate <= 0 {
		o.Rate = DefaultFoldRate
	}
	if o.Burst <= 0 {
		o.Burst = DefaultFoldBurst
	}
	o.Longest = max(o.Longest, o.Window)
	return o
}

// FoldStats counts events, those included that were folded into them before they came. In is the sum of the others.
type FoldStats struct {
	In      uint64 // came
	Written uint64 // were written, each as itself
	Folded  uint64 // were written as the Repeated of another
	Waiting uint64 // will be written when their window ends
	Shed    uint64 // were not written, because there were too many kinds
	Kinds   int    // are told apart at the moment
}

// Fold is a sink that writes the first event of a kind at once, and its repeats together: at the end of each window the newest of them,
// with Repeated the number of the others. So 1 + Repeated, summed over what is written, is what came, less what [FoldStats] says was shed
// or waits.
//
// Events are of one kind if they have the same outcome and reason, the same side gave up, and they went from the same client to the
// same server and port. An end is its workload; if that is not known its pod, its Service, its program, its address. Where the client
// is on this machine the name that it asked for counts, too; the names that strangers ask for do not.
//
// It is for any number of goroutines, and hands events to the next sink one at a time. If that blocks, so does Write.
type Fold struct {
	options FoldOptions
	next    Sink

	mu     sync.Mutex
	kinds  map[kindKey]*kind
	others int // kinds of what did not fail
	limits map[crowd]*rate.Limiter
	stats  FoldStats
	failed error // of a window that ended, for the next Write or Close to return
	closed bool
}

// kind is what is known of events that are alike. Its window is open, or it rests: for as long again, in which an event is written at
// once but opens a longer window.
type kind struct {
	window  time.Duration
	timer   *time.Timer
	resting bool
	waiting uint64      // repeats since the last was written
	newest  event.Event // of these
}

// NewFold makes a sink that folds repeats, and writes to next.
func NewFold(next Sink, o FoldOptions) *Fold {
	return &Fold{
		options: o.withDefaults(), next: next, kinds: map[kindKey]*kind{}, limits: map[crowd]*rate.Limiter{},
	}
}

// Write writes the first of a kind, and keeps the others. It also returns what went wrong when a window ended.
func (f *Fold) Write(e event.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return ErrClosed
	}
	f.stats.In += times(e.Repeated)
	key := kindOf(&e)
	k := f.kinds[key]
	switch {
	case k == nil && !f.hasRoom(key):
		return f.sometimes(e)
	case k == nil:
		f.open(key)
	case !k.resting:
		k.wait(e)
		f.stats.Waiting += times(e.Repeated)
		return f.past()
	default:
		f.again(k)
	}
	return errors.Join(f.past(), f.write(e))
}

// hasRoom leaves half of the room to failures: however many kinds of successes there are, they hide no new failure.
func (f *Fold) hasRoom(key kindKey) bool {
	if key.outcome != event.Failed && f.others >= f.options.Kinds/2 {
		return false
	}
	return len(f.kinds) < f.options.Kinds
}

// open opens the first window of a kind.
func (f *Fold) open(key kindKey) {
	k := &kind{window: f.options.Window}
	k.timer = time.AfterFunc(k.window, func() { f.end(key, k) })
	f.kinds[key] = k
	if key.outcome != event.Failed {
		f.others++
	}
}

// drop forgets a kind.
func (f *Fold) drop(key kindKey) {
	delete(f.kinds, key)
	if key.outcome != event.Failed {
		f.others--
	}
}

// again opens the next window of a kind: it goes on, and so it may last longer.
func (f *Fold) again(k *kind) {
	k.resting = false
	k.window = min(2*k.window, f.options.Longest)
	k.timer.Reset(k.window)
}

// wait keeps a repeat.
func (k *kind) wait(e event.Event) {
	k.waiting += times(e.Repeated)
	k.newest = e
}

// end ends a window, or the rest after it.
func (f *Fold) end(key kindKey, k *kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed || f.kinds[key] != k:
	case k.waiting > 0:
		f.failed = errors.Join(f.failed, f.tell(k))
		f.again(k)
	case !k.resting:
		k.resting = true
		k.timer.Reset(k.window)
	default:
		f.drop(key)
	}
}

// tell writes the repeats.
func (f *Fold) tell(k *kind) error {
	e := k.newest
	e.Repeated = int(k.waiting - 1)
	f.stats.Waiting -= k.waiting
	k.waiting, k.newest = 0, event.Event{}
	return f.write(e)
}

func (f *Fold) write(e event.Event) error {
	f.stats.Written++
	f.stats.Folded += times(e.Repeated) - 1
	return f.next.Write(e)
}

// sometimes writes an event of one kind too many, as often as is allowed for its reason.
func (f *Fold) sometimes(e event.Event) error {
	c := crowdOf(&e)
	limit := f.limits[c]
	if limit == nil {
		limit = rate.NewLimiter(rate.Limit(f.options.Rate), f.options.Burst)
		f.limits[c] = limit
	}
	if !limit.Allow() {
		f.stats.Shed += times(e.Repeated)
		return f.past()
	}
	return errors.Join(f.past(), f.write(e))
}

// past returns what went wrong since the last Write.
func (f *Fold) past() error {
	err := f.failed
	f.failed = nil
	return err
}

// Stats returns the counts so far.
func (f *Fold) Stats() FoldStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Kinds = len(f.kinds)
	return s
}

// Close writes the repeats that wait, and closes the next sink. A second Close does nothing.
func (f *Fold) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	errs := []error{f.past()}
	for _, k := range f.kinds {
		k.timer.Stop()
		if k.waiting > 0 {
			errs = append(errs, f.tell(k))
		}
	}
	clear(f.kinds)
	return errors.Join(append(errs, f.next.Close())...)
}
