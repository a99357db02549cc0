package kube

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/tlstrace/tlstrace/enrich"
	"github.com/tlstrace/tlstrace/event"
)

// maxPasses bounds how often an event is looked at: each answer may lead to one more question (address, owner, endpoints).
const maxPasses = 4

// Fill names both ends of an event in Kubernetes, as far as that is known within Options.Wait. An end that has a name keeps it.
// It may be called by many goroutines, each with an event of its own.
//
// A pod's workload is the name of its controller alone ("payments", not "deployment/payments"): see [Names.Workloads] for the kind.
// A process of this node outside of containers, and an address of a node, get the node's name and nothing else.
func (n *Names) Fill(ctx context.Context, e *event.Event) {
	f := filling{names: n, event: e, client: e.Client.K8s == nil, server: e.Server.K8s == nil}
	f.pass()
	if f.open == nil {
		return
	}
	timer := time.NewTimer(n.options.Wait)
	defer timer.Stop()
	for range maxPasses {
		if f.open == nil {
			return
		}
		select {
		case <-f.open.done:
		case <-timer.C:
			n.counts.late.Add(1)
			return
		case <-ctx.Done():
			return
		}
		f.pass()
	}
}

// OfCgroup names the pod and container of a cgroup v2 by its id; nil if it is not a pod's, or not of one that is known.
func (n *Names) OfCgroup(id uint64) *event.K8s {
	c, err := n.options.Containers.OfCgroup(id)
	if err != nil {
		return nil
	}
	p, container := n.pods.of(c)
	if p == nil {
		return nil
	}
	k := p.k8s()
	k.Container = p.container(container)
	k.Workload, _ = n.workload(p)
	return k
}

// filling is one event while it is being named. A pass names as much as is known and asks for the rest, without waiting.
type filling struct {
	names          *Names
	event          *event.Event
	client, server bool     // the ends that are ours to name
	open           *pending // a question that it is worth to wait for
	counted        bool
}

func (f *filling) pass() {
	f.open = nil
	if f.client {
		f.event.Client.K8s = f.end(&f.event.Client, false)
	}
	if f.server {
		f.event.Server.K8s = f.end(&f.event.Server, true)
	}
	f.counted = true
}

func (f *filling) end(end *event.Endpoint, serves bool) *event.K8s {
	var p *pod
	var k *event.K8s
	if end.Cgroup != 0 || end.NetNS != 0 || end.Process != nil {
		p, k = f.local(end)
	} else {
		p, k = f.remote(f.asked(end.Addr.Unmap(), serves))
	}
	if p == nil {
		return k
	}
	f.setWorkload(p, k)
	if serves {
		f.setService(p, k, netip.AddrPortFrom(end.Addr.Unmap(), end.Port))
	}
	return k
}

// asked is the address to name an end by: what the client dialed where NAT sent it to the loopback of its own pod, and nobody was there.
func (f *filling) asked(addr netip.Addr, serves bool) netip.Addr {
	if dialed := f.event.TCP.Dialed; serves && addr.IsLoopback() && dialed.IsValid() {
		return dialed.Addr().Unmap()
	}
	return addr
}

// local names an end on this node: by its cgroup or process, or if those are gone by the address, without the container.
func (f *filling) local(end *event.Endpoint) (*pod, *event.K8s) {
	n, pid := f.names, 0
	if end.Process != nil {
		pid = end.Process.PID
	}
	c, err := n.options.Containers.Of(end.Cgroup, pid, f.event.Time)
	if errors.Is(err, enrich.ErrNoContainer) {
		return nil, &event.K8s{Node: n.options.Node}
	}
	if err == nil {
		p, container := n.pods.of(c)
		if p == nil {
			return nil, nil // of no pod, or of one that the API server has not told us about yet
		}
		k := p.k8s()
		k.Container = p.container(container)
		return p, k
	}
	p, _, _ := n.pods.at(end.Addr.Unmap(), f.event.Time)
	if p == nil {
		return nil, nil
	}
	return p, p.k8s()
}

// remote names an address that is not known to be on this node: a pod's, a service's, a node's.
func (f *filling) remote(addr netip.Addr) (*pod, *event.K8s) {
	n, at := f.names, f.event.Time
	if !isUnicast(addr) {
		return nil, nil
	}
	p, held, host := n.pods.at(addr, at)
	switch {
	case host:
		return nil, &event.K8s{Node: n.options.Node}
	case p != nil:
		return p, p.k8s()
	}
	if s, named, is := n.services.at(addr, at); named {
		return nil, &event.K8s{Namespace: s.namespace.Value(), Service: s.name.Value()}
	} else if is {
		return nil, nil
	}
	p, node := f.elsewhere(addr, held)
	switch {
	case p != nil:
		return p, p.k8s()
	case node != "":
		return nil, &event.K8s{Node: node}
	}
	return nil, nil
}

// elsewhere asks who has an address on another node; not if somebody has it here.
func (f *filling) elsewhere(addr netip.Addr, here bool) (*pod, string) {
	n := f.names
	p, node, s := n.remote.at(addr, f.event.Time, n.asker.degraded())
	if s == missing {
		if node, ok := n.nodes.of(addr); ok {
			return nil, node.Value()
		}
	}
	if here || s == settled {
		f.count(false)
		return p, node
	}
	f.count(true)
	q := question{about: aboutAddress, addr: addr}
	if s == aged {
		q.about = aboutHolder
	}
	f.ask(q, s == aged)
	return p, node
}

func (f *filling) setWorkload(p *pod, k *event.K8s) {
	k.Workload, _ = f.names.workload(p)
	if p.owner == (ownerKey{}) {
		return
	}
	if _, fresh := f.names.owners.get(p.owner); !fresh {
		f.ask(question{about: aboutOwner, owner: p.owner}, k.Workload != "")
	}
}

// setService names the service that the client dialed, or else the one that a pod serves on a port, if there is but one or the client asked
// for one of them by name.
func (f *filling) setService(p *pod, k *event.K8s, at netip.AddrPort) {
	if dialed, named, _ := f.names.services.at(f.event.TCP.Dialed.Addr().Unmap(), f.event.Time); named && dialed.namespace == p.namespace {
		k.Service = dialed.name.Value()
		return
	}
	candidates, s := f.names.slices.of(p.namespace, at)
	k.Service = theService(candidates, k.Namespace, f.event)
	if s != settled {
		f.ask(question{about: aboutEndpoints, namespace: p.namespace}, s == aged)
	}
}

// ask asks a question; it is worth to wait for if others have not waited for it in vain already. Scanners may come from anywhere: their
// names are asked for only if there is room.
func (f *filling) ask(q question, canDoWithout bool) {
	n := f.names
	if asked := n.asker.ask(q, canDoWithout || f.event.Outcome == event.Noise); asked != nil && f.open == nil &&
		n.options.Now().Sub(asked.since) < n.options.Wait {
		f.open = asked
	}
}

func (f *filling) count(asked bool) {
	switch {
	case f.counted:
	case asked:
		f.names.counts.asked.Add(1)
	default:
		f.names.counts.answered.Add(1)
	}
}

// isUnicast says whether an address may be one end's alone in the whole cluster.
func isUnicast(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsLoopback() && !addr.IsUnspecified() && !addr.IsMulticast() && !addr.IsLinkLocalUnicast()
}
