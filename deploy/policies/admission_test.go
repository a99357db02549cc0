package policies

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// policyNames are the policies, as their files and their objects are called.
var policyNames = []string{"sidecar-version", "destination-rule", "peer-authentication"}

// cases are the objects that a policy is tried on.
var cases = map[string]func() []testCase{
	"sidecar-version":     sidecarVersions,
	"destination-rule":    destinationRules,
	"peer-authentication": peerAuthentications,
}

// TestAdmission tries the ValidatingAdmissionPolicies on a real API server, with Istio's own custom resource definitions.
func TestAdmission(t *testing.T) {
	c := newMesh(t)
	for _, name := range policyNames {
		c.Apply(t, filepath.Join("admission", name+".yaml"))
	}
	c.Apply(t, filepath.Join("bindings", "enforce.yaml"))
	waitEnforced(t, c)
	for _, name := range policyNames {
		for i, test := range cases[name]() {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				test.object.SetName(fmt.Sprintf("%s-%d", name, i))
				_, err := c.Create(t.Context(), test.object)
				checkVerdict(t, name, err, test.want)
			})
		}
	}
	t.Run("update", func(t *testing.T) { testUpdates(t, c) })
	t.Run("knob", func(t *testing.T) { testKnob(t, c) })
	t.Run("trial", func(t *testing.T) { testTrial(t, c) })
}

// waitEnforced waits until every policy refuses something: the API server learns of policies, bindings and parameters through
// watches of its own.
func waitEnforced(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	probes := []*unstructured.Unstructured{pod("istio/proxyv2:1.26.0"), peer("bank", `mtls: {mode: DISABLE}`), rule("web", "*", `trafficPolicy: {tls: {mode: DISABLE}}`)}
	for i, probe := range probes {
		eventually(t, fmt.Sprintf("%s is refused", probe.GetKind()), func() bool {
			probe.SetName(fmt.Sprintf("probe-%d-%d", i, time.Now().UnixNano()))
			_, err := c.Create(t.Context(), probe)
			return apierrors.IsInvalid(err)
		})
	}
}

// checkVerdict compares the API server's answer with the message that a policy should have refused with.
func checkVerdict(t *testing.T, policy string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want == "":
	case err == nil:
		t.Errorf("accepted; want %s", want)
	default:
		full := fmt.Sprintf("ValidatingAdmissionPolicy 'tlstrace-%s' with binding 'tlstrace-%[1]s' denied request: %s", policy, want)
		if !apierrors.IsInvalid(err) || !strings.HasSuffix(err.Error(), full) {
			t.Errorf("got  %v\nwant %s", err, full)
		}
	}
}

// testUpdates changes objects that were there before they became wrong.
func testUpdates(t *testing.T, c *cluster.Cluster) {
	accepted, err := c.Create(t.Context(), named(peer("shop", `mtls: {mode: STRICT}`), "changes"))
	if err != nil {
		t.Fatal(err)
	}
	accepted.Object["spec"] = map[string]any{"mtls": map[string]any{"mode": "DISABLE"}}
	_, err = c.Update(t.Context(), accepted)
	checkVerdict(t, "peer-authentication", err, say(notAllowed, "DISABLE", "shop", "STRICT", "shop"))

	running, err := c.Create(t.Context(), named(pod("istio/proxyv2:1.27.1"), "running"))
	if err != nil {
		t.Fatal(err)
	}
	setParameters(t, c, map[string]string{"proxyVersions": "1.29.0"})
	eventually(t, "1.27.1 is not expected any more", func() bool {
		_, err := c.Create(t.Context(), named(pod("istio/proxyv2:1.27.1"), fmt.Sprintf("late-%d", time.Now().UnixNano())))
		return apierrors.IsInvalid(err)
	})
	running.SetLabels(map[string]string{"changed": "yes"})
	if running, err = c.Update(t.Context(), running); err != nil {
		t.Errorf("the label of a pod with an image of yesterday cannot be changed: %v", err)
	}
	containers := running.Object["spec"].(map[string]any)["containers"].([]any)
	containers[1].(map[string]any)["image"] = "istio/proxyv2:1.28.0"
	if _, err = c.Update(t.Context(), running); !apierrors.IsInvalid(err) {
		t.Errorf("the image of a running pod can be changed to a version that is not expected: %v", err)
	}
}

// testKnob turns the parameters and sees the policies follow.
func testKnob(t *testing.T, c *cluster.Cluster) {
	setParameters(t, c, map[string]string{"modes.shop": "STRICT PERMISSIVE", "proxyVersions": ""})
	eventually(t, "PERMISSIVE is allowed in shop", func() bool {
		_, err := c.Create(t.Context(), named(peer("shop", `mtls: {mode: PERMISSIVE}`), "turned"))
		return err == nil
	})
	eventually(t, "a DestinationRule follows", func() bool {
		_, err := c.Create(t.Context(), named(rule("web", "payments.shop.svc.cluster.local", `trafficPolicy: {tls: {mode: DISABLE}}`), "turned"))
		return err == nil
	})
	eventually(t, "any pinned version is expected", func() bool {
		_, err := c.Create(t.Context(), named(pod("istio/proxyv2:1.26.0"), "turned"))
		return err == nil
	})
	_, err := c.Create(t.Context(), named(pod("istio/proxyv2:latest"), "floating"))
	checkVerdict(t, "sidecar-version", err, say(unpinned, "istio/proxyv2:latest"))

	gone := c.Client.CoreV1().ConfigMaps("istio-system").Delete(t.Context(), "tlstrace-mtls", metav1.DeleteOptions{})
	if gone != nil {
		t.Fatal(gone)
	}
	eventually(t, "no change without the ConfigMap", func() bool {
		_, err := c.Create(t.Context(), named(peer("shop", `mtls: {mode: STRICT}`), fmt.Sprintf("without-%d", time.Now().UnixNano())))
		return apierrors.IsForbidden(err) || apierrors.IsInvalid(err)
	})
	eventually(t, "pods start without the ConfigMap", func() bool {
		_, err := c.Create(t.Context(), named(pod("istio/proxyv2:latest"), "without"))
		return err == nil
	})
	c.Apply(t, "parameters.yaml")
}

// testTrial applies the bindings of the trial: what was refused is let through with a warning.
func testTrial(t *testing.T, c *cluster.Cluster) {
	text, err := os.ReadFile(filepath.Join("bindings", "audit.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	bindings, err := cluster.Objects(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bindings {
		if _, err := c.Update(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	told := &warnings{}
	c.Config.WarningHandler = told
	eventually(t, "DISABLE is let through", func() bool {
		_, err := c.Create(t.Context(), named(peer("bank", `mtls: {mode: DISABLE}`), "trial"))
		return err == nil
	})
	// The ConfigMap is as it is shipped again, which has no entry for bank.
	want := say(notAllowed, "DISABLE", "bank", "STRICT", "bank")
	if len(told.text) != 1 || !strings.HasSuffix(told.text[0], want) {
		t.Errorf("the client is warned %q, want %s", told.text, want)
	}
}

// warnings keeps what the API server tells a client beside its answer.
type warnings struct{ text []string }

func (w *warnings) HandleWarningHeader(_ int, _, text string) { w.text = append(w.text, text) }

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("after a minute it does not hold: %s", what)
}
