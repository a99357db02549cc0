package tracer

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

// tally is a focuser that attaches nothing: what is tried is what is decided, with cgroups that come and go and a kernel that refuses.
type tally struct {
	refuse map[uint64]error
	now    map[uint64]bool // looked at
	averts int
}

func (f *tally) focus(cgroup uint64) (*focused, error) {
	if err := f.refuse[cgroup]; err != nil {
		return nil, err
	}
	f.now[cgroup] = true
	return &focused{cgroup: cgroup}, nil
}

func (f *tally) admit(uint64) error { return nil }

func (f *tally) avert(uint64) error {
	f.averts++
	return nil
}

func (f *tally) release(v *focused) (int, error) {
	delete(f.now, v.cgroup)
	return 0, nil
}

func (f *tally) close() error { return nil }

// fakeDepth decides by a clock that the test moves on.
func fakeDepth(limit int) (*depth, *tally, func(time.Duration)) {
	now := time.Unix(1000, 0)
	f := &tally{refuse: map[uint64]error{}, now: map[uint64]bool{}}
	o := Options{Hold: time.Minute, MaxInDepth: limit, Logger: slog.New(slog.DiscardHandler)}
	d := newDepth(o, f, func() time.Time { return now })
	return d, f, func(by time.Duration) {
		for range int(by / time.Second) {
			now = now.Add(time.Second)
			d.decide()
		}
	}
}

func TestDepthLetsGoOfTheClean(t *testing.T) {
	d, f, pass := fakeDepth(4)
	d.consider(notice{cgroup: 1, why: WhyNew})
	if !f.now[1] || d.count()[WhyNew] != 1 {
		t.Fatalf("a new cgroup is not looked at: %v", d.count())
	}
	pass(70 * time.Second)
	if len(f.now) != 0 || f.averts != 1 {
		t.Errorf("after a minute and a drain: %v, averted %d times", f.now, f.averts)
	}
	d.consider(notice{cgroup: 1, why: WhySuspect})
	if len(f.now) != 0 {
		t.Error("a mere sign draws attention to a cgroup that was clean just now")
	}
	d.consider(notice{cgroup: 1, why: WhySuspect, sure: true})
	if !f.now[1] {
		t.Error("a failure does not")
	}
}

func TestDepthTrustsLongerEachTime(t *testing.T) {
	d, f, pass := fakeDepth(4)
	looks := 0
	for range 2 * 60 * 60 {
		before := f.now[1]
		d.consider(notice{cgroup: 1, why: WhySuspect})
		if f.now[1] && !before {
			looks++
		}
		pass(time.Second)
	}
	// a minute of trust, 2, 4, 8, 16, 32, 60 ..., and a minute of looking in between
	if looks < 4 || looks > 8 {
		t.Errorf("%d looks in two hours at a cgroup that is clean but looks suspicious all the time", looks)
	}
}

func TestDepthStaysWhereItFails(t *testing.T) {
	d, f, pass := fakeDepth(4)
	d.consider(notice{cgroup: 1, why: WhyNew})
	for range 10 {
		pass(50 * time.Second)
		d.consider(notice{cgroup: 1, why: WhySuspect, sure: true})
	}
	if !f.now[1] || d.count()[WhySuspect] != 1 {
		t.Errorf("looked at %v, %v", f.now, d.count())
	}
	pass(62 * time.Second) // it drains
	d.consider(notice{cgroup: 1, why: WhySuspect, sure: true})
	pass(30 * time.Second)
	if !f.now[1] {
		t.Error("a failure while it drains does not keep it")
	}
}

func TestDepthIsBounded(t *testing.T) {
	d, f, pass := fakeDepth(2)
	for id := range uint64(5000) {
		d.consider(notice{cgroup: id + 1, why: WhyNew})
	}
	d.consider(notice{cgroup: 4000, why: WhySuspect, sure: true})
	if len(f.now) != 2 || len(d.queue) != maxQueued || d.missed.Load() != 5000-2-maxQueued {
		t.Errorf("%d are looked at, %d wait, %d missed", len(f.now), len(d.queue), d.missed.Load())
	}
	pass(70 * time.Second)
	if !f.now[4000] {
		t.Errorf("the suspect is not the next: %v", f.now)
	}
}

func TestDepthOutlivesItsCgroups(t *testing.T) {
	d, f, _ := fakeDepth(2)
	f.refuse[1], f.refuse[2] = errGone, errors.New("not permitted")
	for id := range uint64(3) {
		d.consider(notice{cgroup: id + 1, why: WhyNew})
	}
	if !f.now[3] || d.missed.Load() != 1 {
		t.Errorf("looked at %v, missed %d", f.now, d.missed.Load())
	}
	if err := d.close(); err != nil || len(f.now) != 0 {
		t.Errorf("after closing %v: %v", f.now, err)
	}
}
