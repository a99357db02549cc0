package agent_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/cluster"
)

// rules are what docs/agent.md says that an agent needs.
var rules = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}},
	{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}},
	{APIGroups: []string{"apps"}, Resources: []string{"replicasets"}, Verbs: []string{"get"}},
	{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"get"}},
}

// reviewRules let the agent ask who reads its events.
var reviewRules = []rbacv1.PolicyRule{
	{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
	{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}},
}

// layouts are the cgroups that kubelet makes for a container, by its driver and runtime.
var layouts = []struct {
	name string
	path func(uid, id string) string
}{
	{"containerd, systemd", func(uid, id string) string {
		return "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/cri-containerd-" + id + ".scope"
	}},
	{"containerd, cgroupfs", func(uid, id string) string { return "kubepods/besteffort/pod" + uid + "/" + id }},
	{"CRI-O, systemd", func(uid, id string) string {
		return "kubepods.slice/kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/crio-" + id + ".scope"
	}},
}

// containerCgroup makes the cgroup of a pod's container on the node.
func (n *node) containerCgroup(p *corev1.Pod, layout int) string {
	n.t.Helper()
	_, id, _ := strings.Cut(p.Status.ContainerStatuses[0].ContainerID, "://")
	return n.cgroup(layouts[layout%len(layouts)].path(string(p.UID), id))
}

// onKubernetes are the flags of an agent in a cluster.
func onKubernetes(t testing.TB, c *cluster.Cluster, node string) []string {
	t.Helper()
	return []string{"--kubernetes", "on", "--kubeconfig", c.KubeconfigOf(t, c.ConfigOf(cluster.Agent)), "--node", node, "--fold", "0"}
}

// pair is a workload of one kind with a client on this node and a server on another.
type pair struct {
	kind           cluster.Kind
	client, server *corev1.Pod
}

func TestBothEndsAreNamed(t *testing.T) {
	n, elsewhere := newNode(t), newNode(t)
	c := cluster.Start(t)
	c.Grant(t, cluster.User(cluster.Agent), rules...)
	c.Namespace(t, "shop", nil)
	var pairs []pair
	var clients, servers []string
	for i, kind := range []cluster.Kind{
		cluster.Deployment, cluster.ReplicaSet, cluster.StatefulSet, cluster.DaemonSet, cluster.Job, cluster.CronJob, cluster.Rollout,
		cluster.Bare,
	} {
		made := func(role, node, ip string) *corev1.Pod {
			return c.Workload(t, cluster.Workload{Kind: kind, Namespace: "shop", Name: role + "-" + strings.ToLower(string(kind)), Pods: []cluster.Pod{{
				Node: node, IPs: []string{ip}, ServiceAccount: role, Containers: []cluster.Container{{Name: "app"}, cluster.Proxy("proxyv2")},
			}}})[0]
		}
		from, to := fmt.Sprintf("10.246.1.%d", i+1), fmt.Sprintf("10.246.2.%d", i+1)
		pairs = append(pairs, pair{kind, made("client", "node-1", from), made("server", "node-2", to)})
		clients, servers = append(clients, from+"/16"), append(servers, to+"/16")
	}
	net := newNetwork(t, clients, servers)
	a := startAgent(t, n, onKubernetes(t, c, "node-1")...)
	a.eventually("it is ready", func() bool {
		status, body := a.get("/readyz")
		return status == 200 && strings.Contains(body, "synced")
	})
	for i, p := range pairs {
		t.Run(string(p.kind), func(t *testing.T) { p.fail(t, a, n, elsewhere, net, i) })
	}
	t.Run("both on this node", func(t *testing.T) { bothLocal(t, a, n, net, pairs[0]) })
	t.Run("metrics", func(t *testing.T) {
		for _, p := range pairs {
			name := strings.ToLower(string(p.kind))
			if a.metric("tlstrace_handshake_failures_total", `namespace="shop"`, `workload="client-`+name+`"`, `peer_workload="server-`+name+`"`) == 0 {
				t.Errorf("%s is not counted", p.kind)
			}
		}
	})
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// name is what a pod of a pair should be called. A remote container is not told by its address.
func (p pair) name(role, node, pod, container string) *event.K8s {
	return &event.K8s{
		Namespace: "shop", Pod: pod, Container: container, Workload: role + "-" + strings.ToLower(string(p.kind)), ServiceAccount: role,
		Node: node, Sidecar: true,
	}
}

// fail makes handshakes fail until one is told with both names. Before, a name may be absent because the API server was slow to answer, but
// never another.
func (p pair) fail(t *testing.T, a *agent, n, elsewhere *node, net network, layout int) {
	server := startPeer(t, elsewhere.cgroup("server"), net.server, "refuse", p.server.Status.PodIP+":8443")
	client := startPeer(t, n.containerCgroup(p.client, layout), net.client, "hello", server.address, "100", p.client.Status.PodIP)
	wantClient := p.name("client", "node-1", p.client.Name, "app")
	wantServer := p.name("server", "node-2", p.server.Name, "")
	made := 0
	a.eventually("both ends are named", func() bool {
		client.make(1)
		made++
		a.eventually("it is told", func() bool { return len(a.told(between(p))) == made })
		e := a.told(between(p))[made-1]
		if diff := cmp.Diff(wantClient, e.Client.K8s); diff != "" {
			t.Fatalf("the client (-want +got):\n%s", diff)
		}
		if e.Server.K8s == nil {
			return false
		}
		if diff := cmp.Diff(wantServer, e.Server.K8s); diff != "" {
			t.Fatalf("the server (-want +got):\n%s", diff)
		}
		return true
	})
}

// between matches the failures of a pair.
func between(p pair) func(event.Event) bool {
	return func(e event.Event) bool {
		return failed(e) && e.Client.Addr.String() == p.client.Status.PodIP && e.Server.Addr.String() == p.server.Status.PodIP
	}
}

// bothLocal has the server of a pair on the node, too, in the cgroup of its container.
func bothLocal(t *testing.T, a *agent, n *node, net network, p pair) {
	server := startPeer(t, n.containerCgroup(p.client, 1), net.client, "refuse", p.client.Status.PodIP+":9443")
	startPeer(t, n.containerCgroup(p.client, 0), net.client, "hello", server.address, "100", p.client.Status.PodIP).make(1)
	match := func(e event.Event) bool { return failed(e) && e.Server.Port == 9443 }
	a.eventually("it is told", func() bool { return len(a.told(match)) == 1 })
	e := a.told(match)[0]
	want := p.name("client", "node-1", p.client.Name, "app")
	if e.ObservedFrom != event.FromBoth || !cmp.Equal(want, e.Client.K8s) || !cmp.Equal(want, e.Server.K8s) {
		t.Errorf("seen from %s: client %+v, server %+v", e.ObservedFrom, e.Client.K8s, e.Server.K8s)
	}
}
