package kube

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/tlstrace/tlstrace/enrich"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/cluster"
)

// rules are what the package comment asks for.
var rules = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}},
	{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}},
	{APIGroups: []string{"apps"}, Resources: []string{"replicasets"}, Verbs: []string{"get"}},
	{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"get"}},
}

// patient is a wait that no answer on loopback misses; how long events wait is a test of its own.
const patient = 10 * time.Second

// cgroup2 is where cgroup v2 is mounted on this machine.
var cgroup2 = func() string {
	const hybrid = "/sys/fs/cgroup/unified"
	if _, err := os.Stat(hybrid + "/cgroup.procs"); err == nil {
		return hybrid
	}
	return "/sys/fs/cgroup"
}()

// world is a cluster and the machine of one node of it.
type world struct {
	*cluster.Cluster
	t *testing.T
}

// namespace makes one for the test.
func (w *world) namespace() string {
	name := "t" + strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(w.t.Name()))
	name = name[:min(len(name), 60)]
	w.Namespace(w.t, name, nil)
	return name
}

// names starts what is tested, on a node, and waits until it knows that node's pods.
func (w *world) names(node string, change ...func(*Options)) *Names {
	w.t.Helper()
	client, err := NewClient(w.ConfigOf(cluster.Agent), w.t.Name())
	if err != nil {
		w.t.Fatal(err)
	}
	o := Options{Client: client, Node: node, Containers: enrich.NewContainers(cgroup2, "/proc", time.Now), Wait: patient, QPS: 1000, Burst: 1000}
	for _, c := range change {
		c(&o)
	}
	n := New(o)
	run(w.t, n)
	eventually(w.t, "the pods of the node are known", n.Synced)
	return n
}

// run runs names until the test ends.
func run(t *testing.T, n *Names) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("it stops with %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it does not stop")
		}
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}

// cgroup makes a cgroup in the machine's own hierarchy, below a folder that is removed with the test, and returns its id. The test is
// skipped where it cannot, but fails in CI.
func (w *world) cgroup(path string) uint64 {
	w.t.Helper()
	dir := filepath.Join(cgroup2, fmt.Sprintf("tlstrace-test-kube-%d", os.Getpid()), path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		if os.Getenv("CI") == "true" {
			w.t.Fatal(err)
		}
		w.t.Skip("needs root and cgroup v2: ", err)
	}
	w.t.Cleanup(func() {
		for ; dir != cgroup2; dir = filepath.Dir(dir) {
			_ = os.Remove(dir) // another cgroup of the test may still be in it
		}
	})
	var stat syscall.Stat_t
	if err := syscall.Stat(dir, &stat); err != nil {
		w.t.Fatal(err)
	}
	return stat.Ino
}

// cgroupOf is where the systemd driver puts the i-th container of a pod.
func (w *world) cgroupOf(p *corev1.Pod, container string) uint64 {
	_, id, _ := strings.Cut(container, "://")
	slice := "kubepods-burstable-pod" + strings.ReplaceAll(string(p.UID), "-", "_") + ".slice"
	return w.cgroup("kubepods.slice/kubepods-burstable.slice/" + slice + "/cri-containerd-" + id + ".scope")
}

// server fills an event of now whose server is at an address.
func server(n *Names, addr string) *event.K8s { return serverAt(n, addr, time.Now()) }

func serverAt(n *Names, addr string, at time.Time) *event.K8s {
	e := event.Event{Time: at, Outcome: event.Failed, Server: event.Endpoint{Addr: netip.MustParseAddr(addr), Port: 8443}}
	n.Fill(context.Background(), &e)
	return e.Server.K8s
}

func check(t *testing.T, what string, want, got *event.K8s) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
