package kube

import (
	"context"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	nodesPage  = 100
	nodesEvery = 10 * time.Minute
	// nodesAtMost are listed. A Node is large; in larger clusters the pods that use the network of their node have to name it.
	nodesAtMost = 500
	nodesKept   = 8192 // addresses
)

// nodes knows addresses of nodes: from the pods that run on them, and from a list now and then.
type nodes struct {
	now    func() time.Time
	asking sync.Mutex // one list at a time

	mu     sync.RWMutex
	known  map[netip.Addr]nodeAddress
	listed time.Time
}

type nodeAddress struct {
	node text
	seen time.Time
}

func newNodes(now func() time.Time) *nodes {
	return &nodes{now: now, known: map[netip.Addr]nodeAddress{}}
}

// learn notes that an address is a node's.
func (s *nodes) learn(addr netip.Addr, node text) {
	if !addr.IsValid() || node.Value() == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.known {
		if len(s.known) < nodesKept {
			break
		}
		delete(s.known, other)
	}
	s.known[addr.Unmap()] = nodeAddress{node: node, seen: s.now()}
}

// of returns the node that has an address, as far as that was seen lately.
func (s *nodes) of(addr netip.Addr) (text, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok := s.known[addr]
	if !ok || s.now().Sub(found.seen) > nodesEvery {
		return text{}, false
	}
	return found.node, true
}

func (s *nodes) due() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listed.IsZero() || s.now().Sub(s.listed) > nodesEvery
}

func (s *nodes) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = s.now()
}

// findNode returns the node of an address; known is false if the API server would have to say and did not.
func (n *Names) findNode(ctx context.Context, addr netip.Addr) (node text, known bool) {
	n.nodes.asking.Lock()
	defer n.nodes.asking.Unlock()
	if node, ok := n.nodes.of(addr); ok {
		return node, true
	}
	if n.nodes.due() && n.asker.health.open("nodes") {
		if !n.listNodes(ctx) {
			return text{}, n.asker.health.open("pods") // forbidden: then only pods can tell
		}
		n.nodes.done()
	}
	node, _ = n.nodes.of(addr)
	return node, true
}

// listNodes learns the addresses of all nodes, unless there are too many.
func (n *Names) listNodes(ctx context.Context) bool {
	after := ""
	for range nodesAtMost / nodesPage {
		var list corev1.NodeList
		err := n.do(ctx, request{kind: "nodes", group: n.options.Client.CoreV1().RESTClient(), resource: "nodes",
			limit: nodesPage, continueAfter: after, into: &list})
		if err != nil {
			return false
		}
		for i := range list.Items {
			n.learnNode(&list.Items[i])
		}
		left := list.RemainingItemCount
		if after = list.Continue; after == "" || left == nil || *left > nodesAtMost {
			return true
		}
	}
	return true
}

func (n *Names) learnNode(node *corev1.Node) {
	name := intern(node.Name)
	for _, a := range node.Status.Addresses[:min(len(node.Status.Addresses), 16)] {
		if addr, err := netip.ParseAddr(a.Address); err == nil { // others are host names
			n.nodes.learn(addr, name)
		}
	}
}
