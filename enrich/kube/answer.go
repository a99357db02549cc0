package kube

import (
	"context"
	"net/netip"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// answer finds out what was asked, and keeps it where the next pass of [Names.Fill] looks. Without an answer nothing is kept.
func (n *Names) answer(ctx context.Context, q *pending) {
	switch q.about {
	case aboutAddress:
		n.sweepIfCheaper(ctx)
		n.answerAddress(ctx, q)
	case aboutHolder:
		n.confirmHolder(ctx, q.addr)
	case aboutOwner:
		n.findOwner(ctx, q.owner)
	case aboutEndpoints:
		n.findEndpoints(ctx, q.namespace)
	}
}

// answerAddress looks whether a sweep has found the address, or found nobody who has it, before it asks.
func (n *Names) answerAddress(ctx context.Context, q *pending) {
	n.sweeper.running.RLock()
	defer n.sweeper.running.RUnlock()
	if _, _, s := n.remote.at(q.addr, n.options.Now(), false); s == settled {
		return
	}
	if !q.since.Before(n.sweeper.complete) {
		n.findAddress(ctx, q.addr)
		return
	}
	n.keepNobodys(ctx, q.addr)
}

// findAddress asks which pods have an address. Those that use their node's name the node.
func (n *Names) findAddress(ctx context.Context, addr netip.Addr) {
	var list corev1.PodList
	err := n.do(ctx, request{kind: "pods", group: n.options.Client.CoreV1().RESTClient(), resource: "pods",
		fields: "status.podIP=" + addr.String(), version: fromCache, into: &list})
	if err != nil {
		return
	}
	var pods []*pod
	for i := range list.Items {
		pods = append(pods, newPod(&list.Items[i], false))
	}
	if !n.keepFound(addr, pods) {
		n.keepNobodys(ctx, addr)
	}
}

// keepFound keeps all the pods that have an address: theirs, or that of the node whose network they use.
func (n *Names) keepFound(addr netip.Addr, all []*pod) bool {
	var pods, onNode []*pod
	for _, p := range all {
		n.nodes.learn(p.host, p.node)
		if p.hostNetwork {
			onNode = append(onNode, p)
		} else {
			pods = append(pods, p)
		}
	}
	if len(pods) > 0 {
		n.remote.keepPods(addr, pods)
		n.keepSecond(addr, pods)
		return true
	}
	node := nodeOf(onNode)
	if node != (text{}) {
		n.remote.keepNode(addr, node)
	}
	return node != (text{})
}

// keepSecond keeps the other addresses of a dual-stack pod, which cannot be searched for.
func (n *Names) keepSecond(addr netip.Addr, pods []*pod) {
	for _, p := range pods {
		for _, other := range p.addresses {
			if other != addr && p.to == 0 {
				n.remote.keepPods(other, []*pod{p})
			}
		}
	}
}

// keepNobodys keeps an address that no pod has: a node's, or none that the cluster knows.
func (n *Names) keepNobodys(ctx context.Context, addr netip.Addr) {
	node, known := n.findNode(ctx, addr)
	switch {
	case node != (text{}):
		n.remote.keepNode(addr, node)
	case known:
		n.remote.keepAbsent(addr)
	}
}

// nodeOf is the node that pods with its address run on, by those that still do; none if they disagree.
func nodeOf(pods []*pod) text {
	var node text
	for _, p := range pods {
		switch {
		case p.to != 0 || p.node == node:
		case node != (text{}):
			return text{}
		default:
			node = p.node
		}
	}
	return node
}

// confirmHolder asks for the pod that had an address; if it is not that one any more, for who has it.
func (n *Names) confirmHolder(ctx context.Context, addr netip.Addr) {
	p := n.remote.current(addr)
	if p == nil {
		n.findAddress(ctx, addr)
		return
	}
	var now corev1.Pod
	err := n.do(ctx, request{kind: "pod", group: n.options.Client.CoreV1().RESTClient(), resource: "pods",
		namespace: p.namespace.Value(), name: p.name, version: fromCache, into: &now})
	switch {
	case err == nil && string(now.UID) == p.uid && endOf(&now).IsZero() && slices.Contains(addressesOf(&now), addr):
		n.remote.confirm(addr)
	case err == nil, apierrors.IsNotFound(err):
		n.findAddress(ctx, addr)
	}
}

// findOwner asks for the controller of a ReplicaSet or Job.
func (n *Names) findOwner(ctx context.Context, key ownerKey) {
	r := request{kind: "replicasets", group: n.options.Client.AppsV1().RESTClient(), resource: "replicasets"}
	var object interface {
		metav1.Object
		runtime.Object
	} = &appsv1.ReplicaSet{}
	if key.kind == kindJob {
		r.kind, r.group, r.resource = "jobs", n.options.Client.BatchV1().RESTClient(), "jobs"
		object = &batchv1.Job{}
	}
	r.namespace, r.name, r.version, r.into = key.namespace.Value(), key.name.Value(), fromCache, object
	switch err := n.do(ctx, r); {
	case err == nil:
		n.owners.keep(key, ownershipOf(key.kind, object))
	case apierrors.IsNotFound(err):
		n.owners.keep(key, ownership{})
	}
}

// findEndpoints asks for the EndpointSlices of a namespace.
func (n *Names) findEndpoints(ctx context.Context, namespace text) {
	var list discoveryv1.EndpointSliceList
	err := n.do(ctx, request{kind: "endpointslices", group: n.options.Client.DiscoveryV1().RESTClient(), resource: "endpointslices",
		namespace: namespace.Value(), version: fromCache, into: &list})
	if err == nil {
		n.slices.keep(namespace, list.Items)
	}
}
