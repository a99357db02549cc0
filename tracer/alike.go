package tracer

import (
	"fmt"
	"sync"
	"time"

	"github.com/cilium/ebpf"
)

// What a whole cgroup may have told of its failures, in terms of Options.AlikePerSecond.
const kindsPerCgroup = 20

// limit sets how much detail of failures leaves the kernel.
func limit(spec *ebpf.CollectionSpec, o Options) error {
	every := max(uint64(time.Second)/uint64(max(o.AlikePerSecond, 1)), 1)
	for name, value := range map[string]uint64{bpfVarAlikeEveryNs: every, bpfVarCgroupEveryNs: max(every/kindsPerCgroup, 1)} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

const (
	// alikeRests is after how long without a failure what was shed is given up: nothing will be told that it could be counted in.
	alikeRests = 5 * time.Second
	// maxAlike is when limits that the kernel has forgotten are forgotten here; it keeps 4,096.
	maxAlike = 8192
)

// alike turns what the kernel has shed by each limit into the Repeated of the next failure that the limit lets pass.
type alike struct {
	each func(visit func(*bpfLimit)) error // visits the kernel's limits
	shed func() (uint64, error)            // counts all that were shed

	mu       sync.Mutex
	told     map[uint64]uint64 // what each limit has shed and was told or given up, by its id
	repeated uint64            // was told so far
	lost     uint64            // was given up
}

func newAlike(limits *ebpf.Map, shed func() (uint64, error)) *alike {
	each := func(visit func(*bpfLimit)) error {
		return eachEntry(limits, func(_ bpfLimitKey, l *bpfLimit) { visit(l) })
	}
	return &alike{each: each, shed: shed, told: map[uint64]uint64{}}
}

// repeatedBy returns how many failures like this one were shed since the last that was told.
func (a *alike) repeatedBy(c connection) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	var n uint64
	for _, h := range c.ends() {
		n += a.take(h.handshake.LimitId, h.handshake.Shed)
	}
	a.repeated += n
	return int(n)
}

// take returns what a limit has shed since it was taken before. A lower figure is that of an event that was told out of order.
func (a *alike) take(id, shed uint64) uint64 {
	before := a.told[id]
	if id == 0 || shed <= before {
		return 0
	}
	a.told[id] = shed
	return shed - before
}

// settle gives up what was shed by limits that rest, and by those that the kernel has forgotten.
func (a *alike) settle(monotonic uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	shed, err := a.shed() // before the limits: what they shed later is no loss
	if err != nil || shed <= a.repeated+a.lost && len(a.told) <= maxAlike {
		return err
	}
	var waiting, given uint64
	known := map[uint64]uint64{}
	err = a.each(func(l *bpfLimit) {
		if int64(monotonic-l.DueNs) > int64(alikeRests) {
			given += a.take(l.Id, l.Shed)
		}
		if told, ok := a.told[l.Id]; ok {
			known[l.Id] = told
		}
		waiting += l.Shed - min(a.told[l.Id], l.Shed)
	})
	a.lost += given
	if err != nil {
		return fmt.Errorf("read the limits: %w", err)
	}
	if len(a.told) > maxAlike {
		a.told = known
	}
	if accounted := a.repeated + a.lost + waiting; shed > accounted {
		a.lost += shed - accounted
	}
	return nil
}

// lostSoFar is how many were shed that no event tells of.
func (a *alike) lostSoFar() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lost
}
