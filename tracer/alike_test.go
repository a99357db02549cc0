package tracer

import (
	"testing"
	"time"
)

// told is one end of a failure that a limit let pass after it had shed so many.
func told(id, shed uint64) connection {
	h := endOf(bpfRoleROLE_CLIENT, 1, 0)
	h.handshake.LimitId, h.handshake.Shed = id, shed
	return connectionOf(h)
}

func TestAlike(t *testing.T) {
	const long = 2 * uint64(alikeRests)
	for _, tc := range []struct {
		name     string
		told     []connection
		repeated []int
		limits   []bpfLimit // in the kernel at last
		shed     uint64     // counted by the kernel
		lost     uint64
	}{
		{"without a limit", []connection{told(0, 0)}, []int{0}, nil, 0, 0},
		{"what was shed is told with the next", []connection{told(7, 0), told(7, 30), told(7, 42)}, []int{0, 30, 12},
			[]bpfLimit{{Id: 7, Shed: 42}}, 42, 0},
		{"limits are told apart", []connection{told(7, 5), told(8, 6)}, []int{5, 6}, []bpfLimit{{Id: 7, Shed: 5}, {Id: 8, Shed: 6}}, 11, 0},
		{"events out of order tell nothing twice", []connection{told(7, 9), told(7, 4)}, []int{9, 0}, []bpfLimit{{Id: 7, Shed: 9}}, 9, 0},
		{"what was shed last may be told yet", []connection{told(7, 5)}, []int{5}, []bpfLimit{{Id: 7, Shed: 8, DueNs: long}}, 8, 0},
		{"what rests is lost", []connection{told(7, 5)}, []int{5}, []bpfLimit{{Id: 7, Shed: 8}, {Id: 8, Shed: 2, DueNs: 1}}, 10, 5},
		{"what the kernel has forgotten is lost", []connection{told(7, 5)}, []int{5}, nil, 8, 3},
		{"a limit that is ahead of the count loses nothing", nil, nil, []bpfLimit{{Id: 7, Shed: 3, DueNs: long}}, 2, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAlike(nil, func() (uint64, error) { return tc.shed, nil })
			a.each = func(visit func(*bpfLimit)) error {
				for i := range tc.limits {
					visit(&tc.limits[i])
				}
				return nil
			}
			for i, c := range tc.told {
				if n := a.repeatedBy(c); n != tc.repeated[i] {
					t.Errorf("event %d: %d are told with it, want %d", i, n, tc.repeated[i])
				}
			}
			for range 2 { // the second time nothing is left
				if err := a.settle(long); err != nil {
					t.Fatal(err)
				}
				if a.lostSoFar() != tc.lost {
					t.Errorf("%d are lost, want %d", a.lostSoFar(), tc.lost)
				}
			}
		})
	}
}

func TestAlikeTellsNothingThatWasGivenUp(t *testing.T) {
	limit := bpfLimit{Id: 7, Shed: 3}
	a := newAlike(nil, func() (uint64, error) { return limit.Shed, nil })
	a.each = func(visit func(*bpfLimit)) error { visit(&limit); return nil }
	if err := a.settle(uint64(time.Hour)); err != nil {
		t.Fatal(err)
	}
	limit.Shed = 5
	if n := a.repeatedBy(told(7, 5)); n != 2 || a.lostSoFar() != 3 {
		t.Errorf("%d are told and %d lost, want 2 and 3", n, a.lostSoFar())
	}
}

func TestAlikeForgetsWithTheKernel(t *testing.T) {
	limits := []bpfLimit{{Id: 1, Shed: 1}}
	var shed uint64
	a := newAlike(nil, func() (uint64, error) { return shed, nil })
	a.each = func(visit func(*bpfLimit)) error { visit(&limits[0]); return nil }
	for id := range uint64(maxAlike + 1) {
		shed += uint64(a.repeatedBy(told(id+1, 1)))
	}
	if err := a.settle(uint64(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if len(a.told) != 1 || a.lostSoFar() != 0 {
		t.Errorf("%d limits are remembered, %d lost", len(a.told), a.lostSoFar())
	}
	if n := a.repeatedBy(told(1, 1)); n != 0 {
		t.Errorf("%d are told again", n)
	}
}
