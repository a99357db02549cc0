package plugin_test

import (
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tlstrace/tlstrace/event"
)

// adHoc starts an agent where none is. The test is the kubelet of that node: it starts what the pod says, and ends it.
func (s *stage) adHoc(t *testing.T) {
	fourth := s.nodes[3]
	late := fourth.workload(t, "late", 10)
	client := startClient(t, late, s.payments)
	pods := s.Client.CoreV1().Pods("kube-system")
	kubeconfig := s.user(t, "ad-hoc", look, forward, rule("", "create", "pods"), rule("", "get", "pods"), rule("", "delete", "pods"))
	p := run(t, kubeconfig, "watch", "-o", "json", "--ad-hoc", "node-4", "--from-workload", "late")
	p.prints(p.err, "started kube-system/tlstrace-ad-hoc-")
	list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=tlstrace-ad-hoc"})
	must(t, err)
	if len(list.Items) != 1 {
		t.Fatalf("%d pods", len(list.Items))
	}
	pod := &list.Items[0]
	if pod.Spec.NodeName != "node-4" || pod.Spec.ActiveDeadlineSeconds == nil || *pod.Spec.ActiveDeadlineSeconds != 3600 {
		t.Errorf("the pod is %+v", pod.Spec)
	}
	fourth.startPod(t, pod)
	p.prints(p.err, "following the node (by port-forward)")
	client.make(1)
	eventually(t, "the failure is shown", func() bool { return len(events(t, p)) == 1 }, p.state)
	if e := events(t, p)[0]; e.Client.K8s == nil || e.Client.K8s.Workload != "late" || e.Server.K8s == nil || e.Server.K8s.Workload != "payments" ||
		e.ObservedFrom != event.FromClient {
		t.Errorf("client %+v, server %+v", e.Client.K8s, e.Server.K8s)
	}
	if code := p.end(syscall.SIGINT); code != 0 || !strings.Contains(p.err.String(), "removed kube-system/tlstrace-ad-hoc-") {
		t.Errorf("exit code %d: %s", code, p.err)
	}
	gone, err := pods.Get(t.Context(), pod.Name, metav1.GetOptions{})
	if err == nil && gone.DeletionTimestamp == nil {
		t.Error("the pod is left")
	}
	dry := run(t, kubeconfig, "watch", "--ad-hoc", "node-4", "--dry-run")
	if code := dry.wait(); code != 0 || !strings.Contains(dry.out.String(), "privileged: true") {
		t.Errorf("exit code %d: %s", code, dry.state())
	}
	refused := run(t, s.user(t, "ad-hoc-not", look, forward), "watch", "--ad-hoc", "node-4")
	if code := refused.wait(); code != 3 || !strings.Contains(refused.err.String(), "takes create on pods") {
		t.Errorf("exit code %d: %s", code, refused.state())
	}
}

// startPod runs the agent of a pod with the arguments of its container, on the cgroup of the node.
func (n *node) startPod(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	argv := append([]string{"nsenter", "--net=/run/netns/" + n.netns, program("tlstrace")}, pod.Spec.Containers[0].Args...)
	agent := start(t, "", []string{"XDG_STATE_HOME=" + t.TempDir()}, append(argv, "--cgroup", n.cgroup)...)
	agent.prints(agent.err, `"tracing"`)
	pod.Status.Phase = corev1.PodRunning
	pod.Status.PodIP, pod.Status.PodIPs = n.address, []corev1.PodIP{{IP: n.address}}
	_, err := n.w.Client.CoreV1().Pods(pod.Namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{})
	must(t, err)
}
