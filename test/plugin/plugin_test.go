package plugin_test

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/cluster"
)

// The rules of docs/kubectl.md: what each part of the plugin takes.
var (
	look    = rule("", "list", "pods", "nodes")
	forward = rule("", "create", "pods/portforward")
	token   = rule("", "create", "serviceaccounts/token")
	proxy   = rule("", "get", "pods/proxy")
)

func rule(group, verb string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{verb}}
}

// agentRules are what docs/agent.md says that an agent needs, and what lets it read its own events.
var agentRules = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}},
	{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}},
	{APIGroups: []string{"apps"}, Resources: []string{"replicasets"}, Verbs: []string{"get"}},
	{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"get"}},
	{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
	{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}},
	{NonResourceURLs: []string{"/v1/events"}, Verbs: []string{"get"}},
}

// stage is three nodes with agents, a fourth without, and a client and a server on each of the first two.
type stage struct {
	*world
	t                *testing.T // agents live as long as this
	nodes            []*node
	checkout, orders *workload // clients on nodes 1 and 3
	payments         *workload // a server on node 2
	flags            []string  // of agents
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{world: newWorld(t), t: t}
	s.Namespace(t, "tlstrace", nil)
	s.Namespace(t, "shop", nil)
	account := s.ServiceAccount(t, "tlstrace", "tlstrace")
	s.Grant(t, cluster.Account("tlstrace", "tlstrace"), agentRules...)
	s.flags = []string{"--kubernetes", "on", "--kubeconfig", s.kubeconfig(t, account, "https://"+s.relay)}
	for i := 1; i <= 4; i++ {
		s.nodes = append(s.nodes, s.node(t, i))
	}
	s.checkout, s.orders = s.nodes[0].workload(t, "checkout", 10), s.nodes[2].workload(t, "orders", 10)
	s.payments = s.nodes[1].workload(t, "payments", 10)
	startServer(t, s.payments)
	for i, n := range s.nodes[:3] {
		n.agentPod(t, "tlstrace-"+[]string{"aaaaa", "bbbbb", "ccccc"}[i])
		n.startAgent(t, s.agentFlags(i)...)
	}
	return s
}

// agentFlags let the agents of the first two nodes ask for tokens, as the chart does, and that of the third nobody.
func (s *stage) agentFlags(i int) []string {
	if i == 2 {
		return append(slices.Clone(s.flags), "--auth", "none")
	}
	return s.flags
}

// user makes a user with rights, and returns the path of a kubeconfig.
func (s *stage) user(t *testing.T, name string, rules ...rbacv1.PolicyRule) string {
	t.Helper()
	config := s.ServiceAccount(t, "default", name)
	if len(rules) > 0 {
		s.Grant(t, cluster.Account("default", name), rules...)
	}
	return s.configOf(t, config)
}

func (s *stage) configOf(t *testing.T, config *rest.Config) string {
	t.Helper()
	return s.kubeconfig(t, config, config.Host)
}

// run starts the plugin.
func run(t *testing.T, kubeconfig string, args ...string) *process {
	t.Helper()
	return start(t, "", []string{"KUBECONFIG=" + kubeconfig}, append([]string{program("kubectl-tlstrace")}, args...)...)
}

// events are what a process with -o json has shown.
func events(t *testing.T, p *process) []event.Event {
	t.Helper()
	var all []event.Event
	for line := range strings.Lines(p.out.String()) {
		if !strings.HasSuffix(line, "\n") {
			break // half of one
		}
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Schema != event.Schema {
			t.Fatalf("%v: %q", err, line)
		}
		all = append(all, e)
	}
	return all
}

func TestPlugin(t *testing.T) {
	s := newStage(t)
	sre := s.user(t, "sre", look, forward, token)
	t.Run("one event per failure, also over restarts", func(t *testing.T) { s.follow(t, sre) })
	t.Run("top", func(t *testing.T) { s.top(t, sre) })
	t.Run("explain", func(t *testing.T) { s.explain(t, sre) })
	t.Run("filters", func(t *testing.T) { s.filters(t, sre) })
	t.Run("by the pod proxy", func(t *testing.T) { s.byProxy(t) })
	t.Run("rights", func(t *testing.T) { s.rights(t) })
	t.Run("ad hoc", func(t *testing.T) { s.adHoc(t) })
}

// follow kills an agent, and lets another pod take the place of one, while failures go on.
func (s *stage) follow(t *testing.T, kubeconfig string) {
	checkout, orders := startClient(t, s.checkout, s.payments), startClient(t, s.orders, s.payments)
	p := run(t, kubeconfig, "watch", "-o", "json")
	p.prints(p.err, "following 3 of 4 nodes (by port-forward); not seen: node-4: no agent")
	came := func(n int) {
		t.Helper()
		eventually(t, "events are shown", func() bool { return len(events(t, p)) >= n }, p.state)
	}
	checkout.make(5)
	orders.make(3)
	came(8)
	for _, e := range events(t, p) {
		joined(t, e)
	}

	second := s.nodes[1]
	second.agent.end(syscall.SIGKILL)
	p.prints(p.err, "node node-2: its agent tlstrace/tlstrace-bbbbb is gone")
	checkout.make(1)
	came(9)
	if e := events(t, p)[8]; e.ObservedFrom != event.FromClient || e.Client.K8s == nil || e.Client.K8s.Workload != "checkout" {
		t.Errorf("without the agent of the server: seen from %s, client %+v", e.ObservedFrom, e.Client.K8s)
	}
	second.startAgent(s.t, s.agentFlags(1)...)
	p.prints(p.err, "node node-2: its agent tlstrace/tlstrace-bbbbb is back, by port-forward")
	checkout.make(2)
	came(11)

	third := s.nodes[2]
	third.agent.end(syscall.SIGTERM)
	now := int64(0)
	must(t, s.Client.CoreV1().Pods("tlstrace").Delete(t.Context(), "tlstrace-ccccc", metav1.DeleteOptions{GracePeriodSeconds: &now}))
	third.agentPod(t, "tlstrace-ddddd")
	third.startAgent(s.t, s.agentFlags(2)...)
	p.prints(p.err, "node node-3: tlstrace/tlstrace-ddddd takes the place of tlstrace/tlstrace-ccccc")
	orders.make(2)
	came(13)
	if code := p.end(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.all(t, p)
}

// all looks at everything that was shown: each connection once, and what came after a restart from both ends again.
func (s *stage) all(t *testing.T, p *process) {
	t.Helper()
	seen := map[string]bool{}
	all := events(t, p)
	for i, e := range all {
		if seen[e.ID] {
			t.Errorf("told twice: %s", e.ID)
		}
		seen[e.ID] = true
		if i > 8 {
			joined(t, e)
		}
	}
	if len(all) != 13 {
		t.Errorf("%d events for 13 failures\n%s", len(all), p.state())
	}
	if !strings.Contains(p.err.String(), "13 failed") {
		t.Errorf("the summary does not tell of 13 failures: %s", p.err)
	}
}

// joined is what an event of both ends has to tell. Which pod is on the other node an agent may not know yet; its own it does.
func joined(t *testing.T, e event.Event) {
	t.Helper()
	c, s := e.Client.K8s, e.Server.K8s
	switch {
	case e.ObservedFrom != event.FromBoth:
		t.Errorf("seen from %s: %s", e.ObservedFrom, e.ID)
	case c == nil || s == nil || c.Workload != "checkout" && c.Workload != "orders" || s.Workload != "payments":
		t.Errorf("client %+v, server %+v", c, s)
	case c.Node == s.Node || s.Node != "node-2":
		t.Errorf("on %s and %s", c.Node, s.Node)
	case e.Client.Process == nil || e.Server.Process == nil:
		t.Errorf("client %+v, server %+v", e.Client.Process, e.Server.Process)
	case e.Verdict.Layer != event.LayerCertificate || e.Verdict.GaveUp != event.Client:
		t.Errorf("verdict %+v", e.Verdict)
	}
}

func (s *stage) top(t *testing.T, kubeconfig string) {
	p := run(t, kubeconfig, "top", "--once", "-o", "json")
	if code := p.wait(); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.state())
	}
	var got struct {
		Schema string
		Rows   []struct {
			Client, Server, Reason string
			Failures               int
		}
		Nodes, Unseen map[string]string
	}
	must(t, json.Unmarshal([]byte(p.out.String()), &got))
	counts := map[string]int{}
	for _, r := range got.Rows {
		counts[r.Client+" "+r.Server] += r.Failures
	}
	if got.Schema != "tlstrace.top/v1" || counts["shop/checkout shop/payments"] != 8 || counts["shop/orders shop/payments"] != 5 || len(counts) != 2 ||
		len(got.Nodes) != 3 || got.Unseen["node-4"] != "no agent" {
		t.Errorf("got %s", p.out)
	}
	if p = run(t, kubeconfig, "top", "--once"); p.wait() != 0 || strings.Contains(p.out.String(), "\x1b") || !strings.Contains(p.out.String(), "shop/checkout  shop/payments") {
		t.Errorf("got %s", p.state())
	}
	t.Logf("top prints:\n%s", p.out)
	live := run(t, kubeconfig, "top", "--interval", "200ms")
	eventually(t, "the table is printed anew", func() bool { return strings.Count(live.out.String(), "shop/orders") > 1 }, live.state)
	if code := live.end(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func (s *stage) explain(t *testing.T, kubeconfig string) {
	p := run(t, kubeconfig, "explain", "--from-workload", "orders", "-o", "json")
	if code := p.wait(); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.state())
	}
	e := events(t, p)[0]
	joined(t, e)
	if e.Client.K8s.Workload != "orders" {
		t.Errorf("explains %s", p.out)
	}
	if p = run(t, kubeconfig, "explain", e.ID[:12]); p.wait() != 0 || !strings.Contains(p.out.String(), "VERDICT") || !strings.Contains(p.out.String(), "orders") {
		t.Errorf("got %s", p.state())
	}
	t.Logf("explain prints:\n%s", p.out)
	if p = run(t, kubeconfig, "explain", "-n", "elsewhere"); p.wait() != 2 || !strings.Contains(p.err.String(), "no recorded event matches") {
		t.Errorf("got %s", p.state())
	}
}

func (s *stage) filters(t *testing.T, kubeconfig string) {
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"another namespace", []string{"-n", "tlstrace"}, 0},
		{"every namespace", []string{"-A"}, 13},
		{"by client", []string{"--from-workload", "orders"}, 5},
		{"by server", []string{"--to-workload", "shop/pay*"}, 13},
		{"by label", []string{"-l", "tier=orders"}, 5},
		{"by layer", []string{"--layer", "certificate"}, 13},
		{"by reason", []string{"--reason", "protocol_version"}, 0},
		{"by node of a client", []string{"--node", "node-3"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := run(t, kubeconfig, append([]string{"top", "--once", "-o", "json"}, c.args...)...)
			if code := p.wait(); code != 0 {
				t.Fatalf("exit code %d: %s", code, p.state())
			}
			var got struct{ Rows []struct{ Failures int } }
			must(t, json.Unmarshal([]byte(p.out.String()), &got))
			n := 0
			for _, r := range got.Rows {
				n += r.Failures
			}
			if n != c.want {
				t.Errorf("%d failures, want %d: %s", n, c.want, p.state())
			}
		})
	}
	p := run(t, kubeconfig, "watch", "--since", "10m", "--count", "2")
	if code := p.wait(); code != 0 || strings.Count(p.out.String(), "payments") < 2 {
		t.Errorf("exit code %d: %s", code, p.state())
	}
	t.Logf("watch prints:\n%s\n%s", p.err, p.out)
}

// byProxy reaches the agent that asks for no token, and says of the others that their token does not come through.
func (s *stage) byProxy(t *testing.T) {
	p := run(t, s.user(t, "proxied", look, proxy), "watch", "-o", "json", "--since", "10m", "--from-workload", "orders", "--count", "5")
	if code := p.wait(); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.state())
	}
	if e := events(t, p)[0]; e.ObservedFrom != event.FromClient {
		t.Errorf("seen from %s", e.ObservedFrom)
	}
	for _, want := range []string{
		"following 1 of 4 nodes (by pod-proxy)", "lets none through: port-forward is needed", "port-forward takes create on pods/portforward",
	} {
		if !strings.Contains(p.err.String(), want) {
			t.Errorf("%q is missing in %s", want, p.err)
		}
	}
}

// rights takes one right after the other away, and reads what the user is told.
func (s *stage) rights(t *testing.T) {
	for _, c := range []struct {
		name, user string
		rules      []rbacv1.PolicyRule
		code       int
		want       string
	}{
		{"none", "nobody", nil, 3, "finding the agents takes list on pods"},
		{"no nodes", "no-nodes", []rbacv1.PolicyRule{rule("", "list", "pods"), forward, token}, 0, "finding nodes without an agent takes list on nodes"},
		{"no way", "no-way", []rbacv1.PolicyRule{look}, 0, "pod-proxy takes get on pods/proxy"},
		{"no token", "no-token", []rbacv1.PolicyRule{look, forward}, 0, "takes create on serviceaccounts/token"},
		{"only what the documentation says", "documented", []rbacv1.PolicyRule{look, forward, token}, 0, "following 3 of 4 nodes (by port-forward)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := run(t, s.user(t, c.user, c.rules...), "watch", "--duration", "1s")
			if code := p.wait(); code != c.code || !strings.Contains(p.err.String(), c.want) {
				t.Errorf("exit code %d, want %d and %q: %s", code, c.code, c.want, p.err)
			}
			t.Logf("%s", p.err)
		})
	}
}
