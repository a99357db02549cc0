package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tlstrace/tlstrace/event"
)

// podNames name the ends of an ad hoc agent's events, by the addresses of the pods that the user may list: that agent has no rights
// of its own. A pod on the network of its node has no address of its own, and stays unnamed.
type podNames struct {
	client kubernetes.Interface
	now    func() time.Time
	at     time.Time
	names  map[netip.Addr]*event.K8s
}

func newNames(ctx context.Context, client kubernetes.Interface, now func() time.Time) (*podNames, error) {
	n := &podNames{client: client, now: now}
	return n, n.refresh(ctx)
}

func (n *podNames) refresh(ctx context.Context) error {
	n.at = n.now()
	list, err := n.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("naming takes list on pods: %w", err)
	}
	n.names = map[netip.Addr]*event.K8s{}
	for i := range list.Items {
		p := &list.Items[i]
		if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue // its address is another's
		}
		for _, ip := range p.Status.PodIPs {
			if addr, err := netip.ParseAddr(ip.IP); err == nil {
				n.names[addr.Unmap()] = nameOf(p)
			}
		}
	}
	return nil
}

func nameOf(p *corev1.Pod) *event.K8s {
	return &event.K8s{
		Namespace: p.Namespace, Pod: p.Name, Workload: workloadOf(p), ServiceAccount: p.Spec.ServiceAccountName, Node: p.Spec.NodeName,
	}
}

// workloadOf is what manages a pod, as far as the pod itself tells: a ReplicaSet of a Deployment ends in the hash that is also a label.
func workloadOf(p *corev1.Pod) string {
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return ""
	}
	if hash := p.Labels["pod-template-hash"]; owner.Kind == "ReplicaSet" && hash != "" {
		return strings.TrimSuffix(owner.Name, "-"+hash)
	}
	return owner.Name
}

// fill names both ends. An address that is not known may be that of a new pod.
func (n *podNames) fill(ctx context.Context, e *event.Event) {
	if n == nil {
		return
	}
	known := func(p *event.Endpoint) bool { return n.names[p.Addr.Unmap()] != nil }
	if !(known(&e.Client) && known(&e.Server)) && n.now().Sub(n.at) > freshFor {
		_ = n.refresh(ctx) // what is known has to do
	}
	for _, p := range []*event.Endpoint{&e.Client, &e.Server} {
		if name := n.names[p.Addr.Unmap()]; name != nil {
			all := *name
			if p.K8s != nil {
				all.Container = p.K8s.Container
			}
			p.K8s = &all
		}
	}
}
