package kube

import (
	"cmp"
	"time"
)

// maxHolders is how many pods are remembered that had one address, one after the other.
const maxHolders = 4

// holding is an address in the hands of a pod.
type holding struct {
	pod      *pod
	from, to int64 // Unix nanoseconds; to 0: it has it still
}

func (h holding) covers(at int64) bool { return h.from <= at && (h.to == 0 || at <= h.to) }

// holderAt returns the pod that had the address at a time: nil if none had it for sure, or two may have had it.
func holderAt(holders []holding, at time.Time) *pod {
	var found *pod
	for _, h := range holders {
		if !h.covers(at.UnixNano()) {
			continue
		}
		if found != nil && found.uid != h.pod.uid {
			return nil
		}
		found = h.pod
	}
	return found
}

// keepHolding adds or replaces what a pod holds, and forgets the oldest beyond [maxHolders].
func keepHolding(holders []holding, h holding) []holding {
	for i := range holders {
		if holders[i].pod.uid == h.pod.uid && holders[i].from == h.from {
			holders[i] = h
			return holders
		}
	}
	if len(holders) >= maxHolders {
		holders = append(holders[:0:0], holders[1:]...)
	}
	return append(holders, h)
}

// endHolding says that the pod did not have the address any more after a time.
func endHolding(holders []holding, uid string, at time.Time) {
	for i := range holders {
		if h := &holders[i]; h.pod.uid == uid && h.to == 0 {
			h.to = cmp.Or(at.UnixNano(), 1)
		}
	}
}
