package kube

import (
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// offline is a client whose API server is not there.
func offline(t testing.TB) kubernetes.Interface {
	t.Helper()
	client, err := NewClient(&rest.Config{Host: "http://127.0.0.1:1"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return client
}
