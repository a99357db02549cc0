package agent_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// outage is an agent, a client pod on its node, and servers elsewhere.
type outage struct {
	t        *testing.T
	c        *cluster.Cluster
	n        *node
	net      network
	pod      *corev1.Pod
	outside  string // cgroup of the servers
	servers  int    // that were asked so far
	made     int    // handshakes
	lastPort int
}

const outageServers = 6

func newOutage(t *testing.T, grant bool) *outage {
	t.Helper()
	o := &outage{t: t, n: newNode(t), c: cluster.Start(t), lastPort: 8000}
	if grant {
		o.c.Grant(t, cluster.User(cluster.Agent), rules...)
	}
	o.outside = newNode(t).dir
	var servers []string
	for i := range outageServers {
		ip := fmt.Sprintf("10.246.2.%d", i+1)
		servers = append(servers, ip+"/16")
		o.c.Pod(t, cluster.Pod{Namespace: "default", Name: fmt.Sprintf("server-%d", i+1), Node: "node-2", IPs: []string{ip}})
	}
	o.pod = o.c.Pod(t, cluster.Pod{Namespace: "default", Name: "client", Node: "node-1", IPs: []string{"10.246.1.1"}})
	o.net = newNetwork(t, []string{"10.246.1.1/16"}, servers)
	return o
}

func (o *outage) agent(flags ...string) *agent {
	o.t.Helper()
	return startAgent(o.t, o.n, append(onKubernetes(o.t, o.c, "node-1"), flags...)...)
}

// fail makes handshakes fail with the next server, which nobody has asked for yet, and returns its address.
func (o *outage) fail(handshakes int) (ip string) {
	o.t.Helper()
	o.servers++
	ip = fmt.Sprintf("10.246.2.%d", o.servers)
	o.again(ip, handshakes)
	return ip
}

func (o *outage) again(ip string, handshakes int) {
	o.t.Helper()
	o.lastPort++
	o.made += handshakes
	server := startPeer(o.t, o.outside, o.net.server, "refuse", fmt.Sprintf("%s:%d", ip, o.lastPort))
	startPeer(o.t, o.n.containerCgroup(o.pod, 0), o.net.client, "hello", server.address, "500", "10.246.1.1").make(handshakes)
}

// allTold waits until every failure is in the log, and makes sure that none is there twice.
func (o *outage) allTold(a *agent) {
	o.t.Helper()
	a.eventually(fmt.Sprintf("all %d failures are told", o.made), func() bool { return len(a.told(failed)) >= o.made })
	if n := len(a.told(failed)); n != o.made {
		o.t.Fatalf("%d failures are told, and %d were made", n, o.made)
	}
}

// named counts the failures that were told with this server's name.
func named(a *agent, ip string) int {
	n := 0
	for _, e := range a.told(failed) {
		if e.Server.Addr.String() == ip && e.Server.K8s != nil && e.Server.K8s.Pod == "server-"+ip[strings.LastIndex(ip, ".")+1:] {
			n++
		}
	}
	return n
}

func synced(a *agent) func() bool {
	return func() bool { _, body := a.get("/readyz"); return strings.Contains(body, `"pods":"synced"`) }
}

func TestOutageOfTheClusterLosesNoEvent(t *testing.T) {
	for name, outage := range map[string]struct{ begin, end func(*outage) }{
		"API server killed": {func(o *outage) { o.c.KillAPIServer(o.t) }, func(o *outage) { o.c.StartAPIServer(o.t) }},
		"API server hangs":  {func(o *outage) { o.c.PauseAPIServer(o.t) }, func(o *outage) { o.c.ResumeAPIServer(o.t) }},
		"etcd killed":       {func(o *outage) { o.c.KillEtcd(o.t) }, func(o *outage) { o.c.StartEtcd(o.t) }},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutage(t, true)
			a := o.agent()
			a.eventually("the pods are known", synced(a))
			known := o.fail(1)
			a.eventually("a server is named", func() bool { o.again(known, 1); return named(a, known) > 0 })
			o.allTold(a)
			before := o.made

			outage.begin(o)
			o.fail(200)
			o.allTold(a)
			for _, e := range a.told(failed)[before:] {
				if e.Client.K8s == nil || e.Client.K8s.Pod != "client" {
					t.Fatalf("the pod of this node is no longer named: %+v", e.Client.K8s)
				}
			}
			for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusOK} {
				if status, body := a.get(path); status != want {
					t.Errorf("%s answers %d %s", path, status, body)
				}
			}
			outage.end(o)
			unknown := o.fail(1)
			a.eventually("names come again", func() bool { o.again(unknown, 1); return named(a, unknown) > 0 })
			if code := a.end(syscall.SIGTERM); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestWithoutRightsEventsComeWithoutNames(t *testing.T) {
	o := newOutage(t, false)
	a := o.agent()
	if status, body := a.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"pods":"waiting"`) {
		t.Errorf("at first /readyz answers %d %s", status, body)
	}
	o.fail(100)
	o.allTold(a)
	if got := a.metric("tlstrace_kubernetes_requests_total", `result="forbidden"`); got == 0 || got > 50 {
		t.Errorf("%v requests were forbidden, want some and not many", got)
	}
	a.eventually("it is ready without the pods", func() bool {
		status, body := a.get("/readyz")
		return status == http.StatusOK && strings.Contains(body, `"pods":"degraded"`)
	})
	o.c.Grant(t, cluster.User(cluster.Agent), rules...)
	a.eventually("the pods are known once it may ask", synced(a))
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTooManyRequestsAreFewer(t *testing.T) {
	o := newOutage(t, true)
	front := newFront(t, o.c)
	a := startAgent(t, o.n, append(onKubernetes(t, o.c, "node-1"), "--kubeconfig", front.kubeconfig)...)
	a.eventually("the pods are known", synced(a))
	front.busy.Store(true)
	before := a.metric("tlstrace_kubernetes_requests_total")
	for range outageServers {
		o.fail(40)
	}
	o.allTold(a)
	if got := a.metric("tlstrace_kubernetes_requests_total", `result="limited"`); got == 0 {
		t.Error("that the API server said so is not counted")
	}
	if after := a.metric("tlstrace_kubernetes_requests_total"); after-before > 20 {
		t.Errorf("%v requests were made for %d servers while the API server said that there are too many", after-before, outageServers)
	}
	front.busy.Store(false)
	a.eventually("names come again", func() bool { o.again("10.246.2.1", 1); return named(a, "10.246.2.1") > 0 })
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// front is in front of the API server, as a load balancer is, and can say that there are too many requests. The server itself cannot be
// brought to say so for sure: a priority level without seats still serves one request at a time.
type front struct {
	kubeconfig string
	busy       atomic.Bool
}

func newFront(t *testing.T, c *cluster.Cluster) *front {
	t.Helper()
	config := c.ConfigOf(cluster.Agent)
	transport, err := rest.TransportFor(config)
	must(t, err)
	target, err := url.Parse(config.Host)
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, FlushInterval: -1,
	}
	f := &front{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if f.busy.Load() {
			rw.Header().Set("Retry-After", "1")
			http.Error(rw, "too many requests", http.StatusTooManyRequests)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // the agent's watches
	f.kubeconfig = c.KubeconfigOf(t, &rest.Config{Host: server.URL})
	return f
}

func TestTokenReviewDecidesWhoReadsEvents(t *testing.T) {
	o := newOutage(t, true)
	o.c.Grant(t, cluster.User(cluster.Agent), reviewRules...)
	a := o.agent("--auth", "tokenreview", "--pprof")
	reader, stranger := o.c.ServiceAccount(t, "default", "reader"), o.c.ServiceAccount(t, "default", "stranger")
	late := o.c.ServiceAccount(t, "default", "late")
	for _, account := range []string{"reader", "late"} {
		o.c.Grant(t, cluster.Account("default", account), rbacv1.PolicyRule{NonResourceURLs: []string{"/v1/events"}, Verbs: []string{"get"}})
	}
	ask := func(path string, as *rest.Config) int {
		header := ""
		if as != nil {
			header = "Bearer " + as.BearerToken
		}
		status, _ := a.get(path, "Authorization", header)
		return status
	}
	const events = "/v1/events?follow=false"
	for name, c := range map[string]struct {
		path string
		as   *rest.Config
		want int
	}{
		"nobody":                     {events, nil, http.StatusUnauthorized},
		"a token of nobody":          {events, &rest.Config{BearerToken: "nobody"}, http.StatusUnauthorized},
		"an account without a role":  {events, stranger, http.StatusForbidden},
		"a role for the events":      {events, reader, http.StatusOK},
		"a role for the events only": {"/debug/pprof/", reader, http.StatusForbidden},
		"metrics are for everybody":  {"/metrics", nil, http.StatusOK},
	} {
		if got := ask(c.path, c.as); got != c.want {
			t.Errorf("%s: answered %d, want %d", name, got, c.want)
		}
	}
	o.c.KillAPIServer(t)
	if got := ask(events, reader); got != http.StatusOK {
		t.Errorf("a token that was reviewed just now: answered %d", got)
	}
	if got := ask(events, late); got != http.StatusServiceUnavailable {
		t.Errorf("a token that nobody can review: answered %d", got)
	}
	if log := strings.Join(a.logLines(), "\n"); strings.Contains(log, reader.BearerToken) || strings.Contains(log, "token-of-") {
		t.Error("a token is in the log")
	}
}
