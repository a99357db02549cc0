package kube

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// listWatch is what typed clients have in common.
type listWatch[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// watchPods keeps the pods of this node until ctx is done.
func (n *Names) watchPods(ctx context.Context) {
	onNode := fields.OneTermEqualSelector("spec.nodeName", n.options.Node).String()
	mirror(ctx, n, "watch_pods", n.options.Client.CoreV1().Pods(metav1.NamespaceAll), onNode, &corev1.Pod{}, n.pods)
}

// watchServices keeps all services until ctx is done.
func (n *Names) watchServices(ctx context.Context) {
	mirror(ctx, n, "watch_services", n.options.Client.CoreV1().Services(metav1.NamespaceAll), "", &corev1.Service{}, n.services)
}

// mirror fills a store with what a client lists and watches. The reflector comes back by itself, later each time, up to half a
// minute. Its own log is left out: ours says once what is wrong.
func mirror[L runtime.Object](ctx context.Context, n *Names, kind string, client listWatch[L], selector string, of runtime.Object,
	store cache.ReflectorStore) {
	state := &watchState{kind: kind, log: n.options.Logger, counts: n.counts, health: n.asker.health}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = selector
			list, err := client.List(ctx, o)
			state.note(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = selector
			w, err := client.Watch(ctx, o)
			state.note(ctx, err)
			return w, err
		},
	}
	quiet := logr.NewContext(ctx, logr.Discard())
	cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(source, n.options.Client), of, store,
		cache.ReflectorOptions{Name: kind}).RunWithContext(quiet)
}

// watchState counts the requests of one reflector, which makes them one after the other, and logs when they begin or cease to fail.
type watchState struct {
	kind    string
	log     *slog.Logger
	counts  *counts
	health  *health
	failing bool
}

func (w *watchState) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() != nil {
		return // we are being stopped
	}
	w.counts.request(w.kind, resultOf(err))
	switch {
	case err != nil && !w.failing:
		w.log.Warn("cannot follow the Kubernetes API server; trying again", "what", w.kind, "error", err.Error())
	case err == nil && w.failing:
		w.log.Info("following the Kubernetes API server again", "what", w.kind)
		w.health.resume()
	}
	w.failing = err != nil
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return resultForbidden
	case apierrors.IsTooManyRequests(err):
		return resultLimited
	}
	return resultError
}
