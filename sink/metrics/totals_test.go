package metrics

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// kernel is the kernel's map, and whose cgroups are whose.
type kernel struct {
	totals []Total
	names  map[uint64]string
	err    error
	now    time.Time
}

func (k *kernel) options() Options {
	return Options{
		Now: func() time.Time { return k.now },
		Sources: Sources{
			Totals: func() ([]Total, error) { return k.totals, k.err },
			Name: func(cgroup uint64) (string, string) {
				if w := k.names[cgroup]; w != "" {
					return "shop", w
				}
				return "", ""
			},
		},
	}
}

func newKernel() *kernel {
	return &kernel{names: map[uint64]string{7: "payments"}, now: time.Unix(1_700_000_000, 0)}
}

// total is a number of successes, of 3 ms each, and of others.
func total(cgroup uint64, port uint16, succeeded, ended uint64) Total {
	t := Total{Cgroup: cgroup, Role: event.Server, Port: port, Succeeded: succeeded, Ended: ended}
	t.Latency.Buckets[12] = succeeded // at most 2^-8 s
	t.Latency.Sum = float64(succeeded) * 3 / 1024
	return t
}

const succeeded = `tlstrace_handshakes_total{namespace="shop",result="succeeded",role="server",workload="payments"} `

func TestTotalsNeverGoBackwards(t *testing.T) {
	k := newKernel()
	m := newMetrics(t, k.options())
	for _, step := range []struct {
		name   string
		after  time.Duration
		totals []Total
		want   uint64
	}{
		{"the first reading counts in full", 0, []Total{total(7, 443, 10, 1)}, 10},
		{"it grows", time.Second, []Total{total(7, 443, 15, 1)}, 15},
		{"another port of the same workload", time.Second, []Total{total(7, 443, 15, 1), total(7, 8443, 5, 0)}, 20},
		{"one is passed over", time.Second, []Total{total(7, 8443, 6, 0)}, 21},
		{"and is back", time.Second, []Total{total(7, 443, 16, 1), total(7, 8443, 6, 0)}, 22},
		{"the kernel dropped one, and began again", time.Second, []Total{total(7, 443, 3, 0), total(7, 8443, 6, 0)}, 25},
		{"the kernel dropped all", time.Second, nil, 25},
		{"long ago", 11 * time.Minute, nil, 25},
		{"and one is back with more than it had", time.Second, []Total{total(7, 443, 9, 0)}, 34},
	} {
		k.now = k.now.Add(step.after)
		k.totals = step.totals
		t.Run(step.name, func(t *testing.T) {
			expect(t, series(t, m, succeeded), fmt.Sprint(succeeded, step.want))
		})
	}
}

func TestTotalsTellFailedFromEnded(t *testing.T) {
	k := newKernel()
	k.totals = []Total{total(7, 443, 0, 30)}
	m := newMetrics(t, k.options())
	write(t, m, failed(event.FromServer, event.UnknownCA), event.Event{Outcome: event.Noise, ObservedFrom: event.FromServer})
	expect(t, series(t, m, handshakes, "tlstrace_handshakes_unconfirmed_total"),
		`tlstrace_handshakes_total{namespace="shop",result="failed",role="server",workload="payments"} 1`,
		`tlstrace_handshakes_unconfirmed_total{namespace="shop",role="server",workload="payments"} 30`)
}

func TestSuccessesOfKernelAndOfEvents(t *testing.T) {
	judged := failed(event.FromServer, "")
	judged.Outcome = event.Succeeded
	for _, c := range []struct {
		name   string
		told   bool
		events int
		want   string
	}{
		{"the kernel's are not told: what was judged comes on top", false, 2, succeeded + "12"},
		{"all are told, and some were judged", true, 12, succeeded + "12"},
		{"all are told, and some were lost", true, 4, succeeded + "10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKernel()
			k.totals = []Total{total(7, 443, 10, 0)}
			o := k.options()
			o.SuccessesTold = c.told
			m := newMetrics(t, o)
			for range c.events {
				write(t, m, judged)
			}
			expect(t, series(t, m, succeeded), c.want)
		})
	}
}

func TestACgroupKeepsItsName(t *testing.T) {
	k := newKernel()
	k.names = map[uint64]string{}
	k.totals = []Total{total(7, 443, 1, 0)}
	m := newMetrics(t, k.options())
	m.Ask()
	k.names[7] = "payments"
	k.totals = []Total{total(7, 443, 3, 0)}
	m.Ask()
	delete(k.names, 7) // the pod is gone
	k.totals = []Total{total(7, 443, 6, 0)}
	expect(t, series(t, m, handshakes),
		`tlstrace_handshakes_total{namespace="",result="succeeded",role="server",workload=""} 1`,
		succeeded+"5")
}

func TestASourceThatFailsChangesNothing(t *testing.T) {
	k := newKernel()
	k.totals = []Total{total(7, 443, 10, 0)}
	m := newMetrics(t, k.options())
	m.Ask()
	k.totals, k.err = nil, errors.New("bad file descriptor")
	m.Ask()
	expect(t, series(t, m, succeeded, "tlstrace_source_errors_total"),
		succeeded+"10", `tlstrace_source_errors_total{source="totals"} 2`)
}

// TestTotalsConserve drops entries of the kernel's map at random: what is counted never falls, is never more than what happened, and
// all of it as long as nothing was dropped.
func TestTotalsConserve(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		readings := newTotals(nil)
		kernel := map[uint64]uint64{}
		var happened, counted, before uint64
		dropped := false
		now := time.Unix(0, 0)
		for step := range 400 {
			now = now.Add(time.Minute)
			for range random.IntN(20) {
				kernel[random.Uint64N(5)]++
				happened++
			}
			if seed%2 == 1 && random.IntN(4) == 0 {
				delete(kernel, random.Uint64N(5))
				dropped = true
			}
			var all []Total
			for cgroup, n := range kernel {
				if random.IntN(10) > 0 || step == 399 {
					all = append(all, total(cgroup, 443, n, 0))
				}
			}
			readings.update(now, all, func(_ *reading, added Total) { counted += added.Succeeded })
			if counted < before || counted > happened {
				t.Fatalf("seed %d: %d counted of %d, %d before", seed, counted, happened, before)
			}
			before = counted
		}
		if !dropped && counted != happened {
			t.Errorf("seed %d: %d counted of %d", seed, counted, happened)
		}
	}
}

func TestReadingsAreBounded(t *testing.T) {
	readings := newTotals(nil)
	now := time.Unix(0, 0)
	for batch := range uint64(10) {
		var all []Total
		for i := range uint64(4096) {
			all = append(all, total(batch*4096+i, 443, 1, 0))
		}
		now = now.Add(time.Second)
		readings.update(now, all, func(*reading, Total) {})
	}
	if n := len(readings.readings); n > maxReadings {
		t.Errorf("%d readings are kept", n)
	}
}

func TestClimbIsBounded(t *testing.T) {
	c := climb[int]{}
	for i := range 2 * maxClimb {
		c.since(i, 5)
	}
	if len(c) != maxClimb {
		t.Errorf("%d figures are kept", len(c))
	}
	if n := c.since(2*maxClimb, 5); n != 0 {
		t.Errorf("%d added by what is not remembered: it would be added again and again", n)
	}
	if n := c.since(1, 7) + c.since(1, 3); n != 5 {
		t.Errorf("%d added, want 2 and, from zero again, 3", n)
	}
}
