package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// What the benchmark puts into the API server, and onto the node.
const (
	benchPods  = 10_000
	benchPeers = 500   // of the pods are clients on other nodes
	benchLocal = 100   // are on this node
	benchRate  = 1_000 // failures a second
	podsEach   = 20    // of a workload
)

// BenchmarkAgent measures an agent whose node has a server that refuses real handshakes of 500 pods on other nodes, in a cluster of 10,000
// pods: requests to the API server, memory, and the time from the end of a connection to its line in the log. Every failure is a line
// (--fold 0). b.N is the number of failures:
//
//	go test -run '^$' -bench Agent -benchtime 30000x -timeout 30m ./test/agent
//
// Goals: less than 5 requests a second, less than 60 MB, a p99 below 50 ms.
func BenchmarkAgent(b *testing.B) {
	if b.N == 1 {
		return // the testing package tries out every benchmark
	}
	n, elsewhere := newNode(b), newNode(b)
	c := cluster.Start(b)
	c.Grant(b, cluster.User(cluster.Agent), rules...)
	server, addresses := populate(b, c)
	net := newNetwork(b, prefixed(addresses), []string{"10.247.255.254/16"})
	a := startAgent(b, n, onKubernetes(b, c, "node-0")...)
	a.eventually("the pods are known", synced(a))
	listener := startPeer(b, n.containerCgroup(server, 0), net.server, "refuse", "10.247.255.254:8443")
	args := append([]string{listener.address, strconv.Itoa(benchRate)}, addresses...)
	clients := startPeer(b, elsewhere.cgroup("clients"), net.client, "hello", args...)

	idle := resident(b, a, "VmRSS")
	cpu, begun := cpuTime(b, a), time.Now()
	b.ResetTimer()
	clients.make(b.N)
	b.StopTimer()
	took := time.Since(begun)
	a.eventually("all failures are told", func() bool { return len(a.told(failed)) == b.N })
	scrape := time.Now()
	a.metric("tlstrace_events_total")
	b.ReportMetric(time.Since(scrape).Seconds()*1000, "ms/scrape")
	b.ReportMetric(float64(b.N)/took.Seconds(), "failures/s")
	b.ReportMetric((cpuTime(b, a)-cpu).Seconds()/took.Seconds()*100, "%cpu")
	b.ReportMetric(idle, "MB-idle")
	b.ReportMetric(resident(b, a, "VmRSS"), "MB")
	b.ReportMetric(resident(b, a, "RssAnon"), "MB-private")
	b.ReportMetric(resident(b, a, "VmHWM"), "MB-peak")
	reportDelay(b, a)
	reportRequests(b, c, begun, took)
	if code := a.end(syscall.SIGTERM); code != 0 {
		b.Errorf("exit code %d", code)
	}
}

// populate fills the cluster. It returns the server's pod on this node, and the addresses of the clients elsewhere.
func populate(b *testing.B, c *cluster.Cluster) (server *corev1.Pod, addresses []string) {
	b.Helper()
	var workloads []cluster.Workload
	for i := range benchPods / podsEach {
		w := cluster.Workload{Kind: cluster.Deployment, Namespace: "default", Name: fmt.Sprintf("app-%d", i)}
		for j := range podsEach {
			k := i*podsEach + j
			p := cluster.Pod{Node: fmt.Sprintf("node-%d", 1+k%100), IPs: []string{fmt.Sprintf("10.247.%d.%d", k/250, 1+k%250)}}
			switch {
			case k < benchLocal:
				p.Node = "node-0"
			case len(addresses) < benchPeers && k%2 == 0:
				addresses = append(addresses, p.IPs[0])
			}
			w.Pods = append(w.Pods, p)
		}
		workloads = append(workloads, w)
	}
	begun := time.Now()
	pods := c.Workloads(b, workloads...)
	b.Logf("%d pods made in %s, %d clients", len(pods), time.Since(begun).Round(time.Second), len(addresses))
	return pods[0], addresses
}

func prefixed(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		all = append(all, a+"/16")
	}
	return all
}

// reportDelay tells how long lines took, and how many name the client.
func reportDelay(b *testing.B, a *agent) {
	b.Helper()
	var delays []time.Duration
	known := 0
	for _, e := range a.told(failed) {
		delays = append(delays, e.at.Sub(e.Time))
		if e.Client.K8s != nil && strings.HasPrefix(e.Client.K8s.Workload, "app-") {
			known++
		}
	}
	slices.Sort(delays)
	b.ReportMetric(milliseconds(delays[len(delays)/2]), "ms-p50")
	b.ReportMetric(milliseconds(delays[len(delays)*99/100]), "ms-p99")
	b.ReportMetric(milliseconds(delays[len(delays)-1]), "ms-max")
	b.ReportMetric(float64(known)/float64(len(delays))*100, "%named")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// reportRequests tells what the API server was asked from the first failure on, by its own audit log.
func reportRequests(b *testing.B, c *cluster.Cluster, begun time.Time, took time.Duration) {
	b.Helper()
	during := map[string]int{}
	all := 0
	for _, r := range c.Requests(b) {
		if r.User == cluster.Agent && r.Time.After(begun) {
			during[r.Verb+" "+r.Resource]++
			all++
		}
	}
	b.Logf("requests to the API server: %v", during)
	b.ReportMetric(float64(all)/took.Seconds(), "requests/s")
}

// resident reads a figure of /proc/PID/status, in megabytes.
func resident(b *testing.B, a *agent, key string) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(a.cmd.Process.Pid), "status"))
	must(b, err)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key+":" {
			kilobytes, err := strconv.ParseFloat(f[1], 64)
			must(b, err)
			return kilobytes * 1024 / 1e6
		}
	}
	b.Fatalf("no %s in /proc/PID/status", key)
	return 0
}

// cpuTime is what the agent has used, from /proc/PID/stat (utime and stime, in hundredths of a second).
func cpuTime(b *testing.B, a *agent) time.Duration {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(a.cmd.Process.Pid), "stat"))
	must(b, err)
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, errUser := strconv.Atoi(fields[11])
	system, errSystem := strconv.Atoi(fields[12])
	must(b, errUser)
	must(b, errSystem)
	return time.Duration(user+system) * 10 * time.Millisecond
}
