package agent_test

import (
	"encoding/json"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/test/cluster"
	"github.com/tlstrace/tlstrace/test/prometheus"
)

// board is the part of the shipped dashboard that asks.
type board struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
}

func readBoard(t *testing.T) board {
	t.Helper()
	text, err := os.ReadFile("../../deploy/dashboard/tlstrace.json")
	must(t, err)
	var b board
	must(t, json.Unmarshal(text, &b))
	return b
}

// labelValues is how a variable of Grafana asks for what can be chosen.
var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// queries are what Grafana asks Prometheus for a role, all namespaces and all workloads, by the title of the panel or the name of the
// variable.
func (b board) queries(role string) map[string][]string {
	chosen := strings.NewReplacer("$role", role, "$namespace", ".*", "$workload", ".*", "$__rate_interval", "1m", "$__range", "1h")
	all := map[string][]string{}
	for _, p := range b.Panels {
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], chosen.Replace(target.Expr))
		}
	}
	for _, v := range b.Templating.List {
		if q, ok := v.Query.(map[string]any); ok {
			all["$"+v.Name] = []string{chosen.Replace(labelValues.ReplaceAllString(q["query"].(string), "count by ($2) ($1)"))}
		}
	}
	return all
}

// shop is a client and two servers in pods. One server is on another node, whose agent does not run.
type shop struct {
	client, near, far *corev1.Pod
}

func newShop(t *testing.T, c *cluster.Cluster) shop {
	t.Helper()
	c.Grant(t, cluster.User(cluster.Agent), append(rules, reviewRules...)...)
	c.Namespace(t, "shop", nil)
	made := func(name, node, ip string) *corev1.Pod {
		return c.Workload(t, cluster.Workload{Kind: cluster.Deployment, Namespace: "shop", Name: name, Pods: []cluster.Pod{{Node: node, IPs: []string{ip}}}})[0]
	}
	return shop{
		client: made("checkout", "node-1", "10.246.1.1"),
		near:   made("payments", "node-1", "10.246.2.1"),
		far:    made("ledger", "node-2", "10.246.2.2"),
	}
}

// open has the servers listen, and returns a client that visits them all, and a port where nobody listens.
func (s shop) open(t *testing.T, n, elsewhere *node) *peer {
	t.Helper()
	net := newNetwork(t, []string{"10.246.1.1/16"}, []string{"10.246.2.1/16", "10.246.2.2/16"})
	visited := []string{s.near.Status.PodIP + ":1"}
	for _, server := range []struct {
		role, port string
		pod        *corev1.Pod
	}{
		{"accept", ":8443", s.near}, {"refuse", ":8444", s.near}, {"reset", ":8445", s.near}, {"accept", ":8443", s.far}, {"refuse", ":8444", s.far},
	} {
		cgroup := elsewhere.dir
		if server.pod.Spec.NodeName == "node-1" {
			cgroup = n.containerCgroup(server.pod, 0)
		}
		visited = append(visited, startPeer(t, cgroup, net.server, server.role, server.pod.Status.PodIP+server.port).address)
	}
	return startPeer(t, n.containerCgroup(s.client, 0), net.client, "visit", visited...)
}

// hasData says that there is something to draw: zero is, and nothing divided by nothing is not.
func hasData(found []prometheus.Sample) bool {
	return slices.ContainsFunc(found, func(s prometheus.Sample) bool { return !math.IsNaN(s.Number()) })
}

// TestDashboardShowsARealAgent: handshakes succeed and fail between pods, and there is data for every panel and every variable.
func TestDashboardShowsARealAgent(t *testing.T) {
	n, elsewhere, c := newNode(t), newNode(t), cluster.Start(t)
	s := newShop(t, c)
	a := startAgent(t, n, append(onKubernetes(t, c, "node-1"), "--no-libraries=false")...)
	server := prometheus.Start(t, a.url, "", nil)
	visitor := s.open(t, n, elsewhere)
	b := readBoard(t)
	for _, role := range []string{"server", "client"} {
		for title, exprs := range b.queries(role) {
			t.Run(role+"/"+title, func(t *testing.T) {
				for _, expr := range exprs {
					for end := time.Now().Add(patience); !hasData(server.Query(t, expr)); visitor.make(1) { // a series that was not there has no rate
						if time.Now().After(end) {
							t.Fatalf("no data: %s", expr)
						}
					}
				}
			})
		}
	}
}
