package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tlstrace/tlstrace/event"
)

// freshFor is how long a list of pods is good enough, and maxPods how many are remembered: those that are gone are still talked of.
const (
	freshFor = 5 * time.Second
	maxPods  = 20000
)

// labelled are the pods with the labels of --selector. Events name pods and not their labels, so that agents cannot choose by them.
type labelled struct {
	client    kubernetes.Interface
	namespace string
	selector  string
	now       func() time.Time
	names     map[string]bool // namespace/name
	at        time.Time
}

// newLabelled is nil without a selector, and then matches everything.
func newLabelled(ctx context.Context, client kubernetes.Interface, namespace, selector string, now func() time.Time) (*labelled, error) {
	if selector == "" {
		return nil, nil
	}
	l := &labelled{client: client, namespace: namespace, selector: selector, now: now, names: map[string]bool{}}
	return l, l.refresh(ctx)
}

func (l *labelled) refresh(ctx context.Context) error {
	list, err := l.client.CoreV1().Pods(l.namespace).List(ctx, metav1.ListOptions{LabelSelector: l.selector})
	if err != nil {
		return fmt.Errorf("--selector takes list on pods: %w", err)
	}
	l.at = l.now()
	if len(l.names)+len(list.Items) > maxPods {
		clear(l.names)
	}
	for _, p := range list.Items {
		l.names[p.Namespace+"/"+p.Name] = true
	}
	return nil
}

// match says whether an end is in one of the pods. A pod that is not known may be new.
func (l *labelled) match(ctx context.Context, e *event.Event) bool {
	if l == nil || l.has(e) {
		return true
	}
	if l.now().Sub(l.at) < freshFor || l.refresh(ctx) != nil { // what is known has to do
		return false
	}
	return l.has(e)
}

func (l *labelled) has(e *event.Event) bool {
	for _, k := range []*event.K8s{e.Client.K8s, e.Server.K8s} {
		if k != nil && k.Pod != "" && l.names[k.Namespace+"/"+k.Pod] {
			return true
		}
	}
	return false
}
