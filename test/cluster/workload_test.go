package cluster

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (c *Cluster) testWorkloads(t *testing.T) {
	for _, test := range []struct {
		kind   Kind
		pod    string // what the name of the pod looks like
		owners string // from the pod up
		label  string // that the controller adds
	}{
		{Deployment, `^w-deployment-[a-z0-9]{10}-[a-z0-9]{5}$`, "ReplicaSet Deployment", "pod-template-hash"},
		{Rollout, `^w-rollout-[a-z0-9]{10}-[a-z0-9]{5}$`, "ReplicaSet Rollout", "rollouts-pod-template-hash"},
		{ReplicaSet, `^w-replicaset-[a-z0-9]{5}$`, "ReplicaSet", "app"},
		{StatefulSet, `^w-statefulset-0$`, "StatefulSet", "statefulset.kubernetes.io/pod-name"},
		{DaemonSet, `^w-daemonset-[a-z0-9]{5}$`, "DaemonSet", "controller-revision-hash"},
		{Job, `^w-job-[a-z0-9]{5}$`, "Job", "batch.kubernetes.io/job-name"},
		{CronJob, `^w-cronjob-[0-9]{8}-[a-z0-9]{5}$`, "Job CronJob", "batch.kubernetes.io/job-name"},
		{Static, `^w-static-node-1$`, "Node", "app"},
		{Bare, `^w-bare$`, "", "app"},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			pod := c.Workload(t, Workload{Kind: test.kind, Name: "w-" + strings.ToLower(string(test.kind))})[0]
			if !regexp.MustCompile(test.pod).MatchString(pod.Name) {
				t.Errorf("the pod is named %s, want %s", pod.Name, test.pod)
			}
			if pod.Labels[test.label] == "" {
				t.Errorf("the pod has no label %s: %v", test.label, pod.Labels)
			}
			if got := c.ownersOf(t, pod); got != test.owners {
				t.Errorf("owned by %q, want %q", got, test.owners)
			}
		})
	}
}

// ownersOf follows the owner references as far as the API server knows the objects, and checks their UIDs.
func (c *Cluster) ownersOf(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	var kinds []string
	ctx, get := t.Context(), metav1.GetOptions{}
	var above metav1.Object
	for of := metav1.Object(pod); of != nil; of = above {
		ref := metav1.GetControllerOf(of)
		if ref == nil {
			break
		}
		kinds = append(kinds, ref.Kind)
		var err error
		switch ref.Kind {
		case "ReplicaSet":
			above, err = c.Client.AppsV1().ReplicaSets(of.GetNamespace()).Get(ctx, ref.Name, get)
		case "Deployment":
			above, err = c.Client.AppsV1().Deployments(of.GetNamespace()).Get(ctx, ref.Name, get)
		case "StatefulSet":
			above, err = c.Client.AppsV1().StatefulSets(of.GetNamespace()).Get(ctx, ref.Name, get)
		case "DaemonSet":
			above, err = c.Client.AppsV1().DaemonSets(of.GetNamespace()).Get(ctx, ref.Name, get)
		case "Job":
			above, err = c.Client.BatchV1().Jobs(of.GetNamespace()).Get(ctx, ref.Name, get)
		case "CronJob":
			above, err = c.Client.BatchV1().CronJobs(of.GetNamespace()).Get(ctx, ref.Name, get)
		default: // a node's UID is made up, and Argo is not installed
			return strings.Join(kinds, " ")
		}
		must(t, err)
		if above.GetUID() != ref.UID {
			t.Errorf("%s %s has the UID %s, its owner reference says %s", ref.Kind, ref.Name, above.GetUID(), ref.UID)
		}
	}
	return strings.Join(kinds, " ")
}

func (c *Cluster) testPods(t *testing.T) {
	pod := c.Pod(t, Pod{
		Name: "everything", HostNetwork: true, HostIP: "192.0.2.7", Node: "node-7", ServiceAccount: "shop",
		Containers: []Container{{Name: "app", ID: "cri-o://" + strings.Repeat("a", 64)}, Proxy("docker.io/istio/proxyv2:1.27.1")},
		Init:       []Container{{Name: "migrate"}, {Name: "native", Restarts: true}},
		Ephemeral:  []Container{{Name: "debugger"}},
	})
	if pod.Status.PodIP != "192.0.2.7" || pod.Spec.NodeName != "node-7" || pod.Spec.ServiceAccountName != "shop" {
		t.Errorf("address %s, node %s, service account %s", pod.Status.PodIP, pod.Spec.NodeName, pod.Spec.ServiceAccountName)
	}
	s := pod.Status
	got := ""
	for _, c := range append(append(s.ContainerStatuses, s.InitContainerStatuses...), s.EphemeralContainerStatuses...) {
		scheme, id, _ := strings.Cut(c.ContainerID, "://")
		got += fmt.Sprintf("%s %s %d %s\n", c.Name, scheme, len(id), state(c.State))
	}
	want := "app cri-o 64 running\nistio-proxy containerd 64 running\nmigrate containerd 64 terminated\n" +
		"native containerd 64 running\ndebugger containerd 64 running\n"
	if got != want {
		t.Errorf("the containers are\n%s, want\n%s", got, want)
	}
	ended := c.End(t, pod, corev1.PodFailed)
	if ended.Status.Phase != corev1.PodFailed || ended.Status.PodIP != "192.0.2.7" || state(ended.Status.ContainerStatuses[0].State) != "terminated" {
		t.Errorf("the pod that ended: %+v", ended.Status)
	}
	c.Delete(t, pod)
	if pending := c.Pod(t, Pod{Name: "everything", Phase: corev1.PodPending}); pending.Status.PodIP != "" {
		t.Errorf("a pending pod has the address %s", pending.Status.PodIP)
	}
}

func state(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return "terminated"
	}
	return "waiting"
}

func (c *Cluster) testNetwork(t *testing.T) {
	c.Node(t, "node-9", "192.0.2.9")
	pods := c.Workload(t, Workload{Kind: Deployment, Name: "payments", Pods: make([]Pod, 3)})
	service := c.Service(t, Service{Name: "payments", Pods: pods})
	if !strings.HasPrefix(service.Spec.ClusterIP, "10.96.") {
		t.Errorf("the service has the address %s", service.Spec.ClusterIP)
	}
	slices, err := c.Client.DiscoveryV1().EndpointSlices("default").List(t.Context(), metav1.ListOptions{
		LabelSelector: "kubernetes.io/service-name=payments"})
	must(t, err)
	got := map[string]string{}
	for _, e := range slices.Items[0].Endpoints {
		got[e.Addresses[0]] = e.TargetRef.Name
	}
	for _, p := range pods {
		if got[p.Status.PodIP] != p.Name {
			t.Errorf("%s is the endpoint %q, want %s", p.Status.PodIP, got[p.Status.PodIP], p.Name)
		}
		found, err := c.Client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "status.podIP=" + p.Status.PodIP})
		must(t, err)
		if len(found.Items) != 1 {
			t.Errorf("%d pods have the address %s", len(found.Items), p.Status.PodIP)
		}
	}
}

// BenchmarkWorkloads says how long the cluster of a benchmark takes to fill.
func BenchmarkWorkloads(b *testing.B) {
	c := Start(b)
	for b.Loop() {
		workloads := make([]Workload, 500)
		for i := range workloads {
			workloads[i] = Workload{Kind: Deployment, Name: fmt.Sprintf("w-%d-%d", b.N, i), Pods: make([]Pod, 20)}
		}
		c.Workloads(b, workloads...)
	}
}
