package kube

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/enrich"
)

const (
	deadFor   = 5 * time.Minute // how long pods are remembered after they were deleted
	maxDead   = 1024
	maxOnNode = 4096 // pods of this node; kubelet allows 110 by default
)

// nodePods knows the pods of this node. It is the store that a client-go reflector fills, so that whole objects are never kept.
type nodePods struct {
	now func() time.Time

	mu      sync.RWMutex
	synced  bool
	byName  map[podKey]*pod
	byUID   map[string]*pod // the UID as cgroups have it; the dead included
	byID    map[string]*pod // container id
	held    map[netip.Addr][]holding
	dead    []death // oldest first
	refused uint64  // pods beyond maxOnNode
}

type death struct {
	at  time.Time
	pod *pod
}

func newNodePods(now func() time.Time) *nodePods {
	return &nodePods{now: now, byName: map[podKey]*pod{}, byUID: map[string]*pod{}, byID: map[string]*pod{},
		held: map[netip.Addr][]holding{}}
}

// Add is called by the reflector, as the methods below.
func (s *nodePods) Add(obj any) error { return s.Update(obj) }

// Update replaces what is known of a pod.
func (s *nodePods) Update(obj any) error {
	if p, ok := obj.(*corev1.Pod); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.set(newPod(p, true))
	}
	return nil
}

// Delete remembers that a pod is gone.
func (s *nodePods) Delete(obj any) error {
	if p, ok := obj.(*corev1.Pod); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bury(s.byName[newPod(p, false).key()])
	}
	return nil
}

// Replace takes the answer to a list: what is missing in it was deleted at a time that nobody saw.
func (s *nodePods) Replace(objects []any, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[podKey]bool{}
	for _, obj := range objects {
		if p, ok := obj.(*corev1.Pod); ok {
			kept := newPod(p, true)
			there[kept.key()] = true
			s.set(kept)
		}
	}
	for key, p := range s.byName {
		if !there[key] {
			s.bury(p)
		}
	}
	s.synced = true
	return nil
}

// Resync has nothing to do: nothing listens to changes.
func (s *nodePods) Resync() error { return nil }

func (s *nodePods) set(p *pod) {
	s.expire()
	old := s.byName[p.key()]
	if old != nil && old.uid != p.uid {
		s.bury(old)
		old = nil
	}
	if old == nil && len(s.byName) >= maxOnNode {
		s.refused++
		return
	}
	s.index(old, p)
	s.hold(old, p)
	s.byName[p.key()] = p
}

func (s *nodePods) index(old, p *pod) {
	if old != nil {
		s.unindex(old)
	}
	s.byUID[p.uid] = p
	if p.static != "" {
		s.byUID[p.static] = p
	}
	for _, m := range p.members {
		s.byID[m.id] = p
	}
}

func (s *nodePods) unindex(p *pod) {
	for _, uid := range []string{p.uid, p.static} {
		if s.byUID[uid] == p {
			delete(s.byUID, uid)
		}
	}
	for _, m := range p.members {
		if s.byID[m.id] == p {
			delete(s.byID, m.id)
		}
	}
}

// hold notes whose the addresses are. A pod that gets another one, as after its sandbox was made anew, has lost the first.
func (s *nodePods) hold(old, p *pod) {
	if old != nil {
		for _, addr := range old.addresses {
			if !slices.Contains(p.addresses, addr) {
				endHolding(s.held[addr], p.uid, s.now())
			}
		}
	}
	for _, addr := range p.addresses {
		from := p.from
		if old != nil && len(old.addresses) > 0 && !slices.Contains(old.addresses, addr) {
			from = s.now().Add(-endSlack).UnixNano()
		}
		for _, h := range s.held[addr] {
			if h.pod.uid == p.uid && (h.to == 0 || h.to == p.to) {
				from = h.from
			}
		}
		s.held[addr] = keepHolding(s.held[addr], holding{pod: p, from: from, to: p.to})
	}
}

// bury keeps a pod that was deleted for the events that are still to come.
func (s *nodePods) bury(p *pod) {
	if p == nil {
		return
	}
	for _, addr := range p.addresses {
		endHolding(s.held[addr], p.uid, s.now())
	}
	delete(s.byName, p.key())
	s.dead = append(s.dead, death{at: s.now(), pod: p})
	s.expire()
}

// expire forgets the dead of long ago.
func (s *nodePods) expire() {
	for len(s.dead) > 0 && (len(s.dead) > maxDead || s.now().Sub(s.dead[0].at) > deadFor) {
		s.forget(s.dead[0].pod)
		s.dead = s.dead[1:]
	}
}

func (s *nodePods) forget(p *pod) {
	s.unindex(p)
	for _, addr := range p.addresses {
		var left []holding
		for _, h := range s.held[addr] {
			if h.pod.uid != p.uid {
				left = append(left, h)
			}
		}
		if s.held[addr] = left; left == nil {
			delete(s.held, addr)
		}
	}
}

// of returns the pod of a container, and which of the containers around it is that pod's.
func (s *nodePods) of(c enrich.Container) (*pod, string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for in := &c; in != nil; in = in.Outer {
		p := s.byUID[in.PodUID]
		if p == nil && in.ID != "" {
			p = s.byID[in.ID]
		}
		if p != nil {
			return p, in.ID
		}
	}
	return nil, ""
}

// at returns the pod that had an address at a time, if that is certain, and whether a pod of this node has it now. Addresses of
// the node itself are no pod's, but host is true.
func (s *nodePods) at(addr netip.Addr, at time.Time) (p *pod, held, host bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	holders := s.held[addr]
	for _, h := range holders {
		if h.pod.hostNetwork {
			return nil, true, true
		}
		held = held || h.to == 0
	}
	return holderAt(holders, at), held, false
}

func (s *nodePods) living() []*pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*pod, 0, len(s.byName))
	for _, p := range s.byName {
		if p.to == 0 {
			all = append(all, p)
		}
	}
	return all
}

func (s *nodePods) isSynced() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.synced
}
