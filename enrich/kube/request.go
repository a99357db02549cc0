package kube

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// requestTime bounds one request.
const requestTime = 5 * time.Second

// errFake says that the client is a fake clientset, which has no REST client.
var errFake = errors.New("this client answers watches only")

// fromCache asks for any version that the API server has in memory, which is at most moments old, instead of etcd's.
const fromCache = "0"

// request is one GET: of an object if it has a name, else a list.
type request struct {
	kind            string // as in Stats
	group           rest.Interface
	resource        string
	namespace, name string
	fields          string
	version         string
	limit           int64
	continueAfter   string
	into            runtime.Object
}

// do makes a request within the rate limit, counts it and notes how it ended. client-go would repeat one that the server puts off,
// outside of our limits: it is told not to.
func (n *Names) do(ctx context.Context, r request) error {
	if err := n.asker.pace(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	err := r.send(ctx)
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return err // we are being stopped: that says nothing about the server
	}
	n.counts.request(r.kind, n.asker.health.note(r.resource, err))
	return err
}

func (r request) send(ctx context.Context) error {
	if client, ok := r.group.(*rest.RESTClient); !ok || client == nil {
		return errFake
	}
	get := r.group.Get().NamespaceIfScoped(r.namespace, r.namespace != "").Resource(r.resource).MaxRetries(0)
	if r.name != "" {
		get = get.Name(r.name).VersionedParams(&metav1.GetOptions{ResourceVersion: r.version}, scheme.ParameterCodec)
	} else {
		get = get.VersionedParams(&metav1.ListOptions{
			FieldSelector: r.fields, ResourceVersion: r.version, Limit: r.limit, Continue: r.continueAfter,
		}, scheme.ParameterCodec)
	}
	return get.Do(ctx).Into(r.into)
}
