package kube

import (
	"net/netip"
	"strings"
	"time"
	"unique"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/event"
)

const (
	maxName      = 253 // bytes: the longest DNS subdomain, RFC 1123
	maxAddresses = 4   // of one pod; Kubernetes has two
	maxMembers   = 128 // containers of one pod that are known by their ids
	// endSlack is added to the end of a pod: it is told in whole seconds, by the clock of another node, and the kernel may close
	// the connections of the last process a little later.
	endSlack = 2 * time.Second
)

// text is a string of which there is one copy in memory: namespaces, nodes and workloads repeat in thousands of pods.
type text = unique.Handle[string]

func intern(s string) text { return unique.Make(bound(s)) }

// bound cuts a string to what a name may have.
func bound(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.ToValidUTF8(s, "?")
}

// pod is what is kept of a pod. It is never changed.
type pod struct {
	uid, name                          string
	namespace, node, account, workload text
	kind                               text
	owner                              ownerKey // to be asked for the workload; zero if it is known
	addresses                          []netip.Addr
	host                               netip.Addr // of its node
	members                            []member   // only for the pods of this node
	only                               string     // name of the container, if there can be no other one
	static                             string     // UID of a static pod as its cgroup has it
	from, to                           int64      // when it had its address, Unix nanoseconds; to 0 if it has it still
	hostNetwork, sidecar               bool
}

// member is a container of a pod by its id.
type member struct {
	id   string
	name text
}

// newPod keeps what names need; the ids of containers only for the pods of this node.
func newPod(p *corev1.Pod, local bool) *pod {
	kept := &pod{
		uid:         bound(string(p.UID)),
		name:        bound(p.Name),
		namespace:   intern(p.Namespace),
		node:        intern(p.Spec.NodeName),
		account:     intern(p.Spec.ServiceAccountName),
		addresses:   addressesOf(p),
		hostNetwork: p.Spec.HostNetwork,
		sidecar:     hasSidecar(p),
		from:        startOf(p).UnixNano(),
	}
	kept.host, _ = netip.ParseAddr(p.Status.HostIP)
	if end := endOf(p); !end.IsZero() {
		kept.to = end.Add(endSlack).UnixNano()
	}
	name, kind, owner := workloadOf(p)
	kept.workload, kept.kind, kept.owner = intern(name), intern(kind), owner
	if local {
		kept.members = membersOf(p)
		if len(p.Spec.Containers) == 1 && len(p.Spec.InitContainers)+len(p.Spec.EphemeralContainers) == 0 {
			kept.only = bound(p.Spec.Containers[0].Name)
		}
		kept.static = bound(p.Annotations["kubernetes.io/config.hash"]) // kubelet/types.ConfigHashAnnotationKey
	}
	return kept
}

func addressesOf(p *corev1.Pod) []netip.Addr {
	var all []netip.Addr
	for _, ip := range p.Status.PodIPs[:min(len(p.Status.PodIPs), maxAddresses)] {
		if addr, err := netip.ParseAddr(ip.IP); err == nil {
			all = append(all, addr.Unmap())
		}
	}
	if addr, err := netip.ParseAddr(p.Status.PodIP); err == nil && len(all) == 0 {
		all = append(all, addr.Unmap())
	}
	return all
}

// startOf is before the pod got its address: when kubelet saw it first, or until then when it was created. A static pod may be older
// than its object.
func startOf(p *corev1.Pod) time.Time {
	if p.Status.StartTime != nil {
		return p.Status.StartTime.Time
	}
	return p.CreationTimestamp.Time
}

// endOf is when the last container of a pod ended that will not run again. Its status keeps the address, which may be somebody
// else's by then. Zero says that it has not ended.
func endOf(p *corev1.Pod) time.Time {
	if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
		return time.Time{}
	}
	end := startOf(p) // an evicted pod may not tell when: it is then not named at all
	for _, c := range p.Status.ContainerStatuses {
		if t := c.State.Terminated; t != nil && t.FinishedAt.After(end) {
			end = t.FinishedAt.Time
		}
	}
	return end
}

// hasSidecar knows the proxies of Istio and Linkerd, native sidecars among the init containers included.
func hasSidecar(p *corev1.Pod) bool {
	if _, ok := p.Annotations["sidecar.istio.io/status"]; ok {
		return true
	}
	for _, c := range p.Spec.Containers {
		if isProxy(c.Name) {
			return true
		}
	}
	for _, c := range p.Spec.InitContainers {
		if isProxy(c.Name) && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			return true
		}
	}
	return false
}

func isProxy(container string) bool {
	return container == "istio-proxy" || container == "linkerd-proxy"
}

// membersOf lists the containers by id, ephemeral and init containers and the previous run of each included.
func membersOf(p *corev1.Pod) []member {
	var all []member
	for _, statuses := range [][]corev1.ContainerStatus{
		p.Status.ContainerStatuses, p.Status.InitContainerStatuses, p.Status.EphemeralContainerStatuses,
	} {
		for _, s := range statuses {
			ids := []string{s.ContainerID}
			if last := s.LastTerminationState.Terminated; last != nil {
				ids = append(ids, last.ContainerID)
			}
			for _, id := range ids {
				_, id, ok := strings.Cut(id, "://") // "containerd://ID"
				if ok && id != "" && len(all) < maxMembers {
					all = append(all, member{id: bound(id), name: intern(s.Name)})
				}
			}
		}
	}
	return all
}

// container returns the name of a container of the pod, or "" if it may be any of several: the status of the pod is behind, or does not
// go back as far. (The sandbox is one more, but nothing runs in it.)
func (p *pod) container(id string) string {
	if id == "" {
		return ""
	}
	for _, m := range p.members {
		if m.id == id {
			return m.name.Value()
		}
	}
	return p.only
}

// key is unique among the pods that exist at one time.
func (p *pod) key() podKey { return podKey{p.namespace, p.name} }

type podKey struct {
	namespace text
	name      string
}

// k8s is what an event says about the pod; the workload is up to who knows its owner.
func (p *pod) k8s() *event.K8s {
	return &event.K8s{
		Namespace:      p.namespace.Value(),
		Pod:            p.name,
		ServiceAccount: p.account.Value(),
		Node:           p.node.Value(),
		Sidecar:        p.sidecar,
	}
}
