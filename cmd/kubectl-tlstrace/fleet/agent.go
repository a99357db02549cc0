// Package fleet reads the agents of a cluster as one: it finds their pods, reaches each through the API server with the user's own
// credentials, follows their streams over restarts, and makes one event of what two nodes tell of one connection.
//
//	pods -> route{ port-forward | pod proxy } -> stream, one per agent -> join -> Read
package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Selector finds the pods of the chart.
const Selector = "app.kubernetes.io/name=tlstrace"

// defaultPort is where an agent listens whose pod names no port.
const defaultPort = 9499

// Agent is a pod that should be one.
type Agent struct {
	Namespace, Pod string
	UID            types.UID
	Node           string
	Account        string // its service account
	Port           int32
	HTTPS          bool
	Trouble        string // why it cannot be asked; "" if it can
}

// name is how users know it.
func (a Agent) name() string { return a.Namespace + "/" + a.Pod }

// agentOf reads what a pod says of itself.
func agentOf(pod *corev1.Pod) Agent {
	a := Agent{
		Namespace: pod.Namespace, Pod: pod.Name, UID: pod.UID, Node: pod.Spec.NodeName, Account: pod.Spec.ServiceAccountName,
		Port: defaultPort, Trouble: troubleOf(pod),
	}
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == "http" {
				a.Port = p.ContainerPort
			}
		}
		if probe := c.ReadinessProbe; probe != nil && probe.HTTPGet != nil && probe.HTTPGet.Scheme == corev1.URISchemeHTTPS {
			a.HTTPS = true
		}
	}
	return a
}

// troubleOf says why a pod cannot be asked. One that is not ready can: it may know less, but it is there.
func troubleOf(pod *corev1.Pod) string {
	switch {
	case pod.DeletionTimestamp != nil:
		return "its agent is ending"
	case pod.Status.Phase != corev1.PodRunning:
		return fmt.Sprintf("its agent %s/%s is %s", pod.Namespace, pod.Name, cmp.Or(pod.Status.Phase, corev1.PodPending))
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return fmt.Sprintf("its agent %s/%s waits: %s", pod.Namespace, pod.Name, cmp.Or(c.State.Waiting.Reason, "no reason given"))
		}
	}
	return ""
}

// Where says which pods are agents. An empty Namespace is all, an empty Node is every one.
type Where struct{ Namespace, Selector, Node string }

// ErrNotAllowed wraps the API server's refusal; its text names the verb, the resource and the user.
type ErrNotAllowed struct {
	Doing string // what needed it
	Err   error
}

func (e *ErrNotAllowed) Error() string {
	return fmt.Sprintf("%s: %v (docs/kubectl.md has the role)", e.Doing, e.Err)
}

// Unwrap returns the API server's own error.
func (e *ErrNotAllowed) Unwrap() error { return e.Err }

// refused tells a refusal from other errors.
func refused(doing string, err error) error {
	if errors.IsForbidden(err) || errors.IsUnauthorized(err) {
		return &ErrNotAllowed{doing, err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Find lists the agents, by node. Of several pods on one node it takes one that can be asked, and of these the newest.
func Find(ctx context.Context, client kubernetes.Interface, w Where) ([]Agent, error) {
	options := metav1.ListOptions{LabelSelector: w.Selector}
	if w.Node != "" {
		options.FieldSelector = "spec.nodeName=" + w.Node
	}
	list, err := client.CoreV1().Pods(w.Namespace).List(ctx, options)
	if err != nil {
		return nil, refused("finding the agents takes list on pods", err)
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	best := map[string]Agent{}
	for i := range list.Items {
		a := agentOf(&list.Items[i])
		if a.Node == "" {
			continue // not scheduled: its node will be told as without an agent
		}
		if known, ok := best[a.Node]; !ok || known.Trouble != "" && a.Trouble == "" {
			best[a.Node] = a
		}
	}
	agents := make([]Agent, 0, len(best))
	for _, a := range best {
		agents = append(agents, a)
	}
	slices.SortFunc(agents, func(a, b Agent) int { return cmp.Compare(a.Node, b.Node) })
	return agents, nil
}

// nodes lists the nodes that should have an agent: those of Linux.
func nodes(ctx context.Context, client kubernetes.Interface, only string) ([]string, error) {
	options := metav1.ListOptions{}
	if only != "" {
		options.FieldSelector = "metadata.name=" + only
	}
	list, err := client.CoreV1().Nodes().List(ctx, options)
	if err != nil {
		return nil, refused("finding nodes without an agent takes list on nodes", err)
	}
	var names []string
	for _, n := range list.Items {
		if os := n.Labels[corev1.LabelOSStable]; os == "" || os == "linux" {
			names = append(names, n.Name)
		}
	}
	return names, nil
}
