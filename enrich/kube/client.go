package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// NewClient makes a client as [Names] needs it: with protobuf, which takes a fraction of the memory of JSON, and without a rate limit
// of its own, because Names has one. userAgent is what the API server's audit log shows.
func NewClient(config *rest.Config, userAgent string) (kubernetes.Interface, error) {
	c := rest.CopyConfig(config)
	c.ContentType = runtime.ContentTypeProtobuf
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	c.UserAgent = userAgent
	c.QPS, c.RateLimiter = -1, nil
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("making a Kubernetes client: %w", err)
	}
	return client, nil
}
