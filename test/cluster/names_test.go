package cluster

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/event"
)

// pair is a client in a pod of node-a and a server in a pod of node-b, whose handshake fails.
type pair struct {
	client, server         *corev1.Pod
	port                   int
	clientName, serverName *event.K8s // as the agent of the other node has to say it: by the address alone
	clientHere, serverHere *event.K8s // as the agent of the same node has to: by the cgroup
}

// street is two nodes with an agent each, in a cluster.
type street struct {
	*Cluster
	t              *testing.T
	a, b           *machine
	agentA, agentB *runningAgent
	gopeer         string
	served, others pki  // the client trusts the others' CA only
	port           *int // the last that was given to a server
}

// TestAgentNamesBothEnds runs failing handshakes between two network namespaces, with the addresses of pods and in cgroups as kubelet
// lays them out. The agents of the two nodes see one end each, and have to name both.
func TestAgentNamesBothEnds(t *testing.T) {
	s := newStreet(t)
	pairs := map[string]*pair{}
	for i, kind := range []Kind{Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob, Rollout, Static, Bare} {
		pairs[string(kind)] = s.pairOf(kind, i)
	}
	pairs["host network"] = s.hostNetwork()
	pairs["an address that is used again"] = s.reused()
	pairs["a pod that is gone"] = s.gone()
	s.agentA, s.agentB = s.agents()
	for name, p := range pairs {
		t.Run(name, func(t *testing.T) { s.on(t).check(p) })
	}
	t.Run("the API server is killed", func(t *testing.T) { s.on(t).testKilled(pairs["Deployment"]) })
	t.Run("the API server does not answer", func(t *testing.T) { s.on(t).testSilent(pairs["StatefulSet"]) })
}

func newStreet(t *testing.T) *street {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("tracing needs root")
	default:
		t.Skip("tracing needs root")
	}
	s := &street{Cluster: Start(t), t: t, gopeer: build(t, "./test/scenarios/gopeer"), port: new(int)}
	*s.port = 8443
	s.Grant(t, User(Agent), agentRules...)
	s.Namespace(t, "shop", nil)
	s.crowd()
	s.a, s.b = newMachines(t)
	var err error
	s.served = s.pki
	s.others, err = writePKI(t.TempDir(), s.address)
	must(t, err)
	return s
}

// on is the street for a subtest, with which its processes end.
func (s *street) on(t *testing.T) *street {
	sub, a, b := *s, *s.a, *s.b
	sub.t, a.t, b.t = t, t, t
	sub.a, sub.b = &a, &b
	return &sub
}

// crowd is everybody else: a few hundred pods, on these nodes too.
func (s *street) crowd() {
	s.t.Helper()
	workloads := make([]Workload, 30)
	for i := range workloads {
		node := []string{"node-a", "node-b", "node-c"}[i%3]
		workloads[i] = Workload{Kind: Deployment, Name: fmt.Sprintf("crowd-%d", i), Pods: make([]Pod, 10)}
		for k := range workloads[i].Pods {
			workloads[i].Pods[k].Node = node
		}
	}
	s.Workloads(s.t, workloads...)
}

func (s *street) agents() (a, b *runningAgent) {
	s.t.Helper()
	tlstrace := build(s.t, "./cmd/tlstrace")
	return s.startAgent(s.a, tlstrace), s.startAgent(s.b, tlstrace)
}

// pairOf makes a client and a server that are pods of a kind of workload, with a service in front of the server.
func (s *street) pairOf(kind Kind, i int) *pair {
	s.t.Helper()
	name := strings.ToLower(string(kind))
	end := func(role string, node *machine, ip string, proxy bool) (*corev1.Pod, *event.K8s) {
		containers := []Container{{}}
		if proxy {
			containers = append(containers, Proxy("istio/proxyv2:1.27.1"))
		}
		pod := s.Workload(s.t, Workload{Kind: kind, Namespace: "shop", Name: name + "-" + role,
			Pods: []Pod{{Node: node.name, IPs: []string{ip}, ServiceAccount: role, Containers: containers}}})[0]
		return pod, &event.K8s{Namespace: "shop", Pod: pod.Name, Workload: name + "-" + role, ServiceAccount: role, Node: node.name, Sidecar: proxy}
	}
	p := &pair{port: s.nextPort()}
	p.client, p.clientName = end("client", s.a, fmt.Sprintf("10.244.6.%d", 10+i), true)
	p.server, p.serverName = end("server", s.b, fmt.Sprintf("10.244.7.%d", 10+i), false)
	s.Service(s.t, Service{Namespace: "shop", Name: name + "-server", TargetPort: int32(p.port), Pods: []*corev1.Pod{p.server}})
	p.serverName.Service = name + "-server"
	s.place(p)
	return p
}

// hostNetwork is a pair of pods with the addresses of their nodes. From elsewhere they are the node and nothing else: any of its pods
// and programs may be behind the address.
func (s *street) hostNetwork() *pair {
	s.t.Helper()
	end := func(name string, node *machine, ip string) (*corev1.Pod, *event.K8s) {
		s.Node(s.t, node.name, ip)
		pod := s.Pod(s.t, Pod{Namespace: "shop", Name: name, Node: node.name, HostNetwork: true, HostIP: ip})
		return pod, &event.K8s{Node: node.name}
	}
	p := &pair{port: s.nextPort()}
	p.client, p.clientName = end("host-client", s.a, "192.0.2.11")
	p.server, p.serverName = end("host-server", s.b, "192.0.2.12")
	p.clientHere = &event.K8s{Namespace: "shop", Pod: "host-client", Container: "app", Workload: "host-client", ServiceAccount: "default", Node: "node-a"}
	p.serverHere = &event.K8s{Namespace: "shop", Pod: "host-server", Container: "app", Workload: "host-server", ServiceAccount: "default", Node: "node-b"}
	s.place(p)
	return p
}

// reused is a pair whose addresses other pods had, whose objects are still there.
func (s *street) reused() *pair {
	s.t.Helper()
	for i, ip := range []string{"10.244.6.50", "10.244.7.50"} {
		first := s.Pod(s.t, Pod{Namespace: "shop", Name: fmt.Sprintf("first-%d", i), Node: []string{"node-a", "node-b"}[i], IPs: []string{ip}})
		s.End(s.t, first, corev1.PodFailed)
	}
	return s.bare("second", 50)
}

// gone is a pair whose server's pod was deleted before anybody asked for it, while its process still runs. That a pod with this address
// was there, nobody can tell any more; the server's own node has not seen it either.
func (s *street) gone() *pair {
	s.t.Helper()
	p := s.bare("gone", 60)
	s.Delete(s.t, p.server)
	p.serverName, p.serverHere = nil, nil
	return p
}

// bare is a pair of pods without an owner.
func (s *street) bare(name string, i int) *pair {
	s.t.Helper()
	end := func(role string, node *machine, ip string) (*corev1.Pod, *event.K8s) {
		pod := s.Pod(s.t, Pod{Namespace: "shop", Name: name + "-" + role, Node: node.name, IPs: []string{ip}})
		return pod, &event.K8s{Namespace: "shop", Pod: pod.Name, Workload: pod.Name, ServiceAccount: "default", Node: node.name}
	}
	p := &pair{port: s.nextPort()}
	p.client, p.clientName = end("client", s.a, fmt.Sprintf("10.244.6.%d", i))
	p.server, p.serverName = end("server", s.b, fmt.Sprintf("10.244.7.%d", i))
	s.place(p)
	return p
}

func (s *street) nextPort() int {
	*s.port++
	return *s.port
}

// place gives the addresses of a pair to the machines and starts the server. Who runs in the container is told by the cgroup.
func (s *street) place(p *pair) {
	s.t.Helper()
	from, to := p.client.Status.PodIP, p.server.Status.PodIP
	s.a.give(from)
	s.b.give(to)
	s.a.ip("route add " + to + "/32 dev pods src " + from)
	s.b.ip("route add " + from + "/32 dev pods src " + to)
	if p.clientHere == nil {
		p.clientHere, p.serverHere = inContainer(p.clientName), inContainer(p.serverName)
	}
	server := s.b.inPod(p.server, "server", s.gopeer, "server", "--port", fmt.Sprint(p.port), "--cert", s.served.cert, "--key", s.served.key)
	eventually(s.t, func() error { return listens(server, p.port) })
}

func inContainer(k *event.K8s) *event.K8s {
	here := *k
	here.Container = "app"
	return &here
}

// listens reads the socket table of a process' network namespace: a trial connection would be traffic.
func listens(p *process, port int) error {
	if !p.running() {
		return fmt.Errorf("the server has ended: %s", p.tail())
	}
	b, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(p.pid), "net/tcp6"))
	if err == nil && !strings.Contains(string(b), fmt.Sprintf(":%04X 00000000000000000000000000000000:0000 0A", port)) {
		err = fmt.Errorf("nobody listens on port %d: %s", port, p.tail())
	}
	return err
}

// fail makes the handshake of a pair fail: the client does not know the server's CA.
func (s *street) fail(p *pair) {
	s.t.Helper()
	s.failFrom(p.client, p)
}

// failFrom lets another container make the connection, from the address that leads to the server all the same.
func (s *street) failFrom(container *corev1.Pod, p *pair) {
	s.t.Helper()
	client := s.a.inPod(container, "client", s.gopeer, "client", "--host", p.server.Status.PodIP, "--port", fmt.Sprint(p.port), "--ca", s.others.ca)
	<-client.done
	if !strings.Contains(client.tail(), "certificate signed by unknown authority") {
		s.t.Fatalf("the client says %s", client.tail())
	}
}

// check makes the handshake fail and compares what the two agents say about it.
func (s *street) check(p *pair) {
	s.t.Helper()
	a, b := len(s.agentA.events(p.port)), len(s.agentB.events(p.port))
	s.fail(p)
	atA, atB := s.agentA.next(s.t, p.port, a), s.agentB.next(s.t, p.port, b)
	for _, got := range []ends{atA, atB} {
		if !sameAddress(got.Client.Addr, p.client) || !sameAddress(got.Server.Addr, p.server) {
			s.t.Errorf("from %s to %s, want from %s to %s", got.Client.Addr, got.Server.Addr, p.client.Status.PodIP, p.server.Status.PodIP)
		}
	}
	s.compare("the client, on its node", p.clientHere, atA.Client.K8s)
	s.compare("the server, on the client's node", p.serverName, atA.Server.K8s)
	s.compare("the client, on the server's node", p.clientName, atB.Client.K8s)
	s.compare("the server, on its node", p.serverHere, atB.Server.K8s)
}

func sameAddress(addr string, pod *corev1.Pod) bool {
	a, err := netip.ParseAddr(addr)
	return err == nil && a.Unmap().String() == pod.Status.PodIP
}

func (s *street) compare(what string, want, got *event.K8s) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// stranger is a pair whose client the agent of its node has heard of, by a watch, and whose server nobody has asked for.
func (s *street) stranger(name string, i int, known *pair) *pair {
	s.t.Helper()
	p := s.bare(name, i)
	eventually(s.t, func() error {
		before := len(s.agentA.events(known.port))
		s.failFrom(p.client, known)
		got := s.agentA.next(s.t, known.port, before)
		if diff := cmp.Diff(p.clientHere, got.Client.K8s); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
	return p
}

// testKilled has events about known and unknown ends while the API server is away.
func (s *street) testKilled(known *pair) {
	stranger := s.stranger("killed", 70, known)
	s.KillAPIServer(s.t)
	s.checkWithout(known, stranger)
	s.StartAPIServer(s.t)
	s.named(stranger)
}

// testSilent is the same while connections to the API server stay open and nothing comes back.
func (s *street) testSilent(known *pair) {
	stranger := s.stranger("silent", 80, known)
	s.PauseAPIServer(s.t)
	s.checkWithout(known, stranger)
	s.ResumeAPIServer(s.t)
	s.named(stranger)
}

// checkWithout wants all names that are known, and the events without the others.
func (s *street) checkWithout(known, stranger *pair) {
	s.t.Helper()
	s.check(known)
	s.fail(stranger)
	got := s.agentA.next(s.t, stranger.port, 0)
	s.compare("the client, of this node", stranger.clientHere, got.Client.K8s)
	s.compare("the server that was not asked for in time", nil, got.Server.K8s)
}

// named waits until the agents have a name that they could not ask for before.
func (s *street) named(p *pair) {
	s.t.Helper()
	eventually(s.t, func() error {
		before := len(s.agentA.events(p.port))
		s.fail(p)
		got := s.agentA.next(s.t, p.port, before)
		if diff := cmp.Diff(p.serverName, got.Server.K8s); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}
