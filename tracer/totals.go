package tracer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// Total counts the handshakes of one cgroup on one server port since [Open], also those of which no detail was told. The kernel keeps the
// 4,096 that were used last: one that was not used for long may be gone, and begin again at zero.
type Total struct {
	Cgroup    uint64     `json:"cgroup"` // id of the cgroup v2 of the local end
	Role      event.Side `json:"role"`   // of the local end
	Port      uint16     `json:"port"`   // of the server
	Succeeded uint64     `json:"succeeded"`
	Ended     uint64     `json:"ended"` // before success was certain: to be judged
	Latency   Latency    `json:"latency"`
}

// Latency tells how long the handshakes took that succeeded, from the first byte of the ClientHello to the last Finished.
type Latency struct {
	// Buckets[i] counts those that took at most 2^(i-20) seconds, and more than half of that: the buckets of a Prometheus native
	// histogram of schema 0.
	Buckets [32]uint64 `json:"buckets"`
	Sum     float64    `json:"sum"` // seconds
}

// Totals returns the counts per cgroup, role and port, in this order.
func (t *Tracer) Totals() ([]Total, error) {
	sums := map[Total]*bpfTotal{} // keys have no counts; the same cgroup may be in several network namespaces over time
	err := eachEntry(t.loaded.collection.Maps[bpfMapTotals], func(k bpfTotalKey, v *bpfTotal) {
		id := Total{Cgroup: k.Cgroup, Role: sideOfRole(k.Role), Port: k.Port}
		if sums[id] == nil {
			sums[id] = &bpfTotal{}
		}
		sums[id].add(v)
	})
	if err != nil {
		return nil, fmt.Errorf("read the totals: %w", err)
	}
	all := make([]Total, 0, len(sums))
	for id, sum := range sums {
		id.Succeeded, id.Ended = sum.Succeeded, sum.Ended
		id.Latency = Latency{Buckets: sum.Latency, Sum: float64(sum.LatencyUs) / 1e6}
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Cgroup, b.Cgroup), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Port, b.Port))
	})
	return all, nil
}

func (t *bpfTotal) add(more *bpfTotal) {
	t.Succeeded += more.Succeeded
	t.Ended += more.Ended
	t.LatencyUs += more.LatencyUs
	for i, n := range more.Latency {
		t.Latency[i] += n
	}
}

func sideOfRole(role uint8) event.Side {
	if bpfRole(role) == bpfRoleROLE_CLIENT {
		return event.Client
	}
	return event.Server
}
