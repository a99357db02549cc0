package kube

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/cluster"
)

func TestCluster(t *testing.T) {
	c := cluster.Start(t)
	c.Grant(t, cluster.User(cluster.Agent), rules...)
	for name, test := range map[string]func(*world){
		"workloads of this node, by cgroup":         (*world).testLocalWorkloads,
		"workloads elsewhere, by address":           (*world).testRemoteWorkloads,
		"containers of a pod":                       (*world).testContainers,
		"static pods":                               (*world).testStatic,
		"services":                                  (*world).testServices,
		"nodes":                                     (*world).testNodes,
		"an address that is used again":             (*world).testReuse,
		"an address of a pod that ended":            (*world).testEnded,
		"an address that is used again on the node": (*world).testReuseHere,
		"pods come and go":                          (*world).testWatch,
		"what is nobody's is asked for once":        (*world).testAbsent,
		"equal questions are asked once":            (*world).testSingleFlight,
		"the second address of a pod":               (*world).testDualStack,
		"nobody waits for long":                     (*world).testWait,
	} {
		t.Run(name, func(t *testing.T) { test(&world{Cluster: c, t: t}) })
	}
}

var kinds = []cluster.Kind{cluster.Deployment, cluster.ReplicaSet, cluster.StatefulSet, cluster.DaemonSet, cluster.Job, cluster.CronJob,
	cluster.Rollout, cluster.Static, cluster.Bare}

// workloads makes one of each kind on a node.
func (w *world) workloads(namespace, node string) map[cluster.Kind]*corev1.Pod {
	pods := map[cluster.Kind]*corev1.Pod{}
	for _, kind := range kinds {
		pods[kind] = w.Workload(w.t, cluster.Workload{Kind: kind, Namespace: namespace, Name: "w-" + strings.ToLower(string(kind)),
			Pods: []cluster.Pod{{Node: node, ServiceAccount: "robot", Containers: []cluster.Container{{Name: "app"}, cluster.Proxy("proxyv2")}}}})[0]
	}
	return pods
}

func (w *world) testLocalWorkloads() {
	ns := w.namespace()
	pods := w.workloads(ns, "here")
	n := w.names("here")
	for kind, p := range pods {
		status := p.Status.ContainerStatuses[0]
		cgroup := w.cgroupOf(p, status.ContainerID)
		want := &event.K8s{Namespace: ns, Pod: p.Name, Container: "app", Workload: "w-" + strings.ToLower(string(kind)),
			ServiceAccount: "robot", Node: "here", Sidecar: true}
		e := event.Event{Time: time.Now(), Client: event.Endpoint{Addr: netip.MustParseAddr("127.0.0.1"), Cgroup: cgroup}}
		n.Fill(w.t.Context(), &e)
		check(w.t, string(kind), want, e.Client.K8s)
		check(w.t, string(kind)+" by cgroup alone", want, n.OfCgroup(cgroup))
	}
	if got := len(n.Workloads()); got != len(kinds) {
		w.t.Errorf("%d workloads are known: %v", got, n.Workloads())
	}
	for _, l := range n.Workloads() {
		if want := strings.TrimPrefix(l.Workload, "w-"); !strings.EqualFold(l.Kind, want) && l.Kind != "Pod" {
			w.t.Errorf("%+v is of another kind", l)
		}
	}
	if got := n.Stats().Requests[Request{"pods", "ok"}]; got != 0 {
		w.t.Errorf("%d searches for pods of this node", got)
	}
	e := event.Event{Time: time.Now(), Client: event.Endpoint{Addr: netip.MustParseAddr("192.0.2.1"), Cgroup: w.cgroup("system.slice/sshd.service"),
		Process: &event.Process{PID: os.Getpid()}}}
	n.Fill(w.t.Context(), &e)
	check(w.t, "a process outside of containers", &event.K8s{Node: "here"}, e.Client.K8s)
	e = event.Event{Time: time.Now(), Client: event.Endpoint{Addr: netip.MustParseAddr(pods[cluster.Bare].Status.PodIP), Cgroup: 1 << 50, NetNS: 7}}
	n.Fill(w.t.Context(), &e)
	check(w.t, "a cgroup that is gone", &event.K8s{Namespace: ns, Pod: "w-bare", Workload: "w-bare", ServiceAccount: "robot",
		Node: "here", Sidecar: true}, e.Client.K8s)
}

func (w *world) testRemoteWorkloads() {
	ns := w.namespace()
	pods := w.workloads(ns, "there")
	n := w.names("nowhere")
	for kind, p := range pods {
		check(w.t, string(kind), &event.K8s{Namespace: ns, Pod: p.Name, Workload: "w-" + strings.ToLower(string(kind)),
			ServiceAccount: "robot", Node: "there", Sidecar: true}, server(n, p.Status.PodIP))
	}
	gets := n.Stats().Requests[Request{"replicasets", "ok"}] + n.Stats().Requests[Request{"jobs", "ok"}]
	if gets > 5 {
		w.t.Errorf("%d owners were asked for", gets)
	}
}

func (w *world) testContainers() {
	ns := w.namespace()
	p := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "many", Node: "containers",
		Containers: []cluster.Container{{Name: "app"}}, Init: []cluster.Container{{Name: "setup"}, {Name: "istio-proxy", Restarts: true}},
		Ephemeral: []cluster.Container{{Name: "debugger"}}})
	n := w.names("containers")
	all := append(append(p.Status.ContainerStatuses, p.Status.InitContainerStatuses...), p.Status.EphemeralContainerStatuses...)
	if len(all) != 4 {
		w.t.Fatalf("the pod has %d containers", len(all))
	}
	for _, status := range all {
		got := n.OfCgroup(w.cgroupOf(p, status.ContainerID))
		if got == nil || got.Container != status.Name || !got.Sidecar {
			w.t.Errorf("%s is named %+v", status.Name, got)
		}
	}
	sandbox := n.OfCgroup(w.cgroupOf(p, "containerd://"+strings.Repeat("e", 64)))
	if sandbox == nil || sandbox.Pod != "many" || sandbox.Container != "" {
		w.t.Errorf("a container that the status does not have is named %+v", sandbox)
	}
	_, id, _ := strings.Cut(p.Status.ContainerStatuses[0].ContainerID, "://")
	if got := n.OfCgroup(w.cgroup("docker/" + id)); got == nil || got.Container != "app" {
		w.t.Errorf("by the container's id alone it is named %+v", got)
	}
	if got := n.OfCgroup(w.cgroup("docker/" + strings.Repeat("d", 64))); got != nil {
		w.t.Errorf("a container of no pod is named %+v", got)
	}
}

func (w *world) testStatic() {
	p := w.Workload(w.t, cluster.Workload{Kind: cluster.Static, Namespace: "kube-system", Name: "etcd",
		Pods: []cluster.Pod{{Node: "control", HostNetwork: true, HostIP: "192.0.2.77"}}})[0]
	hash := p.Annotations["kubernetes.io/config.hash"]
	if hash == "" {
		w.t.Fatal("a mirror pod without a hash")
	}
	n := w.names("control")
	_, id, _ := strings.Cut(p.Status.ContainerStatuses[0].ContainerID, "://")
	got := n.OfCgroup(w.cgroup("kubepods/burstable/pod" + hash + "/" + id))
	check(w.t, "by the hash", &event.K8s{Namespace: "kube-system", Pod: "etcd-control", Container: "app", Workload: "etcd",
		ServiceAccount: "default", Node: "control"}, got)
	check(w.t, "the address of the node", &event.K8s{Node: "control"}, server(n, "192.0.2.77"))
}

func (w *world) testServices() {
	ns := w.namespace()
	pods := w.Workload(w.t, cluster.Workload{Kind: cluster.StatefulSet, Namespace: ns, Name: "db", Pods: []cluster.Pod{{Node: "there"}, {Node: "there"}}})
	one := w.Service(w.t, cluster.Service{Namespace: ns, Name: "one", Pods: pods[:1]})
	w.Service(w.t, cluster.Service{Namespace: ns, Name: "db", Pods: pods[1:]})
	w.Service(w.t, cluster.Service{Namespace: ns, Name: "db-headless", ClusterIP: "None", Pods: pods[1:]})
	n := w.names("nowhere")
	eventually(w.t, "the services are known", func() bool { return server(n, one.Spec.ClusterIP) != nil })
	check(w.t, "a cluster IP", &event.K8s{Namespace: ns, Service: "one"}, server(n, one.Spec.ClusterIP))
	redirected := event.Event{Time: time.Now(), Server: event.Endpoint{Addr: netip.MustParseAddr("127.0.0.1"), Port: 15001},
		TCP: event.TCP{Dialed: netip.AddrPortFrom(netip.MustParseAddr(one.Spec.ClusterIP), 443)}}
	n.Fill(w.t.Context(), &redirected)
	check(w.t, "a service whose clients are sent to a proxy that is not there", &event.K8s{Namespace: ns, Service: "one"}, redirected.Server.K8s)
	balanced := event.Event{Time: time.Now(), Server: event.Endpoint{Addr: netip.MustParseAddr(pods[0].Status.PodIP), Port: 15006},
		TCP: event.TCP{Dialed: netip.AddrPortFrom(netip.MustParseAddr(one.Spec.ClusterIP), 443)}}
	n.Fill(w.t.Context(), &balanced)
	if k := balanced.Server.K8s; k == nil || k.Pod != pods[0].Name || k.Service != "one" {
		w.t.Errorf("a pod behind the service that was dialed is named %+v", k)
	}
	service := func(pod *corev1.Pod, port uint16, sni string) string {
		e := event.Event{Time: time.Now(), TLS: &event.TLS{SNI: sni},
			Server: event.Endpoint{Addr: netip.MustParseAddr(pod.Status.PodIP), Port: port}}
		n.Fill(w.t.Context(), &e)
		if e.Server.K8s == nil || e.Server.K8s.Pod != pod.Name {
			w.t.Fatalf("the pod is named %+v", e.Server.K8s)
		}
		return e.Server.K8s.Service
	}
	for _, tt := range []struct {
		name string
		pod  *corev1.Pod
		port uint16
		sni  string
		want string
	}{
		{"the only one", pods[0], 8443, "", "one"},
		{"another port", pods[0], 9, "", ""},
		{"two of them", pods[1], 8443, "", ""},
		{"two of them, and the client asked for one", pods[1], 8443, "db." + ns + ".svc.cluster.local", "db"},
		{"two of them, and the client asked for another namespace's", pods[1], 8443, "db.other.svc.cluster.local", ""},
	} {
		if got := service(tt.pod, tt.port, tt.sni); got != tt.want {
			w.t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := n.Stats().Requests[Request{"endpointslices", "ok"}]; got != 1 {
		w.t.Errorf("the endpoints of one namespace were asked for %d times", got)
	}
}

func (w *world) testNodes() {
	w.Node(w.t, "bare-metal", "192.0.2.50", "2001:db8::50")
	w.Pod(w.t, cluster.Pod{Namespace: "kube-system", Name: "cni-1", Node: "busy", HostNetwork: true, HostIP: "192.0.2.60"})
	w.Pod(w.t, cluster.Pod{Namespace: "kube-system", Name: "proxy-1", Node: "busy", HostNetwork: true, HostIP: "192.0.2.60"})
	n := w.names("nowhere")
	check(w.t, "of pods that use it", &event.K8s{Node: "busy"}, server(n, "192.0.2.60"))
	if got := n.Stats().Requests[Request{"nodes", "ok"}]; got != 0 {
		w.t.Errorf("nodes were listed %d times for what pods tell", got)
	}
	check(w.t, "of nothing but the node", &event.K8s{Node: "bare-metal"}, server(n, "192.0.2.50"))
	check(w.t, "its second", &event.K8s{Node: "bare-metal"}, server(n, "2001:db8::50"))
	check(w.t, "nobody's", nil, server(n, "198.51.100.1"))
	if got := n.Stats().Requests[Request{"nodes", "ok"}]; got != 1 {
		w.t.Errorf("nodes were listed %d times", got)
	}
}

func (w *world) testDualStack() {
	ns := w.namespace()
	w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "remote", Node: "there", IPs: []string{"10.244.2.1", "2001:db8:2::1"}})
	w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "local", Node: "dual", IPs: []string{"10.244.2.2", "2001:db8:2::2"}})
	n := w.names("dual")
	for _, tt := range []struct{ addr, want string }{
		{"10.244.2.1", "remote"}, {"2001:db8:2::1", "remote"}, {"2001:db8:2::2", "local"}, {"10.244.2.2", "local"},
	} {
		if got := server(n, tt.addr); got == nil || got.Pod != tt.want {
			w.t.Errorf("%s is named %+v", tt.addr, got)
		}
	}
}

func (w *world) testReuse() {
	ns, addr := w.namespace(), "10.244.1.1"
	hourAgo := time.Now().Add(-time.Hour)
	first := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "first", Node: "there", IPs: []string{addr}, Started: hourAgo})
	clock := newClock()
	n := w.names("nowhere", func(o *Options) { o.Now = clock.now })
	late := w.names("nowhere")
	if got := server(n, addr); got == nil || got.Pod != "first" {
		w.t.Fatalf("the first is named %+v", got)
	}
	before := time.Now()
	w.Delete(w.t, first)
	time.Sleep(1100 * time.Millisecond) // Kubernetes has times in seconds
	w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "second", Node: "there", IPs: []string{addr}})
	clock.forward(freshAtFirst + time.Second)
	after := time.Now().Add(time.Second)
	eventually(w.t, "the second is named", func() bool {
		got := serverAt(n, addr, after)
		return got != nil && got.Pod == "second"
	})
	if got := serverAt(n, addr, before.Add(-time.Minute)); got == nil || got.Pod != "first" {
		w.t.Errorf("an event of before is of %+v", got)
	}
	if got := serverAt(late, addr, before); got != nil {
		w.t.Errorf("asked too late, an event of before is of %+v", got)
	}
	if got := serverAt(late, addr, after); got == nil || got.Pod != "second" {
		w.t.Errorf("an event of now is of %+v", got)
	}
}

func (w *world) testEnded() {
	ns, addr := w.namespace(), "10.244.1.2"
	start := time.Now().Add(-time.Hour)
	p := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "job", Node: "there", IPs: []string{addr}, Started: start})
	w.End(w.t, p, corev1.PodSucceeded)
	n := w.names("nowhere")
	for _, tt := range []struct {
		name string
		at   time.Time
		want string
	}{
		{"while it ran", time.Now().Add(-time.Minute), "job"},
		{"before it was there", start.Add(-time.Minute), ""},
		{"after it had ended", time.Now().Add(time.Minute), ""},
	} {
		got := serverAt(n, addr, tt.at)
		if (got == nil) != (tt.want == "") || got != nil && got.Pod != tt.want {
			w.t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
	}
}

func (w *world) testReuseHere() {
	ns, addr := w.namespace(), "10.244.1.3"
	first := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "first", Node: "reuse", IPs: []string{addr}, Started: time.Now().Add(-time.Hour)})
	n := w.names("reuse")
	before := time.Now()
	w.Delete(w.t, first)
	eventually(w.t, "the first is gone", func() bool { return n.Stats().Pods == 0 })
	time.Sleep(1100 * time.Millisecond)
	w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "second", Node: "reuse", IPs: []string{addr}})
	eventually(w.t, "the second is there", func() bool {
		got := serverAt(n, addr, time.Now().Add(time.Second))
		return got != nil && got.Pod == "second"
	})
	if got := serverAt(n, addr, before); got == nil || got.Pod != "first" {
		w.t.Errorf("an event of before is of %+v", got)
	}
	if got := n.OfCgroup(w.cgroupOf(first, first.Status.ContainerStatuses[0].ContainerID)); got == nil || got.Pod != "first" {
		w.t.Errorf("the cgroup of a pod that was deleted is of %+v", got)
	}
}

func (w *world) testWatch() {
	ns := w.namespace()
	n := w.names("watched")
	var specs []cluster.Pod
	for i := range 300 {
		specs = append(specs, cluster.Pod{Node: []string{"watched", "other"}[i%2]})
	}
	all := w.Workload(w.t, cluster.Workload{Kind: cluster.StatefulSet, Namespace: ns, Name: "many", Pods: specs})
	eventually(w.t, "150 pods of this node are known", func() bool { return n.Stats().Pods == 150 })
	for i, p := range all {
		got := server(n, p.Status.PodIP)
		if got == nil || got.Pod != p.Name || got.Workload != "many" || got.Node != specs[i].Node {
			w.t.Fatalf("%s is named %+v", p.Name, got)
		}
	}
	w.Delete(w.t, all[0])
	eventually(w.t, "149 pods of this node are known", func() bool { return n.Stats().Pods == 149 })
}

func (w *world) testAbsent() {
	clock := newClock()
	n := w.names("nowhere", func(o *Options) { o.Now = clock.now })
	for range 100 {
		check(w.t, "nobody", nil, server(n, "198.51.100.7"))
	}
	asked := func() uint64 { return n.Stats().Requests[Request{"pods", "ok"}] }
	if got := asked(); got != 1 {
		w.t.Errorf("nobody's address was asked for %d times", got)
	}
	clock.forward(absentAtFirst + time.Second)
	check(w.t, "nobody, later", nil, server(n, "198.51.100.7"))
	clock.forward(absentAtFirst + time.Second) // it is good for twice as long now
	check(w.t, "nobody, still later", nil, server(n, "198.51.100.7"))
	if got := asked(); got != 2 {
		w.t.Errorf("nobody's address was asked for %d times", got)
	}
	for _, addr := range []string{"127.0.0.1", "::1", "0.0.0.0", "169.254.1.1", "224.0.0.1", "fe80::1"} {
		check(w.t, addr, nil, server(n, addr))
	}
	if got := asked(); got != 2 {
		w.t.Error("addresses that cannot be a pod's were asked for")
	}
}

func (w *world) testSingleFlight() {
	p := w.Pod(w.t, cluster.Pod{Namespace: w.namespace(), Name: "popular", Node: "there"})
	n := w.names("nowhere")
	const events = 200
	named := make(chan *event.K8s, events)
	for range events {
		go func() { named <- server(n, p.Status.PodIP) }()
	}
	for range events {
		if got := <-named; got == nil || got.Pod != "popular" {
			w.t.Fatalf("it is named %+v", got)
		}
	}
	if got := n.Stats().Requests[Request{"pods", "ok"}]; got != 1 {
		w.t.Errorf("%d searches for one address", got)
	}
}

func (w *world) testWait() {
	n := w.names("nowhere", func(o *Options) { o.Wait, o.QPS, o.Burst = 50*time.Millisecond, 0.001, 1 })
	server(n, "198.51.100.8") // takes the only request that there is
	slow := func() time.Duration {
		start := time.Now()
		server(n, "198.51.100.9")
		return time.Since(start)
	}
	if got := slow(); got < 50*time.Millisecond || got > 5*time.Second {
		w.t.Errorf("the first waited %s, want 50 ms", got)
	}
	fastest := time.Hour
	for range 20 {
		fastest = min(fastest, slow())
	}
	if fastest > 10*time.Millisecond {
		w.t.Errorf("later ones wait too, %s at the least", fastest)
	}
	if got := n.Stats(); got.Late == 0 || got.Waiting == 0 {
		w.t.Errorf("that is not counted: %+v", got)
	}
}
