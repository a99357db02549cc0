package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestCluster(t *testing.T) {
	c := Start(t)
	t.Run("serves the version in server/go.mod", c.testVersion)
	t.Run("gives each user its own rights", c.testUsers)
	t.Run("issues tokens to service accounts", c.testServiceAccount)
	t.Run("goes by each of many grants when it returns", c.testGrants)
	t.Run("records who asked for what", c.testRequests)
	t.Run("installs Istio's CRDs", c.testCRDs)
	t.Run("makes what controllers would", c.testWorkloads)
	t.Run("makes what kubelet would", c.testPods)
	t.Run("makes services, endpoints and nodes", c.testNetwork)
	t.Run("keeps data and address when the API server is killed", func(t *testing.T) {
		c.testSurvives(t, "api-killed", func() { c.KillAPIServer(t); c.StartAPIServer(t) })
	})
	t.Run("keeps data and address when the API server is stopped", func(t *testing.T) {
		c.testSurvives(t, "api-stopped", func() { c.StopAPIServer(t); c.StartAPIServer(t) })
	})
	t.Run("keeps data when etcd is killed", func(t *testing.T) {
		c.testSurvives(t, "etcd-killed", func() { c.KillEtcd(t); c.StartEtcd(t) })
	})
	t.Run("answers nothing while it is paused", c.testPause)
}

func (c *Cluster) testVersion(t *testing.T) {
	r, err := readRelease()
	must(t, err)
	version, err := c.Client.Discovery().ServerVersion()
	must(t, err)
	if version.GitVersion != r.version {
		t.Errorf("the server says %s, want %s", version.GitVersion, r.version)
	}
}

var readPods = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}

func (c *Cluster) testUsers(t *testing.T) {
	agent := clientOf(t, c.ConfigOf(Agent))
	if _, err := listPods(t.Context(), agent); !apierrors.IsForbidden(err) {
		t.Errorf("the agent without rights lists pods: %v", err)
	}
	c.Grant(t, User(Agent), readPods)
	_, err := listPods(t.Context(), agent)
	must(t, err)
	if _, err := agent.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the agent lists nodes, which it was not granted: %v", err)
	}
	config := c.ConfigOf("stranger")
	if _, err := listPods(t.Context(), clientOf(t, config)); !apierrors.IsUnauthorized(err) {
		t.Errorf("a user without a token lists pods: %v", err)
	}
}

func (c *Cluster) testServiceAccount(t *testing.T) {
	account := clientOf(t, c.ServiceAccount(t, "default", "reader"))
	if _, err := listPods(t.Context(), account); !apierrors.IsForbidden(err) {
		t.Errorf("an account without rights lists pods: %v", err)
	}
	c.Grant(t, Account("default", "reader"), readPods)
	_, err := listPods(t.Context(), account)
	must(t, err)
}

// testGrants uses each right at once, over a connection that is open, as often as it takes to see the authorizer lag behind.
func (c *Cluster) testGrants(t *testing.T) {
	const accounts = 100
	for i := range accounts {
		name := fmt.Sprintf("reader-%d", i)
		account := clientOf(t, c.ServiceAccount(t, "default", name))
		if _, err := listPods(t.Context(), account); !apierrors.IsForbidden(err) {
			t.Fatalf("an account without rights lists pods: %v", err)
		}
		c.Grant(t, Account("default", name), readPods)
		if _, err := listPods(t.Context(), account); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func (c *Cluster) testRequests(t *testing.T) {
	agent := clientOf(t, c.ConfigOf(Agent))
	_, err := agent.CoreV1().Secrets("audited").Get(t.Context(), "nothing", metav1.GetOptions{})
	if !apierrors.IsForbidden(err) {
		t.Fatal(err)
	}
	eventually(t, func() error {
		for _, r := range c.Requests(t) {
			if r.User == Agent && r.Verb == "get" && r.Resource == "secrets" && r.Code == 403 && r.URI == "/api/v1/namespaces/audited/secrets/nothing" {
				return nil
			}
		}
		return context.DeadlineExceeded
	})
	for _, r := range c.Requests(t) {
		if r.User == Admin {
			t.Errorf("what the test prepared is recorded: %+v", r)
		}
	}
}

func (c *Cluster) testCRDs(t *testing.T) {
	c.CRDs(t)
	objects, err := Objects([]byte(`{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default}, spec: {mtls: {mode: STRICT}}}`))
	must(t, err)
	if _, err := c.Create(t.Context(), objects[0]); err != nil {
		t.Error(err)
	}
	objects[0].SetName("wrong")
	objects[0].Object["spec"] = map[string]any{"mtls": map[string]any{"mode": "LOOSE"}}
	if _, err := c.Create(t.Context(), objects[0]); !apierrors.IsInvalid(err) {
		t.Errorf("Istio's schema accepts the mode LOOSE: %v", err)
	}
}

func (c *Cluster) testSurvives(t *testing.T, name string, restart func()) {
	host := c.Config.Host
	before := c.Workload(t, Workload{Kind: Deployment, Name: name})[0]
	restart()
	if c.Config.Host != host {
		t.Errorf("the address is %s, was %s", c.Config.Host, host)
	}
	eventually(t, func() error {
		after, err := c.Client.CoreV1().Pods("default").Get(t.Context(), before.Name, metav1.GetOptions{})
		if err == nil && (after.UID != before.UID || after.Status.PodIP != before.Status.PodIP) {
			t.Errorf("the pod is %s %s, was %s %s", after.UID, after.Status.PodIP, before.UID, before.Status.PodIP)
		}
		return err
	})
}

func (c *Cluster) testPause(t *testing.T) {
	c.PauseAPIServer(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := listPods(ctx, c.Client)
	c.ResumeAPIServer(t)
	if err == nil {
		t.Error("a paused API server answers")
	}
	eventually(t, func() error { _, err := listPods(t.Context(), c.Client); return err })
}

func clientOf(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	must(t, err)
	return client
}

func listPods(ctx context.Context, client kubernetes.Interface) (*corev1.PodList, error) {
	return client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
}

// eventually waits for what the servers do by themselves.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(serverTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}
