package kube

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/enrich"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/cluster"
)

// remotePods knows so many pods elsewhere, of 500 Deployments in 50 namespaces on 200 nodes.
func remotePods(n *Names, count int) {
	for i := range count {
		deployment := fmt.Sprint("deployment-with-a-name-", i%500)
		name := fmt.Sprintf("%s-6d4cf56db6-%05d", deployment, i)
		p := aPod(name, ownedBy("apps/v1", "ReplicaSet", deployment+"-6d4cf56db6"), labeled("pod-template-hash", "6d4cf56db6"),
			with(numbered(i).String()), func(p *corev1.Pod) {
				p.Namespace, p.Spec.NodeName = fmt.Sprint("namespace-", i%50), fmt.Sprint("ip-10-0-0-", i%200)
				p.Spec.ServiceAccountName = deployment
			})
		n.remote.keepPods(numbered(i), []*pod{newPod(p, false)})
	}
}

// BenchmarkFill names an event whose ends are both known: a pod of this node by its cgroup, and one elsewhere by its address.
func BenchmarkFill(b *testing.B) {
	root := b.TempDir()
	n := New(Options{Node: "node-1", Containers: enrich.NewContainers(root, "/proc", time.Now), Client: offline(b)})
	_ = n.pods.Add(aPod("here", with("10.200.0.1")))
	remotePods(n, 10000)
	n.slices.keep(intern("namespace-42"), nil)
	fill := func() {
		e := event.Event{Time: time.Now(), Outcome: event.Failed,
			Client: event.Endpoint{Addr: netip.MustParseAddr("10.200.0.1")},
			Server: event.Endpoint{Addr: numbered(42), Port: 443}}
		n.Fill(context.Background(), &e)
		if e.Client.K8s == nil || e.Server.K8s == nil {
			b.Fatalf("it is named %+v, %+v", e.Client.K8s, e.Server.K8s)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fill()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				fill()
			}
		})
	})
}

// TestMemory measures what 10,000 pods elsewhere take.
func TestMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	n := New(Options{Node: "node-1", Client: offline(t)})
	remotePods(n, 10000)
	took := heap() - before
	t.Logf("10,000 pods take %d KB, %d bytes each", took>>10, took/10000)
	if took > 10<<20 {
		t.Errorf("10,000 pods take %d KB", took>>10)
	}
	runtime.KeepAlive(n)
}

// BenchmarkFlood sends 1,000 events a second from 500 peers, 100 of them no pod's, to names with a real API server and 10,000 pods, for
// half a minute. It reports what the API server is asked, and how long events are held up.
func BenchmarkFlood(b *testing.B) {
	const pods, peers, strange, perSecond, seconds = 10000, 500, 100, 1000, 30
	c := cluster.Start(b)
	c.Grant(b, cluster.User(cluster.Agent), rules...)
	all := manyPods(b, c, pods)
	client, err := NewClient(c.ConfigOf(cluster.Agent), "flood")
	if err != nil {
		b.Fatal(err)
	}
	addrs := strangers(strange)
	for i := range peers - strange {
		addrs = append(addrs, all[i*len(all)/(peers-strange)].Status.PodIP)
	}
	for b.Loop() {
		n := New(Options{Client: client, Node: "node-1", Containers: enrich.NewContainers(b.TempDir(), "/proc", time.Now)})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		for !n.Synced() {
			time.Sleep(time.Millisecond)
		}
		began := len(c.Requests(b))
		start := time.Now()
		waits, named := flood(n, addrs, perSecond, seconds)
		asked := c.Requests(b)[began:]
		b.ReportMetric(float64(len(asked))/time.Since(start).Seconds(), "requests/s")
		b.ReportMetric(float64(inLast(asked, 10*time.Second))/10, "requests/s-at-end")
		b.Logf("requests: %v", n.Stats().Requests)
		b.ReportMetric(float64(len(asked)), "requests")
		b.ReportMetric(float64(waits.Microseconds())/1000, "ms-p99")
		b.ReportMetric(named*100, "%named")
		b.ReportMetric(shareNamed(n, addrs[strange:])*100, "%known-at-end")
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			b.Errorf("it stops with %v", err)
		}
	}
}

// inLast counts the requests of the time before now.
func inLast(asked []cluster.Request, d time.Duration) int {
	count := 0
	for _, r := range asked {
		if time.Since(r.Time) <= d {
			count++
		}
	}
	return count
}

// shareNamed is the share of addresses that are named in the end.
func shareNamed(n *Names, addrs []string) float64 {
	named := 0
	for _, addr := range addrs {
		if server(n, addr) != nil {
			named++
		}
	}
	return float64(named) / float64(len(addrs))
}

func manyPods(b *testing.B, c *cluster.Cluster, count int) []*corev1.Pod {
	var workloads []cluster.Workload
	for i := range count / 100 {
		if i%10 == 0 {
			c.Namespace(b, fmt.Sprint("flood-", i/10), nil)
		}
		w := cluster.Workload{Kind: cluster.Deployment, Namespace: fmt.Sprint("flood-", i/10), Name: fmt.Sprint("w", i)}
		for j := range 100 {
			w.Pods = append(w.Pods, cluster.Pod{Node: fmt.Sprint("node-", (i*100+j)%200)})
		}
		workloads = append(workloads, w)
	}
	return c.Workloads(b, workloads...)
}

// flood returns the 99th percentile of how long events were held up, and the share of those of pods that were named.
func flood(n *Names, addrs []string, perSecond, seconds int) (p99 time.Duration, named float64) {
	var running sync.WaitGroup
	took := make([]time.Duration, perSecond*seconds)
	var ok, of atomic.Int64
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := range took {
		<-tick.C
		addr := addrs[i%len(addrs)]
		running.Go(func() {
			start := time.Now()
			got := server(n, addr)
			took[i] = time.Since(start)
			if !strings.HasPrefix(addr, "198.18.") {
				of.Add(1)
				if got != nil {
					ok.Add(1)
				}
			}
		})
	}
	running.Wait()
	return percentile99(took), float64(ok.Load()) / float64(of.Load())
}

func percentile99(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*99/100]
}
