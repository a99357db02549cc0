package cluster

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pod is what a test says about a pod; the rest is made up as kubelet and the controllers would.
type Pod struct {
	Namespace, Name     string // in a Workload both may be left out
	Labels, Annotations map[string]string
	Node                string // "node-1"
	// IPs are its addresses. By default it gets one from 10.245.0.0 on that no other pod has.
	IPs            []string
	HostNetwork    bool   // its address is the node's: IPs or HostIP
	HostIP         string // "192.0.2.1"
	ServiceAccount string // "default"
	Phase          corev1.PodPhase
	Containers     []Container // one by default
	Init           []Container
	Ephemeral      []Container
	Started        time.Time // now
	Owners         []metav1.OwnerReference
}

// Pod creates a pod with its status, as a static or a bare pod has it: without an owner but what the test gave it.
func (c *Cluster) Pod(t testing.TB, p Pod) *corev1.Pod {
	t.Helper()
	pod, err := c.createPod(t.Context(), p)
	must(t, err)
	return pod
}

// createPod takes two requests, because the API server resets the status of a new object; ephemeral containers take a third.
func (c *Cluster) createPod(ctx context.Context, p Pod) (*corev1.Pod, error) {
	c.complete(&p)
	pods := c.Client.CoreV1().Pods(p.Namespace)
	pod, err := pods.Create(ctx, p.object(), metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create the pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	if len(p.Ephemeral) > 0 {
		for _, e := range p.Ephemeral {
			spec := e.spec()
			pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, corev1.EphemeralContainer{
				EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: spec.Name, Image: spec.Image}})
		}
		if pod, err = pods.UpdateEphemeralContainers(ctx, pod.Name, pod, metav1.UpdateOptions{}); err != nil {
			return nil, err
		}
	}
	pod.Status = p.status(pod)
	return pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
}

// complete fills in what the test left out.
func (c *Cluster) complete(p *Pod) {
	p.Namespace = cmp.Or(p.Namespace, "default")
	p.Node = cmp.Or(p.Node, "node-1")
	p.HostIP = cmp.Or(p.HostIP, "192.0.2.1")
	p.ServiceAccount = cmp.Or(p.ServiceAccount, "default")
	p.Phase = cmp.Or(p.Phase, corev1.PodRunning)
	if len(p.Containers) == 0 {
		p.Containers = []Container{{}}
	}
	if p.Started.IsZero() {
		p.Started = time.Now()
	}
	switch {
	case len(p.IPs) > 0 || p.Phase == corev1.PodPending:
	case p.HostNetwork:
		p.IPs = []string{p.HostIP}
	default:
		p.IPs = []string{c.freeIP()}
	}
}

// freeIP leaves 10.244.0.0/16 to tests that choose addresses.
func (c *Cluster) freeIP() string {
	n := c.pods.Add(1) + 1<<16
	return netip.AddrFrom4([4]byte{10, 244 + byte(n>>16), byte(n >> 8), byte(n)}).String()
}

func (p Pod) object() *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels, Annotations: p.Annotations, OwnerReferences: p.Owners},
		Spec:       corev1.PodSpec{NodeName: p.Node, HostNetwork: p.HostNetwork, ServiceAccountName: p.ServiceAccount},
	}
	for _, c := range p.Containers {
		pod.Spec.Containers = append(pod.Spec.Containers, c.spec())
	}
	for _, c := range p.Init {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c.spec())
	}
	return pod
}

func (p Pod) status(pod *corev1.Pod) corev1.PodStatus {
	started := metav1.NewTime(p.Started)
	s := corev1.PodStatus{Phase: p.Phase, StartTime: &started, HostIP: p.HostIP, HostIPs: []corev1.HostIP{{IP: p.HostIP}}}
	for _, ip := range p.IPs {
		s.PodIPs = append(s.PodIPs, corev1.PodIP{IP: ip})
	}
	if len(p.IPs) > 0 {
		s.PodIP = p.IPs[0]
	}
	ready := corev1.ConditionFalse
	if p.Phase == corev1.PodRunning {
		ready = corev1.ConditionTrue
	}
	s.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: started}}
	for _, c := range p.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, c.status(pod, p.Phase, started))
	}
	for _, c := range p.Init {
		s.InitContainerStatuses = append(s.InitContainerStatuses, c.initStatus(pod, p.Phase, started))
	}
	for _, c := range p.Ephemeral {
		s.EphemeralContainerStatuses = append(s.EphemeralContainerStatuses, c.status(pod, p.Phase, started))
	}
	return s
}

// End sets the phase of a pod whose containers have ended, PodSucceeded or PodFailed. Its addresses stay in its status, as kubelet
// leaves them there, while another pod may get them.
func (c *Cluster) End(t testing.TB, pod *corev1.Pod, phase corev1.PodPhase) *corev1.Pod {
	t.Helper()
	pods := c.Client.CoreV1().Pods(pod.Namespace)
	pod, err := pods.Get(t.Context(), pod.Name, metav1.GetOptions{})
	must(t, err)
	pod.Status.Phase = phase
	for i := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[i]
		*s = Container{Name: s.Name, Image: s.Image, ID: s.ContainerID}.status(pod, phase, *pod.Status.StartTime)
	}
	pod, err = pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{})
	must(t, err)
	return pod
}

// Delete removes a pod at once: there is no kubelet to end it gracefully.
func (c *Cluster) Delete(t testing.TB, pod *corev1.Pod) {
	t.Helper()
	var now int64
	must(t, c.Client.CoreV1().Pods(pod.Namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}))
}
