package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/tlstrace/tlstrace/event"
)

// agentRules are what the agent needs to name pods, and nothing else.
var agentRules = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}},
	{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}},
	{APIGroups: []string{"apps"}, Resources: []string{"replicasets"}, Verbs: []string{"get"}},
	{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"get"}},
}

// runningAgent is tlstrace agent, which traces one machine.
type runningAgent struct {
	*process
	address string // of its metrics, health and stream
}

// startAgent starts an agent on a machine and waits until it is ready.
func (c *Cluster) startAgent(m *machine, program string) *runningAgent {
	m.t.Helper()
	a := &runningAgent{process: m.start(m.name+"-agent", program, "agent", "--kubeconfig", c.KubeconfigOf(m.t, c.ConfigOf(Agent)),
		"--node", m.name, "--cgroup", m.cgroup, "--listen", "127.0.0.1:0", "--fold", "0s", "--no-libraries")}
	eventually(m.t, func() error {
		if !a.running() {
			m.t.Fatalf("the agent has ended:\n%s", a.tail())
		}
		if a.address = a.serving(); a.address == "" {
			return errors.New("the agent does not serve")
		}
		return get(m.t.Context(), http.DefaultClient, "http://"+a.address+"/readyz")
	})
	return a
}

// lines are those that the agent wrote so far, its own messages included.
func (a *runningAgent) lines() []string {
	b, err := os.ReadFile(a.log)
	if err != nil {
		return nil // eventually is what reports it
	}
	return strings.Split(string(b), "\n")
}

func (a *runningAgent) serving() string {
	for _, line := range a.lines() {
		var m struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &m) == nil && m.Msg == "serving" {
			return m.Address
		}
	}
	return ""
}

// ends are what an event says about both sides.
type ends struct {
	Client, Server struct {
		Addr string
		Port int
		K8s  *event.K8s
	}
}

// events returns what the agent logged about connections to a port.
func (a *runningAgent) events(port int) []ends {
	var all []ends
	for _, line := range a.lines() {
		var e struct {
			Outcome string
			ends
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Outcome == "failed" && e.Server.Port == port {
			all = append(all, e.ends)
		}
	}
	return all
}

// next waits for one more event than there were.
func (a *runningAgent) next(t *testing.T, port, after int) ends {
	t.Helper()
	var all []ends
	eventually(t, func() error {
		if all = a.events(port); len(all) > after {
			return nil
		}
		return fmt.Errorf("the agent has logged %d events about port %d:\n%s", len(all), port, a.tail())
	})
	return all[after]
}

// build makes a program of this module.
func build(t *testing.T, pkg string) string {
	t.Helper()
	root, err := moduleRoot()
	must(t, err)
	binary := filepath.Join(t.TempDir(), filepath.Base(pkg))
	run(t, "go", "build", "-C", root, "-o", binary, pkg)
	return binary
}
