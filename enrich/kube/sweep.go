package kube

import (
	"context"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	sweepFrom  = 64              // addresses that wait, before it is worth a try
	sweepEvery = 5 * time.Minute // also if it turned out not to be worth it
	sweepPage  = 250             // pods: about 4 MB in memory at a time
	sweepGain  = 4               // it has to take this many times fewer requests than there are addresses
)

// sweeper lists all pods when so many addresses are waiting that this is cheaper than asking for each.
type sweeper struct {
	running sync.RWMutex // held for writing by a sweep, so that no address is asked for meanwhile
	tried   time.Time
	pages   int // how many it would have taken, if the last one was given up because of that
	// complete is when the last sweep that saw every pod began: who had an address then and has it still was found.
	complete time.Time
}

// due says whether a sweep of at most so many pages may be made: now and then, and when more are worth it than it was known to take.
func (s *sweeper) due(now time.Time, pages int) bool {
	return s.tried.IsZero() || now.Sub(s.tried) >= sweepEvery || s.pages > 0 && s.pages <= pages
}

// sweepIfCheaper makes a sweep if one is worth it. Other questions about addresses wait for it.
func (n *Names) sweepIfCheaper(ctx context.Context) {
	if n.asker.waitingFor(aboutAddress) < sweepFrom {
		return
	}
	s := &n.sweeper
	s.running.Lock()
	defer s.running.Unlock()
	now, waiting := n.options.Now(), n.asker.waitingFor(aboutAddress)
	if waiting < sweepFrom || !s.due(now, waiting/sweepGain) {
		return
	}
	var all bool
	s.tried = now
	if all, s.pages = n.sweep(ctx, waiting/sweepGain); all {
		s.complete = now
	}
}

// sweep lists all pods in at most so many pages. If it did not see all it says how many it would have taken, if it knows.
// What it saw is kept in any case.
func (n *Names) sweep(ctx context.Context, pages int) (all bool, needed int) {
	seen := map[netip.Addr][]*pod{}
	defer func() { n.keepSwept(seen) }()
	after := ""
	for page := 1; page <= pages; page++ {
		var list corev1.PodList
		err := n.do(ctx, request{kind: "pods_page", group: n.options.Client.CoreV1().RESTClient(), resource: "pods",
			limit: sweepPage, continueAfter: after, into: &list})
		if err != nil {
			return false, 0
		}
		for i := range list.Items {
			p := newPod(&list.Items[i], false)
			for _, addr := range p.addresses {
				seen[addr] = append(seen[addr], p)
			}
		}
		if after = list.Continue; after == "" {
			return true, 0
		}
		// The server tells how much is left if it was asked for everything, as here (ListMeta.remainingItemCount).
		if list.RemainingItemCount == nil {
			return false, 0
		}
		if needed = page + (int(*list.RemainingItemCount)+sweepPage-1)/sweepPage; needed > pages {
			return false, needed
		}
	}
	return false, needed
}

// keepSwept keeps what was asked for, and as much of the rest as there is room for. Addresses that were seen in part only, because
// the sweep ended early, are those of pods that are there all the same.
func (n *Names) keepSwept(seen map[netip.Addr][]*pod) {
	for addr, pods := range seen {
		if n.asker.waits(question{about: aboutAddress, addr: addr}) || n.remote.hasRoom() {
			n.keepFound(addr, pods)
		}
	}
}
