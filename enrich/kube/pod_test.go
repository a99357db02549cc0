package kube

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// aPod is one that runs since noon.
func aPod(name string, change ...func(*corev1.Pod)) *corev1.Pod {
	started := metav1.NewTime(noon)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: started},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &started, HostIP: "192.0.2.1"},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func ownedBy(apiVersion, kind, name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "no controller"},
			{APIVersion: apiVersion, Kind: kind, Name: name, Controller: &yes}}
	}
}

func labeled(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = map[string]string{key: value} }
}

func with(addresses ...string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		for _, a := range addresses {
			p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: a})
		}
	}
}

func TestWorkloadOf(t *testing.T) {
	long := strings.Repeat("a", maxName-len("-6d4cf56db6"))
	tests := []struct {
		name       string
		pod        *corev1.Pod
		want, kind string
		ask        string // the owner that has to be asked for
	}{
		{"bare", aPod("alone"), "alone", "Pod", ""},
		{"static", aPod("etcd-node-1", ownedBy("v1", "Node", "node-1")), "etcd", "Pod", ""},
		{"Deployment", aPod("p", ownedBy("apps/v1", "ReplicaSet", "pay-6d4cf56db6"), labeled("pod-template-hash", "6d4cf56db6")), "pay", "Deployment", ""},
		{"Deployment with dashes", aPod("p", ownedBy("apps/v1", "ReplicaSet", "pay-me-6d4cf56db6"), labeled("pod-template-hash", "6d4cf56db6")),
			"pay-me", "Deployment", ""},
		{"Rollout", aPod("p", ownedBy("apps/v1", "ReplicaSet", "pay-6d4cf56db6"), labeled("rollouts-pod-template-hash", "6d4cf56db6")),
			"pay", "Rollout", ""},
		{"ReplicaSet without a hash", aPod("p", ownedBy("apps/v1", "ReplicaSet", "pay-6d4cf56db6")), "", "", "pay-6d4cf56db6"},
		{"ReplicaSet with the hash of another", aPod("p", ownedBy("apps/v1", "ReplicaSet", "pay-6d4cf56db6"), labeled("pod-template-hash", "5d4cf56db6")),
			"", "", "pay-6d4cf56db6"},
		{"ReplicaSet with a label that is no hash", aPod("p", ownedBy("apps/v1", "ReplicaSet", "pay-me"), labeled("pod-template-hash", "me")),
			"", "", "pay-me"},
		{"ReplicaSet whose name is its hash", aPod("p", ownedBy("apps/v1", "ReplicaSet", "-6d4cf56db6"), labeled("pod-template-hash", "6d4cf56db6")),
			"", "", "-6d4cf56db6"},
		{"Deployment whose name was cut", aPod("p", ownedBy("apps/v1", "ReplicaSet", long+"-6d4cf56db6"), labeled("pod-template-hash", "6d4cf56db6")),
			"", "", long + "-6d4cf56db6"},
		{"ReplicaSet of somebody else's API", aPod("p", ownedBy("example.com/v1", "ReplicaSet", "pay-6d4cf56db6")), "pay-6d4cf56db6", "ReplicaSet", ""},
		{"Job", aPod("p", ownedBy("batch/v1", "Job", "nightly-29384756")), "", "", "nightly-29384756"},
		{"StatefulSet", aPod("p", ownedBy("apps/v1", "StatefulSet", "db")), "db", "StatefulSet", ""},
		{"DaemonSet", aPod("p", ownedBy("apps/v1", "DaemonSet", "cni")), "cni", "DaemonSet", ""},
		{"a custom resource", aPod("p", ownedBy("core.strimzi.io/v1", "StrimziPodSet", "kafka")), "kafka", "StrimziPodSet", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, kind, owner := workloadOf(tt.pod)
			asked := ""
			if owner != (ownerKey{}) {
				asked = owner.name.Value()
			}
			if name != tt.want || kind != tt.kind || asked != tt.ask {
				t.Errorf("got %q, %q, to be asked %q", name, kind, asked)
			}
		})
	}
}

func TestHasSidecar(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	tests := []struct {
		name string
		pod  *corev1.Pod
		want bool
	}{
		{"none", aPod("p"), false},
		{"Istio's", aPod("p", func(p *corev1.Pod) {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "istio-proxy"})
		}), true},
		{"Linkerd's", aPod("p", func(p *corev1.Pod) {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "linkerd-proxy"})
		}), true},
		{"native", aPod("p", func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "istio-proxy", RestartPolicy: &always}}
		}), true},
		{"an init container that ends", aPod("p", func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "istio-proxy"}}
		}), false},
		{"told by the injector", aPod("p", func(p *corev1.Pod) {
			p.Annotations = map[string]string{"sidecar.istio.io/status": "{}"}
		}), true},
	}
	for _, tt := range tests {
		if got := hasSidecar(tt.pod); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func TestEndOf(t *testing.T) {
	ended := func(phase corev1.PodPhase, after ...time.Duration) *corev1.Pod {
		return aPod("p", func(p *corev1.Pod) {
			p.Status.Phase = phase
			for _, d := range after {
				p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{State: corev1.ContainerState{
					Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(noon.Add(d))}}})
			}
		})
	}
	tests := []struct {
		name string
		pod  *corev1.Pod
		want time.Time
	}{
		{"it runs", ended(corev1.PodRunning), time.Time{}},
		{"it runs, one container has ended", ended(corev1.PodRunning, time.Minute), time.Time{}},
		{"with its last container", ended(corev1.PodSucceeded, time.Hour, time.Minute), noon.Add(time.Hour)},
		{"nobody knows when", ended(corev1.PodFailed), noon},
	}
	for _, tt := range tests {
		if got := endOf(tt.pod); !got.Equal(tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestHostileStrings: what the API server says is bounded, whatever it is.
func TestHostileStrings(t *testing.T) {
	long := strings.Repeat("é\xff", 64<<10)
	p := aPod("p", ownedBy("x/v1", long, long), with("10.0.0.1", "no address", long), func(p *corev1.Pod) {
		p.Namespace, p.Name, p.UID, p.Spec.NodeName, p.Spec.ServiceAccountName = long, long, types.UID(long), long, long
		p.Annotations = map[string]string{"kubernetes.io/config.hash": long}
		for range 2 * maxMembers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: long, ContainerID: "containerd://" + long})
		}
	})
	kept := newPod(p, true)
	k := kept.k8s()
	for _, s := range []string{k.Namespace, k.Pod, k.ServiceAccount, k.Node, kept.uid, kept.static, kept.workload.Value(), kept.kind.Value(),
		kept.members[0].id, kept.members[0].name.Value()} {
		if len(s) > maxName+len("?") || !utf8.ValidString(s) || s == "" {
			t.Errorf("a string of %d bytes was kept", len(s))
		}
	}
	if len(kept.members) != maxMembers || len(kept.addresses) != 1 {
		t.Errorf("%d containers and %d addresses were kept", len(kept.members), len(kept.addresses))
	}
}

func TestContainerOfAPodThatHasOnlyOne(t *testing.T) {
	one := newPod(aPod("p"), true)
	two := newPod(aPod("p", func(p *corev1.Pod) { p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "proxy"}) }), true)
	if got := one.container("0123"); got != "app" {
		t.Errorf("the status is behind: got %q, want the only container", got)
	}
	if got := one.container(""); got != "" {
		t.Errorf("in the pod's own cgroup: got %q", got)
	}
	if got := two.container("0123"); got != "" {
		t.Errorf("one of two: got %q", got)
	}
}
